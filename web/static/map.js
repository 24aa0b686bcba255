// Maps over country outlines that we ship: plate carrée, so that grids of longitude and latitude lie true.

import { T, number, shipped } from "./texts.js";

const INK = "#8a97a3";
let outlines;

function countries() {
  outlines ??= fetch(shipped("world.json")).then((answer) => answer.json());
  return outlines;
}

export function accent(place) {
  return getComputedStyle(place).getPropertyValue("--accent").trim() || "#14202e";
}

// A Leaflet map with the world behind it, looking at a box of [west, south, east, north].
// `plane`: x and y of another CRS, without the world.
export function map(place, box, { plane = false } = {}) {
  const made = L.map(place, {
    crs: plane ? L.CRS.Simple : L.CRS.EPSG4326, attributionControl: false, zoomControl: false, zoomSnap: 0.25, maxZoom: 18, minZoom: plane ? -30 : -1,
    worldCopyJump: false, preferCanvas: true,
  });
  L.control.zoom({ position: "topright", zoomInTitle: T("Zoom in"), zoomOutTitle: T("Zoom out") }).addTo(made);
  made.createPane("world").style.zIndex = 150;
  made.createPane("lines").style.zIndex = 350;
  made.createPane("marks").style.zIndex = 450;
  look(made, box, plane);
  if (!plane) world(made);
  graticule(made, plane ? { x: tickNumber, y: tickNumber, most: Infinity } : { x: longitude, y: latitude, most: 90 });
  new ResizeObserver(() => made.invalidateSize({ pan: false })).observe(place);
  return made;
}

export function look(made, box, plane = false) {
  const [west, south, east, north] = box ?? [-180, -80, 180, 85];
  const spread = Math.max(north - south, east - west, 0.01) * 0.04;
  const [low, high] = plane ? [-Infinity, Infinity] : [-90, 90];
  made.fitBounds([[Math.max(south - spread, low), west - spread], [Math.min(north + spread, high), east + spread]]);
}

async function world(made) {
  const shapes = await countries();
  const renderer = L.canvas({ pane: "world", padding: 0.5 });
  for (const shift of [-360, 0, 360]) {
    L.geoJSON(shapes, {
      pane: "world", renderer, interactive: false,
      coordsToLatLng: ([x, y]) => L.latLng(y, x + shift),
      style: { color: "#fff", weight: 0.7, fillColor: "#f3f1ea", fillOpacity: 1 },
    }).addTo(made);
  }
  // The outlines again over a grid, without fill.
  const above = L.canvas({ pane: "lines", padding: 0.5 });
  for (const shift of [-360, 0, 360]) {
    L.geoJSON(shapes, {
      pane: "lines", renderer: above, interactive: false,
      coordsToLatLng: ([x, y]) => L.latLng(y, x + shift),
      style: { color: "#1d2b3a", weight: 0.6, opacity: 0.45, fill: false },
    }).addTo(made);
  }
}

// Meridians and parallels with their degrees: where a map shows no coast, these say where it is.
function graticule(made, say) {
  const layer = L.layerGroup().addTo(made);
  const draw = () => {
    layer.clearLayers();
    const seen = made.getBounds();
    const [wide, high] = [seen.getEast() - seen.getWest(), seen.getNorth() - seen.getSouth()];
    const step = spacing(Math.min(wide, high) / 2.5, say.most);
    const style = { color: INK, weight: 0.5, opacity: 0.6, interactive: false, pane: "lines" };
    for (let x = Math.ceil(seen.getWest() / step) * step; x <= seen.getEast(); x += step) {
      layer.addLayer(L.polyline([[Math.max(seen.getSouth() - high, -say.most), x], [Math.min(seen.getNorth() + high, say.most), x]], style));
      label(layer, [seen.getSouth(), x], say.x(x, step), "meridian");
    }
    for (let y = Math.max(Math.ceil(seen.getSouth() / step) * step, -say.most); y <= Math.min(seen.getNorth(), say.most); y += step) {
      layer.addLayer(L.polyline([[y, seen.getWest() - wide], [y, seen.getEast() + wide]], style));
      label(layer, [y, seen.getWest()], say.y(y, step), "parallel");
    }
  };
  made.on("moveend resize", draw);
  draw();
}

