// Values on a map: grids as pictures with a slider for each other axis, points as coloured dots.

import { classColour, colour, css, range } from "./axes.js";
import { axisName, classes, edges, geographic, symbol, titled, value } from "./covjson.js";
import { accent, latitude, longitude, map, spacious } from "./map.js";
import { T, element, moment, number } from "./texts.js";

const MOST_PIXELS = 1400;
const MOST_SPOTS = 20000;

// --- grids --------------------------------------------------------------------------------------------------------

export function grid(host, cov) {
  const keys = Object.keys(cov.ranges).filter((k) => drawable(cov.ranges[k]));
  const state = { key: keys[0], at: {} };
  const place = element("div", { class: "map tall", role: "application", "aria-label": T("Map of the values") });
  const told = element("p", { class: "told" }, T("Point at the map to read its values."));
  const legend = element("div", { class: "legend" });
  const bar = element("div", { class: "controls" });
  host.append(bar, place, legend, told);
  if (!keys.length) return void place.remove();
  const area = extent(cov);
  const made = map(place, area.box, { plane: !geographic(cov) });
  let picture = null;
  const paint = () => {
    const scale = scaled(cov, state.key);
    const image = pictured(cov, state, area, scale);
    if (picture) picture.setUrl(image);
    else picture = L.imageOverlay(image, area.bounds, { className: "cells", zIndex: 1 }).addTo(made);
    key(legend, cov, state.key, scale);
  };
  choices(bar, cov, keys, state, paint);
  made.on("mousemove click", (event) => { told.textContent = reading(cov, state, area, event.latlng); });
  paint();
}

function drawable(range) {
  return range.values.some((v) => typeof v === "number") || !range.values.some((v) => v !== null);
}

function extent(cov) {
  const xs = edges(cov.axes.x);
  const ys = edges(cov.axes.y);
  const [west, east] = [Math.min(xs[0], xs.at(-1)), Math.max(xs[0], xs.at(-1))];
  const [south, north] = [Math.min(ys[0], ys.at(-1)), Math.max(ys[0], ys.at(-1))];
  return { xs, ys, box: [west, south, east, north], bounds: [[south, west], [north, east]] };
}

function choices(bar, cov, keys, state, changed) {
  if (keys.length > 1) {
    const options = keys.map((k) => element("option", { value: k }, titled(cov, k)));
    const choice = element("select", { onchange: () => { state.key = choice.value; changed(); } }, ...options);
    bar.append(element("label", { class: "control" }, T("Parameter"), choice));
  } else bar.append(element("p", { class: "control" }, titled(cov, keys[0])));
  for (const [name, axis] of Object.entries(cov.axes)) {
    if (name === "x" || name === "y") continue;
    state.at[name] = 0;
    bar.append(axis.values.length > 1 ? slider(cov, name, axis, state, changed) : fixed(cov, name, axis));
  }
}

function written(v) {
  return typeof v === "number" ? number(v) : moment(v);
}

function fixed(cov, name, axis) {
  return element("p", { class: "control" }, `${axisName(cov, name)} `, element("output", {}, written(axis.values[0])));
}

function slider(cov, name, axis, state, changed) {
  const output = element("output", {}, written(axis.values[0]));
  const input = element("input", {
    type: "range", min: 0, max: axis.values.length - 1, value: 0, "aria-valuetext": written(axis.values[0]),
    oninput: () => {
      state.at[name] = Number(input.value);
      output.textContent = written(axis.values[input.value]);
      input.setAttribute("aria-valuetext", output.textContent);
      changed();
    },
  });
  return element("label", { class: "control slider" }, axisName(cov, name), input, output);
}

// The colour of each value: a ramp between two ends, or one a class.
function scaled(cov, key) {
  const named = classes(cov, key);
  if (named) {
    return { named, of: (v) => (named.has(v) ? classColour(named.get(v).index) : [120, 120, 120]) };
  }
  const [low, high] = range(cov.ranges[key].values);
  return { low, high, of: (v) => colour(high > low ? (v - low) / (high - low) : 0.5) };
}

// One picture of the grid as it lies: uneven axes are spread over even pixels.
function pictured(cov, state, { xs, ys }, scale) {
  const columns = spread(xs);
  const rows = spread(ys);
  if (ys[0] < ys.at(-1)) rows.reverse();
  if (xs[0] > xs.at(-1)) columns.reverse();
  const canvas = element("canvas", { width: columns.length, height: rows.length });
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns.length, rows.length);
  const found = cov.ranges[state.key];
  let at = 0;
  for (const y of rows) {
    for (const x of columns) {
      const v = value(found, { ...state.at, x, y });
      if (typeof v === "number") {
        const [r, g, b] = scale.of(v);
        image.data[at] = r;
        image.data[at + 1] = g;
        image.data[at + 2] = b;
        image.data[at + 3] = 235;
      }
      at += 4;
    }
  }
  context.putImageData(image, 0, 0);
  return canvas.toDataURL();
}

// For each pixel the cell under its middle, from the first edge to the last.
function spread(bounds) {
  const n = bounds.length - 1;
  const [start, end] = [bounds[0], bounds[n]];
  const even = bounds.every((e, i) => Math.abs(e - (start + ((end - start) * i) / n)) <= Math.abs((end - start) / n) * 0.02);
  if (even) return Array.from({ length: n }, (_, i) => i);
  const pixels = Math.min(Math.max(n * 4, 200), MOST_PIXELS);
  return Array.from({ length: pixels }, (_, i) => cell(bounds, start + ((i + 0.5) / pixels) * (end - start)));
}

