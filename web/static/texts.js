// Interface texts in the language of the page, and numbers and units as people write them.

const language = document.documentElement.lang || "en";
const known = JSON.parse(document.getElementById("texts")?.textContent || "{}");

export function T(text, values = {}) {
  return (known[text] ?? text).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

const plain = new Intl.NumberFormat(language, { maximumSignificantDigits: 6 });
const scientific = new Intl.NumberFormat(language, { notation: "scientific", maximumSignificantDigits: 4 });

export function number(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  const size = Math.abs(value);
  return size !== 0 && (size >= 1e7 || size < 1e-4) ? scientific.format(value) : plain.format(value);
}

const UNITS = { Cel: "°C", deg: "°", "[degF]": "°F", um: "µm", ug: "µg", us: "µs", Ohm: "Ω", "[pH]": "pH", "[ppth]": "‰", "[ppm]": "ppm", "[ppb]": "ppb" };
const RAISED = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

export function unit(ucum) {
  if (!ucum || ucum === "1") return "";
  return ucum.split(/([./])/).map((part) => {
    if (part === "." ) return "\u202f";
    const [, base, power] = /^(.*?[^\d-])(-?\d+)$/.exec(part) || [null, part, ""];
    return (UNITS[base] ?? base) + [...power].map((c) => RAISED[c]).join("");
  }).join("");
}

// A text or a language map of CoverageJSON.
export function spoken(text) {
  if (text === null || text === undefined) return "";
  if (typeof text !== "object") return String(text);
  return text[language] ?? text.en ?? text.und ?? Object.values(text)[0] ?? "";
}

// "2020-01-01T00:00:00Z" without what says nothing.
export function moment(text) {
  const short = String(text).replace(/T00:00(:00(\.0+)?)?Z?$/, "").replace(/(T\d\d:\d\d):00(\.0+)?Z?$/, "$1");
  return short.replace("T", " ").replace(/Z$/, "");
}

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((c) => c !== null && c !== undefined));
  return made;
}

export function shipped(name) {
  return document.body.dataset.static + name;
}
