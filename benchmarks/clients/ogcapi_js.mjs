// @ogcapi-js/features: a client of OGC API - Features in a few lines.
import { createRequire } from "node:module";
const require = createRequire(import.meta.url);
const { FeatureService } = require("@ogcapi-js/features");
const { version } = require("@ogcapi-js/features/package.json");

const api = new FeatureService({ baseUrl: process.argv[2] });
const QUAKES = "formater-earthquakes-indonesia";

async function rows(name, options = {}) {
  const found = [];
  for (;;) {
    const page = await api.getFeatures(name, { limit: 100, params: { offset: found.length }, ...options });
    found.push(...page.features);
    if (page.features.length < 100) return found;
  }
}

const quakes = await rows(QUAKES);
const datetime = { start: new Date("2024-06-01T00:00:00Z"), end: new Date("2024-06-30T23:59:59Z") };
const found = {
  features: quakes.length,
  magnitudes: quakes.reduce((sum, one) => sum + one.properties.mag, 0),
  box: (await rows(QUAKES, { bbox: [120, -5, 130, 5] })).length,
  june: (await rows(QUAKES, { datetime })).length,
  strong: (await rows(QUAKES, { filter: "mag >= 5", filterLang: "cql2-text" })).length,
  polygons: (await rows("theia-departements")).length,
};
console.log(JSON.stringify({ version, found }));