function cell(bounds, at) {
  const rising = bounds[0] < bounds.at(-1);
  let [low, high] = [0, bounds.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (rising ? at >= bounds[middle] : at <= bounds[middle]) low = middle;
    else high = middle;
  }
  return low;
}

function reading(cov, state, { xs, ys, box }, { lng, lat }) {
  const [west, south, east, north] = box;
  const x = [lng, lng + 360, lng - 360].find((v) => v >= west && v <= east);
  if (x === undefined || lat < south || lat > north) return T("Point at the map to read its values.");
  const at = { x: cell(xs, x), y: cell(ys, lat) };
  const found = value(cov.ranges[state.key], { ...state.at, ...at });
  const [cx, cy] = [cov.axes.x.values[at.x], cov.axes.y.values[at.y]];
  const where = geographic(cov) ? `${latitude(cy)}, ${longitude(cx)}` : `x ${number(cx)}, y ${number(cy)}`;
  return `${where}: ${say(cov, state.key, found)}`;
}

function say(cov, key, v) {
  if (v === null || v === undefined) return T("no value");
  const named = classes(cov, key);
  if (named) return named.get(v)?.label ?? number(v);
  return `${number(v)} ${symbol(cov, key)}`.trim();
}

function key(legend, cov, name, scale) {
  legend.replaceChildren();
  if (scale.named) {
    const present = new Set(cov.ranges[name].values);
    const list = element("ul", { class: "key" });
    for (const [v, named] of scale.named) {
      if (!present.has(v)) continue;
      const swatch = element("span", { class: "swatch" });
      swatch.style.background = css(classColour(named.index));
      list.append(element("li", {}, swatch, named.label || String(v)));
    }
    legend.append(list);
    return;
  }
  if (scale.low === undefined) return void legend.append(element("p", { class: "small" }, T("no value")));
  const ramp = element("span", { class: "ramp" });
  ramp.style.background = `linear-gradient(to right, ${Array.from({ length: 9 }, (_, i) => css(colour(i / 8))).join(",")})`;
  legend.append(element("span", {}, number(scale.low)), ramp, element("span", {}, `${number(scale.high)} ${symbol(cov, name)}`));
}

// --- points -------------------------------------------------------------------------------------------------------

export function places(members) {
  return members.flatMap((cov, i) => {
    const [x, y] = [cov.axes.x?.values[0], cov.axes.y?.values[0]];
    return typeof x === "number" && typeof y === "number" ? [{ x, y, cov, index: i }] : [];
  });
}

// Dots of a composite axis, or of places: coloured by the value of a parameter where there is one for each.
export function spots(host, cov, found = null, members = null) {
  const model = cov ?? found[0].cov;
  const dots = found ?? cov.composite.x.map((x, index) => ({ x, y: cov.composite.y[index], cov, index }));
  const keys = cov || members ? Object.keys(model.ranges).filter((k) => drawable(model.ranges[k])) : [];
  const place = element("div", { class: keys.length ? "map tall" : "map small-map", role: "application", "aria-label": T("Map of the places") });
  const legend = element("div", { class: "legend" });
  const bar = element("div", { class: "controls" });
  const holder = element("div", {}, bar, place, legend);
  host.append(holder);
  const box = [Math.min(...axis(dots, "x")), Math.min(...axis(dots, "y")), Math.max(...axis(dots, "x")), Math.max(...axis(dots, "y"))];
  const made = map(place, spacious(box, keys.length && dots.length > 1 ? 0.2 : 4), { plane: !geographic(model) });
  const layer = L.layerGroup().addTo(made);
  const state = { key: keys[0], at: {} };
  const paint = () => {
    layer.clearLayers();
    const scale = keys.length ? spotScale(cov, members, state.key) : null;
    for (const dot of dots.slice(0, MOST_SPOTS)) {
      const v = scale ? valueAt(cov, members, dot, state) : null;
      const fill = typeof v === "number" ? css(scale.of(v)) : accent(place);
      const absent = scale !== null && typeof v !== "number";
      const mark = L.circleMarker([dot.y, dot.x], {
        radius: absent ? 2 : dots.length > 1000 ? 3.5 : 5, weight: dots.length > 200 ? 0 : 0.8, color: "#14202e",
        fillColor: absent ? "#14202e" : fill, fillOpacity: absent ? 0.15 : 0.95, pane: "marks",
      });
      if (scale) mark.bindTooltip(`${number(dot.y)}, ${number(dot.x)}: ${say(model, state.key, v)}`);
      layer.addLayer(mark);
    }
    if (scale) key(legend, pooled(cov, members, state.key), state.key, scale);
  };
  if (keys.length) choices(bar, { ...model, axes: cov ? model.axes : {} }, keys, state, paint);
  paint();
}

function axis(dots, name) {
  return dots.slice(0, MOST_SPOTS).map((d) => d[name]);
}

function pooled(cov, members, name) {
  if (cov) return cov;
  return { ...members[0], ranges: { [name]: { values: members.flatMap((m) => m.ranges[name]?.values ?? []) } } };
}

function spotScale(cov, members, name) {
  return scaled(pooled(cov, members, name), name);
}

function valueAt(cov, members, dot, state) {
  if (cov) return value(cov.ranges[state.key], { ...state.at, composite: dot.index });
  return members[dot.index].ranges[state.key]?.values[0] ?? null;
}
