// @camptocamp/ogc-client: collections and items, as geospatial catalogues show them.
import { createRequire } from "node:module";
const base = process.argv[2];
globalThis.location = new URL(base);
const { OgcApiEndpoint } = await import("@camptocamp/ogc-client");
const { version } = createRequire(import.meta.url)("@camptocamp/ogc-client/package.json");

const api = new OgcApiEndpoint(base);
const QUAKES = "formater-earthquakes-indonesia";

async function rows(name, options = {}) {
  const found = [];
  for (;;) {
    const paged = { limit: 100, offset: found.length, asJson: true, ...options };
    const page = await (await fetch(await api.getCollectionItemsUrl(name, paged))).json();
    found.push(...page.features);
    if (page.features.length < 100) return found;
  }
}

const quakes = await rows(QUAKES);
const dateTime = { start: new Date("2024-06-01T00:00:00Z"), end: new Date("2024-06-30T23:59:59Z") };
const found = {
  collections: (await api.featureCollections).length,
  features: quakes.length,
  magnitudes: quakes.reduce((sum, one) => sum + one.properties.mag, 0),
  box: (await rows(QUAKES, { extent: [120, -5, 130, 5] })).length,
  june: (await rows(QUAKES, { dateTime })).length,
  strong: (await rows(QUAKES, { query: "filter=mag >= 5" })).length,
  polygons: (await rows("theia-departements")).length,
};
console.log(JSON.stringify({ version, found }));