function label(layer, at, text, kind) {
  const icon = L.divIcon({ className: `degrees ${kind}`, html: "", iconSize: null });
  const mark = L.marker(at, { icon, interactive: false, keyboard: false });
  layer.addLayer(mark);
  mark.getElement().append(text);
}

function spacing(most, limit) {
  if (limit === 90) {
    const round = [90, 60, 45, 30, 20, 10].find((s) => s <= most);
    if (round) return round;
  }
  const power = 10 ** Math.floor(Math.log10(most));
  return power * [5, 2, 1].find((n) => n * power <= most * 1.000001);
}

function tickNumber(value) {
  return number(Math.abs(value) < 1e-9 ? 0 : Number(value.toPrecision(9)));
}

function degrees(value, step) {
  const digits = step >= 1 ? 0 : Math.ceil(-Math.log10(step));
  return Math.abs(value).toLocaleString(document.documentElement.lang, { maximumFractionDigits: digits });
}

export function longitude(x, step = 0.001) {
  const wrapped = ((x + 180) % 360 + 360) % 360 - 180;
  const side = Math.abs(wrapped) < 1e-9 || Math.abs(wrapped) === 180 ? "" : wrapped > 0 ? ` ${T("E")}` : ` ${T("W")}`;
  return `${degrees(wrapped, step)}°${side}`;
}

export function latitude(y, step = 0.001) {
  const side = Math.abs(y) < 1e-9 ? "" : y > 0 ? ` ${T("N")}` : ` ${T("S")}`;
  return `${degrees(y, step)}°${side}`;
}

// The map of a page: an extent, or features.
export async function drawn(place) {
  if (place.dataset.features) return features(place);
  const [west, south, east, north] = JSON.parse(place.dataset.bbox);
  const box = [west, south, east < west ? east + 360 : east, north];
  const made = map(place, spacious(box));
  for (const shift of [-360, 0, 360]) {
    L.rectangle([[south, box[0] + shift], [north, box[2] + shift]],
      { color: accent(place), weight: 2, fillOpacity: 0.18, interactive: false, pane: "marks" }).addTo(made);
  }
  if (box[2] - box[0] < 0.05 && north - south < 0.05) dot(made, place, south, west);
  place.leaflet = made;
  place.dispatchEvent(new CustomEvent("mapped"));
}

function dot(made, place, y, x) {
  L.circleMarker([y, x], { radius: 7, color: accent(place), fillOpacity: 0.6, pane: "marks" }).addTo(made);
}

// A box with enough around it to be recognised.
export function spacious([west, south, east, north], least = 4) {
  const side = Math.max(east - west, north - south);
  const room = Math.max(Math.min(side * 0.35, (370 - (east - west)) / 2), least - side, 0);
  return [Math.max(west - room, -360), Math.max(south - room, -90), Math.min(east + room, 540), Math.min(north + room, 90)];
}

function features(place) {
  const data = JSON.parse(document.querySelector(place.dataset.features).textContent);
  const style = { color: accent(place), weight: 1.5, fillOpacity: 0.25, pane: "marks" };
  const layer = L.geoJSON(data, {
    style,
    pointToLayer: (feature, at) => L.circleMarker(at, { ...style, radius: 5, fillOpacity: 0.6 }),
    onEachFeature: (feature, drawing) => linked(place, feature, drawing),
  });
  const bounds = layer.getBounds();
  const box = bounds.isValid() ? [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()] : null;
  const made = map(place, box && spacious(box));
  layer.addTo(made);
  place.leaflet = made;
}

function linked(place, feature, drawing) {
  if (!place.dataset.items || feature.id === undefined || feature.id === null) return;
  drawing.bindTooltip(document.createTextNode(String(feature.id)).textContent, { sticky: true });
  const [path, query] = place.dataset.items.split("?");
  drawing.on("click", () => {
    location.href = path + encodeURIComponent(feature.id) + (query ? `?${query}` : "");
  });
}
