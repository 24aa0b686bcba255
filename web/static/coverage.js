// The page of a data answer: a map with sliders, time series, profiles, and the table of values.

import { axisName, calendar, coverages, titled, value, vertical } from "./covjson.js";
import { milliseconds } from "./axes.js";
import { chart } from "./chart.js";
import { grid, places, spots } from "./field.js";
import { T, element, moment, number } from "./texts.js";

const ASK_FIRST = 300000;
const MOST_ROWS = 500;
const MOST_LINES = 8;

export async function shown(place) {
  const embedded = document.getElementById("answer");
  const many = Number(place.dataset.values ?? 0);
  if (!embedded && many > ASK_FIRST && !(await wanted(place, many))) return;
  try {
    const answer = embedded ? JSON.parse(embedded.textContent) : await fetched(place.dataset.coverage);
    place.replaceChildren();
    drawn(place, answer);
  } catch (error) {
    place.replaceChildren(element("p", { class: "empty" }, error.message));
  }
  place.setAttribute("aria-busy", "false");
}

function wanted(place, many) {
  return new Promise((resolve) => {
    const button = element("button", { type: "button", onclick: () => resolve(true) }, T("Read and draw them"));
    place.replaceChildren(element("p", { class: "status" }, T("This answer holds {n} values.", { n: number(many) }), " ", button));
  });
}

async function fetched(address) {
  const answer = await fetch(address, { headers: { Accept: "application/prs.coverage+json, application/json" } });
  if (answer.status === 204) throw new Error(T("There is nothing here."));
  const document = await answer.json();
  if (!answer.ok) throw new Error(document.detail ?? document.description ?? answer.statusText);
  return document;
}

function drawn(place, answer) {
  if (answer.type === "FeatureCollection") return void place.append(element("p", {}, T("This answer is a list of features.")));
  const members = coverages(answer).filter((c) => Object.keys(c.ranges ?? {}).length);
  if (!members.length) return void place.append(element("p", { class: "empty" }, T("There is nothing here.")));
  const first = members[0];
  if (first.composite && members.length === 1) tracks(place, first);
  else if (members.some((c) => size(c, "x") > 1 || size(c, "y") > 1)) fields(place, members);
  else lines(place, members);
  place.append(table(members));
}

function size(cov, name) {
  return cov.axes[name]?.values.length ?? 1;
}

// --- grids: one at a time, where there are several ---------------------------------------------------------------

function fields(place, members) {
  const host = element("div", { class: "field-of-values" });
  if (members.length > 1) {
    const options = members.map((c, i) => element("option", { value: i }, c.id ?? `${i + 1}`));
    const choice = element("select", { onchange: () => { host.replaceChildren(); grid(host, members[choice.value]); } }, ...options);
    place.append(element("label", { class: "control" }, T("Part"), choice));
  }
  place.append(host);
  grid(host, members[0]);
}

// --- a composite axis: points, and a line where they have times ----------------------------------------------------

function tracks(place, cov) {
  spots(place, cov);
  const { composite } = cov;
  if (!composite.t || composite.length < 2) return;
  const x = timeAxis([cov], composite.t);
  for (const key of Object.keys(cov.ranges)) {
    const points = composite.t.map((t, i) => [x.at(t), cov.ranges[key].values[i], moment(t)]);
    chart(place, { title: titled(cov, key), lines: [{ name: key, points }], x, y: { label: titled(cov, key) } });
  }
}

// --- places: time series, profiles, or single values --------------------------------------------------------------

function lines(place, members) {
  const longest = (name) => Math.max(...members.map((c) => size(c, name)));
  const others = new Set(members.flatMap((c) => Object.keys(c.axes)));
  const along = ["t", "z", ...others].find((name) => others.has(name) && longest(name) > 1);
  if (!along) return void singles(place, members);
  const layout = element("div", { class: "with-map" });
  const charts = element("div");
  layout.append(charts);
  place.append(layout);
  controls(charts, members[0], along, (fixed) => paint(charts, members, along, fixed));
  if (places(members).length) spots(layout, null, places(members));
}

// A choice for each other axis that has several values.
function controls(host, cov, along, changed) {
  const fixed = {};
  const bar = element("div", { class: "controls" });
  for (const [name, axis] of Object.entries(cov.axes)) {
    if (name === along || axis.values.length < 2) continue;
    fixed[name] = 0;
    const options = axis.values.map((v, i) => element("option", { value: i }, typeof v === "number" ? number(v) : moment(v)));
    const choice = element("select", { onchange: () => { fixed[name] = Number(choice.value); changed(fixed); } }, ...options);
    bar.append(element("label", { class: "control" }, axisName(cov, name), choice));
  }
  if (bar.childElementCount) host.append(bar);
  changed(fixed);
}

function paint(host, members, along, fixed) {
  for (const old of host.querySelectorAll("figure, .more")) old.remove();
  const drawnOf = members.slice(0, MOST_LINES);
  for (const key of new Set(members.flatMap((c) => Object.keys(c.ranges)))) {
    const having = drawnOf.filter((c) => c.ranges[key]?.axisNames?.includes(along) || size(c, along) === 1);
    if (!having.length || typeof firstValue(having, key) === "string") continue;
    figure(host, having, key, along, fixed);
  }
  if (members.length > MOST_LINES) {
    host.append(element("p", { class: "more small" }, T("Drawn: the first {some} of {all}.", { some: MOST_LINES, all: members.length })));
  }
}

