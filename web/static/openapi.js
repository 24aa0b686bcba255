// The API description drawn by Swagger UI, whose own words are put into the language of the page.

import { T } from "./texts.js";

const N = (text) => [text, T(text)];
const WORDS = new Map([
  N("Servers"), N("Authorize"), N("Try it out"), N("Cancel"), N("Reset"), N("Execute"), N("Clear"), N("Parameters"),
  N("No parameters"), N("Responses"), N("Response body"), N("Response headers"), N("Server response"), N("Request URL"),
  N("Request body"), N("Request duration"), N("Name"), N("Description"), N("Code"), N("Details"), N("Links"), N("No links"),
  N("Media type"), N("Example Value"), N("Schema"), N("Schemas"), N("Examples:"), N("Examples"), N("Example"),
  N("Loading..."), N("Download"), N("Edit Value"), N("Send empty value"), N("Undocumented"), N("Terms of service"),
  N("Contact"), N("Website"), N("required"), N("Expand all"), N("Collapse all"), N("Failed to fetch."), N("Add string item"),
  N("Add item"), N("Copied"), N("Copy to clipboard"), N("Controls"), N("header."), N("Computed URL:"), N("Capabilities"),
  N("Coverages"), N("Features"), N("Processes"), N("Jobs"), N("Collections"), N("Server variables"),
]);
const STARTS = [N("Default value"), N("Available values"), N("Example"), N("Controls")];

function translated(text) {
  const core = text.trim();
  if (!core) return text;
  const whole = WORDS.get(core);
  if (whole) return text.replace(core, whole);
  const start = STARTS.find(([english]) => core.startsWith(`${english} `) || core.startsWith(`${english}:`));
  return start ? text.replace(start[0], start[1]) : text;
}

function words(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT, (node) =>
    node.parentElement?.closest("pre, code, textarea, .markdown, .opblock-summary-path") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const said = translated(node.data);
    if (said !== node.data) node.data = said;
  }
}

const place = document.getElementById("openapi");
if (document.documentElement.lang !== "en") {
  new MutationObserver(() => words(place)).observe(place, { childList: true, subtree: true, characterData: true });
}
window.SwaggerUIBundle({
  url: place.dataset.url,
  domNode: place,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: -1,
  validatorUrl: null,
  tryItOutEnabled: false,
});
