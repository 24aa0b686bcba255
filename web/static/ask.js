// The forms of a collection: tabs, places picked on the map, and the request as an address, curl or Python.

import { T } from "./texts.js";

export function ready(section) {
  const forms = [...section.querySelectorAll("form")];
  const tabs = [...section.querySelectorAll("[role=tab]")];
  const codes = [...section.querySelectorAll("[data-code]")];
  const state = { form: forms[0], code: "url" };
  const refresh = () => { written(section, state); };
  const choose = (i) => {
    state.form = forms[i];
    forms.forEach((form, j) => { form.hidden = i !== j; });
    tabs.forEach((tab, j) => { tab.setAttribute("aria-selected", String(i === j)); tab.tabIndex = i === j ? 0 : -1; });
    refresh();
  };
  section.classList.add("live");
  section.querySelector(".tabs").hidden = tabs.length < 2;
  section.querySelector(".address").hidden = false;
  tabs.forEach((tab, i) => {
    tab.addEventListener("click", () => choose(i));
    tab.addEventListener("keydown", (event) => moved(event, tabs, i, choose));
  });
  codes.forEach((button) => button.addEventListener("click", () => {
    state.code = button.dataset.code;
    codes.forEach((b) => b.setAttribute("aria-pressed", String(b === button)));
    refresh();
  }));
  forms.forEach((form) => {
    form.addEventListener("input", refresh);
    form.addEventListener("submit", (event) => { event.preventDefault(); asked(form); });
  });
  picking(state, refresh);
  choose(0);
}

function moved(event, tabs, i, choose) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const next = (i + step + tabs.length) % tabs.length;
  choose(next);
  tabs[next].focus();
}

// The address that a form asks: what is empty is left out, several parameters are one list.
function address(form, { program = false } = {}) {
  const found = new Map();
  for (const [key, value] of new FormData(form)) {
    if (value === "" || (program && (key === "lang" || (key === "f" && value === "html")))) continue;
    found.set(key, found.has(key) ? `${found.get(key)},${value}` : value);
  }
  const query = [...found].map(([k, v]) => `${k}=${encodeURIComponent(v).replace(/%2C/g, ",").replace(/%3A/g, ":").replace(/%2F/g, "/")}`).join("&");
  return new URL(form.getAttribute("action") + (query ? `?${query}` : ""), location.href).href;
}

function written(section, { form, code }) {
  const url = address(form, { program: true });
  const text = {
    url,
    curl: `curl "${url}"`,
    python: `import requests\nanswer = requests.get(\n    "${url}")\nprint(answer.json())`,
  };
  section.querySelector(".address code").textContent = text[code];
}

// An empty answer (204) leaves the page as it is and says so; any other is shown.
async function asked(form) {
  const status = form.querySelector(".status");
  const url = address(form);
  status.textContent = T("Asking…");
  const html = (form.elements.namedItem("f")?.value ?? "html") === "html";
  if (html) {
    const answer = await fetch(url, { headers: { Accept: "text/html" } }).catch(() => null);
    if (answer?.status === 204) {
      status.textContent = T("There is nothing there: try another place, time or level.");
      return;
    }
  }
  status.textContent = "";
  location.href = url;
}

function picking(state, refresh) {
  const place = document.querySelector("[data-map][data-bbox]");
  if (!place) return;
  const listen = () => {
    const map = place.leaflet;
    let mark = null;
    map.on("click", ({ latlng }) => {
      const field = state.form.querySelector("[data-picks=point]");
      if (!field) return;
      const x = ((latlng.lng + 180) % 360 + 360) % 360 - 180;
      field.value = `POINT(${round(x)} ${round(latlng.lat)})`;
      mark?.remove();
      mark = L.circleMarker(latlng, { radius: 6, weight: 2, color: "#fff", fillColor: "#14202e", fillOpacity: 1, pane: "marks" }).addTo(map);
      refresh();
    });
    for (const field of document.querySelectorAll("[data-picks=box], [data-picks=polygon]")) seen(field, map, refresh);
  };
  if (place.leaflet) listen();
  else place.addEventListener("mapped", listen, { once: true });
}

// A button that takes what the map shows.
function seen(field, map, refresh) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = T("Take what the map shows");
  button.addEventListener("click", () => {
    const b = map.getBounds();
    const [w, e] = b.getEast() - b.getWest() >= 360 ? [-180, 180] : [b.getWest(), b.getEast()].map((x) => round(((x + 180) % 360 + 360) % 360 - 180));
    const [s, n] = [round(Math.max(b.getSouth(), -90)), round(Math.min(b.getNorth(), 90))];
    field.value = field.dataset.picks === "box" ? `${w},${s},${e},${n}` : `POLYGON((${w} ${s},${e} ${s},${e} ${n},${w} ${n},${w} ${s}))`;
    refresh();
  });
  field.after(button);
}

function round(value) {
  return Number(value.toFixed(4));
}
