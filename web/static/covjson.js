// CoverageJSON as our drawings need it: axes with values, ranges that answer by axis name.

import { T, spoken, unit } from "./texts.js";

// The coverages of a document; what a collection says once stands in each.
export function coverages(document) {
  if (document.type !== "CoverageCollection") return [coverage(document, {})];
  return document.coverages.map((one) => coverage(one, document));
}

function coverage(one, shared) {
  const domain = one.domain;
  const axes = {};
  let composite = null;
  for (const [name, axis] of Object.entries(domain.axes)) {
    if (axis.coordinates && axis.dataType !== "primitive") composite = composed(axis);
    else axes[name] = { name, values: values(axis), bounds: axis.bounds };
  }
  return {
    id: one.id ?? one["@id"],
    domainType: domain.domainType ?? one.domainType ?? shared.domainType,
    axes,
    composite,
    referencing: domain.referencing ?? shared.referencing ?? [],
    parameters: { ...(shared.parameters ?? {}), ...(one.parameters ?? {}) },
    ranges: one.ranges,
  };
}

function values(axis) {
  if (axis.values) return axis.values;
  const step = axis.num > 1 ? (axis.stop - axis.start) / (axis.num - 1) : 0;
  return Array.from({ length: axis.num }, (_, i) => axis.start + i * step);
}

function composed(axis) {
  const found = { coordinates: axis.coordinates, length: axis.values.length };
  axis.coordinates.forEach((name, i) => {
    found[name] = axis.values.map((tuple) => (typeof tuple[i] === "number" || typeof tuple[i] === "string" ? tuple[i] : null));
  });
  return found;
}

// The value of a parameter at indices by axis name; an axis that it does not have is left out.
export function value(range, indices) {
  const names = range.axisNames ?? [];
  let at = 0;
  for (let i = 0; i < names.length; i += 1) at = at * range.shape[i] + (indices[names[i]] ?? 0);
  return range.values[at];
}

export function name(cov, key) {
  const parameter = cov.parameters[key] ?? {};
  return spoken(parameter.label) || spoken(parameter.observedProperty?.label) || key;
}

export function symbol(cov, key) {
  const found = cov.parameters[key]?.unit;
  const written = found?.symbol?.value ?? found?.symbol;
  return unit(written) || (written === "1" ? "" : spoken(found?.label));
}

export function titled(cov, key) {
  const of = symbol(cov, key);
  return of ? `${name(cov, key)} (${of})` : name(cov, key);
}

// The classes of a parameter by value: {index, label, colour}.
export function classes(cov, key) {
  const parameter = cov.parameters[key] ?? {};
  const categories = parameter.observedProperty?.categories;
  if (!categories) return null;
  const found = new Map();
  categories.forEach((category, index) => {
    const coded = parameter.categoryEncoding?.[category.id] ?? index;
    for (const v of [coded].flat()) found.set(v, { index, label: spoken(category.label), colour: category.preferredColor });
  });
  return found;
}

function system(cov, name) {
  return cov.referencing.find((r) => r.coordinates.includes(name))?.system ?? {};
}

// The calendar of the times: its name in CF.
export function calendar(cov) {
  const found = String(system(cov, "t").calendar ?? "Gregorian");
  return /calendar=([^#&]+)/.exec(found)?.[1] ?? found;
}

// What an axis is called.
export function axisName(cov, name) {
  if (name === "t") {
    const of = calendar(cov);
    return /^(proleptic_)?gregorian$|^standard$/i.test(of) ? T("Time (UTC)") : `${T("Time (UTC)")} – ${of}`;
  }
  if (name === "z") return vertical(cov).label;
  return spoken(system(cov, name).targetConcept?.label) || name;
}

// Whether x and y are longitude and latitude of the Earth as it is (a rotated pole is not).
export function geographic(cov) {
  const found = system(cov, "x");
  if (!found.type && !found.id) return true;
  return /CRS84|\/EPSG\/[^/]*\/(4326|4258|4269|4979|4171|4617|4674)$/.test(found.id ?? "");
}

// What z is, in a word of ours (files call it as they like), and whether it grows downwards.
export function vertical(cov) {
  const found = system(cov, "z");
  const axis = found.cs?.csAxes?.[0] ?? {};
  const given = axis.unit?.symbol?.value ?? axis.unit?.symbol ?? spoken(axis.unit?.label);
  const of = /^(met(re|er)s?)$/i.test(given ?? "") ? "m" : given ?? "";
  const pressure = /(Pa|bars?|millibars?)$/.test(of);
  const down = axis.direction === "down" || pressure;
  const word = pressure ? T("Pressure") : !/^[kc]?m$/.test(of) ? T("Level") : down ? T("Depth") : T("Height");
  return { label: unit(of) ? `${word} (${unit(of)})` : word, down };
}

// The edges of cells along an axis: its bounds, else halfway between the centres.
export function edges({ values: centres, bounds }) {
  const n = centres.length;
  if (bounds?.length === 2 * n) return [bounds[0], ...Array.from({ length: n }, (_, i) => bounds[2 * i + 1])];
  if (n === 1) return [centres[0] - 0.05, centres[0] + 0.05];
  const found = [centres[0] - (centres[1] - centres[0]) / 2];
  for (let i = 1; i < n; i += 1) found.push((centres[i - 1] + centres[i]) / 2);
  found.push(centres[n - 1] + (centres[n - 1] - centres[n - 2]) / 2);
  return found;
}
