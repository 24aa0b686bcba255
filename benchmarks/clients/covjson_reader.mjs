// covjson-reader, which leaflet-coverage draws with.
import { createRequire } from "node:module";
const require = createRequire(import.meta.url);
globalThis.XMLHttpRequest = undefined;
const { read } = await import("covjson-reader");
const { version } = require("covjson-reader/package.json");

const base = `${process.argv[2]}/collections/aeris-ncep-air-temperature`;
async function coverage(path) {
  const answer = await fetch(`${base}/${path}`, { headers: { Accept: "application/prs.coverage+json" } });
  return await read(await answer.json());
}
function mean(values) {
  return values.reduce((sum, one) => sum + one, 0) / values.length;
}

const point = await coverage("position?coords=POINT(-90%2040)&parameter-name=air");
const air = await point.loadRange("air");
const times = (await point.loadDomain()).axes.get("t").values;
const series = times.map((_, t) => air.get({ t }));
const box = await coverage("cube?bbox=-100,30,-80,45&datetime=2014-02-28T18:00:00Z");
const domain = await box.loadDomain();
const range = await box.loadRange("air");
const cells = [];
for (let y = 0; y < domain.axes.get("y").values.length; y++)
  for (let x = 0; x < domain.axes.get("x").values.length; x++) cells.push(range.get({ y, x }));
const found = { value: series[0], times: series.length, series: mean(series), cube: mean(cells) };
console.log(JSON.stringify({ version, found }));
