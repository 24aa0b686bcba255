// Scales of a drawing: ticks of numbers and of times in any calendar, colours.

import { number } from "./texts.js";

// Milliseconds of an RFC 3339 text in a calendar; monotonic, and even in those that the Date of JavaScript lacks.
export function milliseconds(text, calendar = "gregorian") {
  const found = /^([+-]?\d+)(?:-(\d\d))?(?:-(\d\d))?(?:T(\d\d):(\d\d)(?::(\d\d(?:\.\d+)?))?)?/.exec(text);
  if (!found) return NaN;
  const [year, month, day, hour, minute, second] = found.slice(1).map((part) => (part === undefined ? undefined : Number(part)));
  const clock = ((hour ?? 0) * 60 + (minute ?? 0)) * 60000 + (second ?? 0) * 1000;
  return days(year, month ?? 1, day ?? 1, calendar) * 86400000 + clock;
}

const BEFORE = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

function days(year, month, day, calendar) {
  if (/360/.test(calendar)) return (year - 1970) * 360 + (month - 1) * 30 + day - 1;
  if (/365|noleap/i.test(calendar)) return (year - 1970) * 365 + BEFORE[month - 1] + day - 1;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getTime() / 86400000;
}

export function ticks(low, high, most) {
  const rough = (high - low) / Math.max(most, 1);
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((n) => n * power >= rough * 0.999) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first;
  return Array.from({ length: count + 1 }, (_, i) => (first + i) * step);
}

const DAY = 86400000;
const STEPS = [1000, 5000, 15000, 60000, 300000, 900000, 3600000, 10800000, 21600000, 43200000, DAY, 2 * DAY, 5 * DAY, 10 * DAY];
const MONTHS = [1, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 6000, 12000];

export function timeTicks(low, high, most) {
  const rough = (high - low) / Math.max(most, 1);
  const step = STEPS.find((s) => s >= rough);
  if (step) {
    const first = Math.ceil(low / step) * step;
    return Array.from({ length: Math.floor((high - first) / step) + 1 }, (_, i) => first + i * step);
  }
  const months = MONTHS.find((m) => m * 30.4 * DAY >= rough) ?? 24000;
  const found = [];
  const start = new Date(low);
  let month = Math.floor((start.getUTCFullYear() * 12 + start.getUTCMonth()) / months) * months;
  for (let at = 0; found.length < 60; month += months) {
    const date = new Date(0);
    date.setUTCFullYear(Math.floor(month / 12), ((month % 12) + 12) % 12, 1);
    at = date.getTime();
    if (at > high) break;
    if (at >= low) found.push(at);
  }
  return found;
}

export function timeText(value, span) {
  const text = new Date(value).toISOString();
  const date = text.replace(/T.*/, "");
  if (span > 6 * 365 * DAY) return date.replace(/-\d\d-\d\d$/, "");
  if (span > 200 * DAY) return date.replace(/-\d\d$/, "");
  if (span > 4 * DAY) return date;
  return /T00:00:00/.test(text) ? date : text.slice(11, span < 600000 ? 19 : 16);
}

export function tickText(value, all) {
  const span = Math.max(...all.map(Math.abs));
  return number(Math.abs(value) < span * 1e-9 ? 0 : Number(value.toPrecision(8)));
}

// Colours of lines: distinct also for the colour-blind (after Okabe and Ito).
export const LINES = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#7a5c00", "#56b4e9", "#8b1e3f", "#444444"];

// Viridis, at nine points.
const VIRIDIS = [[68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37]];
const CLASSES = ["#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#76b7b2", "#edc948", "#b07aa1", "#9c755f", "#ff9da7", "#86bcb6", "#8cd17d", "#d37295", "#499894", "#b6992d", "#79706e", "#a0cbe8"];

export function colour(share) {
  const at = Math.min(Math.max(share, 0), 1) * (VIRIDIS.length - 1);
  const low = Math.min(Math.floor(at), VIRIDIS.length - 2);
  return VIRIDIS[low].map((c, i) => Math.round(c + (VIRIDIS[low + 1][i] - c) * (at - low)));
}

export function classColour(index) {
  const hex = CLASSES[index % CLASSES.length];
  return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
}

export function css([r, g, b]) {
  return `rgb(${r} ${g} ${b})`;
}

// The range that colours span: all values, but for the outermost hundredth at either end where that hides the rest.
export function range(values) {
  const stride = Math.max(1, Math.floor(values.length / 20000));
  const sample = [];
  for (let i = 0; i < values.length; i += stride) if (typeof values[i] === "number") sample.push(values[i]);
  if (!sample.length) for (const v of values) if (typeof v === "number") { sample.push(v); break; }
  sample.sort((a, b) => a - b);
  const at = (share) => sample[Math.round(share * (sample.length - 1))];
  const [low, high, inner, outer] = [at(0), at(1), at(0.01), at(0.99)];
  return high - low > 4 * (outer - inner) && outer > inner ? [inner, outer] : [low, high];
}