function firstValue(members, key) {
  for (const c of members) for (const v of c.ranges[key].values) if (v !== null) return v;
  return null;
}

function figure(host, members, key, along, fixed) {
  const cov = members[0];
  const profile = along === "z";
  const scale = along === "t" ? timeAxis(members) : { at: (v) => v, label: axisName(cov, along) };
  const drawing = members.map((c, i) => ({ name: c.id ?? where(c) ?? `${i + 1}`, points: points(c, key, along, fixed, scale, profile) }));
  const measured = { label: titled(cov, key) };
  const { down } = vertical(cov);
  chart(host, {
    title: titled(cov, key), lines: drawing, along: profile ? "y" : "x",
    x: profile ? measured : scale,
    y: profile ? { label: scale.label, reversed: down } : measured,
  });
}

function points(cov, key, along, fixed, scale, profile) {
  return (cov.axes[along]?.values ?? []).map((v, i) => {
    const found = value(cov.ranges[key], { ...fixed, [along]: i });
    const text = along === "t" ? moment(v) : `${axisName(cov, along)} ${number(v)}`;
    return profile ? [found, v, text] : [scale.at(v), found, text];
  });
}

function where(cov) {
  const [x, y] = [cov.axes.x?.values[0], cov.axes.y?.values[0]];
  return x === undefined ? null : `${number(y)}, ${number(x)}`;
}

// Times of other calendars are marked at some of the data's own.
function timeAxis(members, times = null) {
  const of = calendar(members[0]);
  const at = (text) => milliseconds(text, of);
  const label = axisName(members[0], "t");
  if (/^(proleptic_)?gregorian$|^standard$/i.test(of)) return { at, label, time: true };
  const all = times ?? members[0].axes.t.values;
  const marks = new Map(all.map((t) => [at(t), moment(t)]));
  return { at, label, time: true, marks };
}

function singles(place, members) {
  const found = places(members);
  if (found.length > 1 && Object.keys(members[0].ranges).length) spots(place, null, found, members);
  else {
    const list = element("dl", { class: "values" });
    const cov = members[0];
    for (const key of Object.keys(cov.ranges)) {
      const v = cov.ranges[key].values[0];
      list.append(element("div", {}, element("dt", {}, titled(cov, key)), element("dd", {}, v === null ? T("no value") : number(v))));
    }
    const layout = element("div", { class: "with-map" }, list);
    place.append(layout);
    if (found.length) spots(layout, null, found);
  }
}

// --- the values as a table ----------------------------------------------------------------------------------------

function table(members) {
  const details = element("details", { class: "table" }, element("summary", {}, T("Values as a table")));
  details.addEventListener("toggle", () => {
    if (details.open && details.childElementCount === 1) details.append(...rows(members));
  });
  return details;
}

function rows(members) {
  const keys = [...new Set(members.flatMap((c) => Object.keys(c.ranges)))];
  const names = [...new Set(members.flatMap((c) => axesOf(c)))];
  const heads = [...names, ...keys].map((n) => element("th", { scope: "col" }, n));
  const body = element("tbody");
  let more = false;
  for (const cov of members) {
    for (const at of walk(cov)) {
      if (body.childElementCount >= MOST_ROWS) { more = true; break; }
      const cells = names.map((n) => coordinate(cov, n, at));
      const found = keys.map((k) => (cov.ranges[k] ? value(cov.ranges[k], at) : null));
      body.append(element("tr", {}, ...cells.map((c) => element("td", {}, c)), ...found.map((v) => element("td", { class: "n" }, number(v)))));
    }
  }
  const whole = element("div", { class: "scroll", tabindex: 0 }, element("table", { class: "rows" }, element("thead", {}, element("tr", {}, ...heads)), body));
  return more ? [whole, element("p", { class: "small" }, T("The first {n} rows; the files below hold all.", { n: MOST_ROWS }))] : [whole];
}

function axesOf(cov) {
  return [...Object.keys(cov.axes), ...(cov.composite ? cov.composite.coordinates : [])];
}

function coordinate(cov, name, at) {
  const v = cov.composite && name in cov.composite ? cov.composite[name][at.composite] : cov.axes[name]?.values[at[name]];
  return v === undefined ? "" : typeof v === "number" ? number(v) : moment(v);
}

function* walk(cov) {
  const dims = Object.entries(cov.axes).map(([name, axis]) => [name, axis.values.length]);
  if (cov.composite) dims.push(["composite", cov.composite.length]);
  const ordered = [...dims].sort(([a], [b]) => order(a) - order(b));
  const total = ordered.reduce((n, [, length]) => n * length, 1);
  for (let i = 0; i < total; i += 1) {
    const at = {};
    let rest = i;
    for (let d = ordered.length - 1; d >= 0; d -= 1) {
      at[ordered[d][0]] = rest % ordered[d][1];
      rest = Math.floor(rest / ordered[d][1]);
    }
    yield at;
  }
}

function order(name) {
  return { t: 0, z: 2, y: 3, x: 4, composite: 5 }[name] ?? 1;
}
