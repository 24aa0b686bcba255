// A line chart in SVG: time series, profiles and sections along a line.

import { LINES, tickText, ticks, timeText, timeTicks } from "./axes.js";
import { T, element, number } from "./texts.js";

const SVG = "http://www.w3.org/2000/svg";

function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// `lines`: [{name, points: [[x, y, label]]}]; `x`, `y`: {label, time, reversed, plainTimes}.
// `along`: "x" or "y", the axis that the pointer follows (the independent one).
export function chart(host, { title, lines, x, y, along = "x" }) {
  const place = element("figure", { class: "chart" });
  const draw = () => paint(place, { title, lines, x, y, along });
  host.append(place);
  let width = 0;
  new ResizeObserver(() => {
    if (Math.abs(place.clientWidth - width) < 2) return;
    width = place.clientWidth;
    draw();
  }).observe(place);
  return place;
}

function paint(place, { title, lines, x, y, along }) {
  const width = Math.max(place.clientWidth, 280);
  const height = along === "y" ? Math.min(460, Math.max(320, width * 0.7)) : Math.min(340, Math.max(230, width * 0.42));
  const box = { left: 66, right: width - 16, top: 12, bottom: height - 44 };
  const sx = scale(lines, 0, x, box.left, box.right);
  const sy = scale(lines, 1, y, box.bottom, box.top);
  const picture = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title });
  frame(picture, box, sx, sy, x, y);
  lines.forEach((line, i) => stroke(picture, line, sx, sy, LINES[i % LINES.length]));
  const legend = lines.length > 1 ? key(lines) : null;
  place.replaceChildren(element("figcaption", {}, title), ...(legend ? [legend] : []), picture);
  follow(place, picture, box, lines, sx, sy, along);
}

function scale(lines, index, axis, start, end) {
  let low = Infinity;
  let high = -Infinity;
  for (const { points } of lines) {
    for (const point of points) {
      const v = point[index];
      if (typeof v !== "number" || Number.isNaN(v)) continue;
      if (v < low) low = v;
      if (v > high) high = v;
    }
  }
  if (low > high) [low, high] = [0, 1];
  if (low === high) {
    const room = axis.time ? 43200000 : Math.abs(low) * 0.05 || 1;
    [low, high] = [low - room, high + room];
  } else if (!axis.time) {
    const room = (high - low) * 0.04;
    [low, high] = [low - room, high + room];
  }
  if (axis.reversed) [start, end] = [end, start];
  const at = (v) => start + ((v - low) / (high - low)) * (end - start);
  return { at, low, high };
}

function frame(picture, box, sx, sy, x, y) {
  const many = Math.max(2, Math.floor((box.right - box.left) / (x.time ? 110 : 90)));
  const marks = x.marks ? [...x.marks.keys()] : null;
  const xs = marks ? thinned(marks, many) : x.time ? timeTicks(sx.low, sx.high, many) : ticks(sx.low, sx.high, many);
  const ys = y.time ? timeTicks(sy.low, sy.high, 6) : ticks(sy.low, sy.high, 6);
  for (const v of xs) {
    const at = sx.at(v);
    picture.append(svg("line", { x1: at, x2: at, y1: box.top, y2: box.bottom, class: "rule" }));
    const text = marks ? x.marks.get(v) : x.time ? timeText(v, sx.high - sx.low) : tickText(v, xs);
    const room = at > box.right - 34 ? "end" : at < box.left + 20 ? "start" : "middle";
    picture.append(svg("text", { x: at, y: box.bottom + 16, class: "tick", "text-anchor": room }, text));
  }
  for (const v of ys) {
    const at = sy.at(v);
    picture.append(svg("line", { x1: box.left, x2: box.right, y1: at, y2: at, class: "rule" }));
    picture.append(svg("text", { x: box.left - 7, y: at + 4, class: "tick", "text-anchor": "end" }, tickText(v, ys)));
  }
  picture.append(svg("path", { d: `M${box.left} ${box.top}V${box.bottom}H${box.right}`, class: "axis" }));
  const middle = (box.left + box.right) / 2;
  picture.append(svg("text", { x: middle, y: box.bottom + 36, class: "label", "text-anchor": "middle" }, x.label));
  const turned = `rotate(-90 14 ${(box.top + box.bottom) / 2})`;
  picture.append(svg("text", { x: 14, y: (box.top + box.bottom) / 2, class: "label", "text-anchor": "middle", transform: turned }, y.label));
}

function thinned(list, most) {
  const stride = Math.ceil(list.length / most);
  return list.filter((_, i) => i % stride === 0);
}

function stroke(picture, { points }, sx, sy, colour) {
  let path = "";
  let pen = false;
  const dots = points.length <= 80;
  points.forEach(([px, py], i) => {
    const there = drawable(px) && drawable(py);
    if (there) {
      path += `${pen ? "L" : "M"}${sx.at(px).toFixed(1)} ${sy.at(py).toFixed(1)}`;
      const alone = !pen && !(points[i + 1] && drawable(points[i + 1][0]) && drawable(points[i + 1][1]));
      if (dots || alone) picture.append(svg("circle", { cx: sx.at(px), cy: sy.at(py), r: dots ? 2.6 : 1.6, fill: colour }));
    }
    pen = there;
  });
  if (path) picture.append(svg("path", { d: path, class: "line", stroke: colour }));
}

function drawable(value) {
  return typeof value === "number" && !Number.isNaN(value);
}

function key(lines) {
  const list = element("ul", { class: "key" });
  lines.forEach((line, i) => {
    const swatch = svg("svg", { width: 18, height: 10, "aria-hidden": "true" }, svg("line", { x1: 0, x2: 18, y1: 5, y2: 5, stroke: LINES[i % LINES.length], "stroke-width": 3 }));
    list.append(element("li", {}, swatch, line.name));
  });
  return list;
}

// Under the pointer: the nearest point of each line.
function follow(place, picture, box, lines, sx, sy, along) {
  const rule = svg("line", { class: "pointer", visibility: "hidden" });
  picture.append(rule);
  const told = element("p", { class: "told" }, T("Point at the drawing to read its values."));
  place.append(told);
  const index = along === "x" ? 0 : 1;
  const placed = along === "x" ? sx : sy;
  picture.addEventListener("pointermove", (event) => {
    const frame = picture.getBoundingClientRect();
    const at = along === "x" ? event.clientX - frame.left : event.clientY - frame.top;
    const found = lines.map((line) => nearest(line.points, index, placed, at));
    const first = found.find(Boolean);
    if (!first) return;
    const where = placed.at(first[index]);
    const ends = along === "x" ? { x1: where, x2: where, y1: box.top, y2: box.bottom } : { x1: box.left, x2: box.right, y1: where, y2: where };
    for (const [name, value] of Object.entries({ ...ends, visibility: "visible" })) rule.setAttribute(name, value);
    told.textContent = `${first[2]}: ` + lines.map((line, i) => (lines.length > 1 ? `${line.name} ` : "") + (found[i] ? number(found[i][1 - index]) : "–")).slice(0, 8).join(" · ");
  });
  picture.addEventListener("pointerleave", () => rule.setAttribute("visibility", "hidden"));
}

function nearest(points, index, scaled, at) {
  let best = null;
  let least = Infinity;
  for (const point of points) {
    if (!drawable(point[index])) continue;
    const distance = Math.abs(scaled.at(point[index]) - at);
    if (distance < least) [best, least] = [point, distance];
  }
  return best;
}
