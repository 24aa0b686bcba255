// What pages do beyond HTML. Each part is loaded only where a page has a place for it.

import { T, element } from "./texts.js";

for (const place of document.querySelectorAll("[data-map]")) {
  import("./map.js").then((map) => map.drawn(place));
}
for (const place of document.querySelectorAll("[data-coverage]")) {
  import("./coverage.js").then((coverage) => coverage.shown(place));
}
for (const place of document.querySelectorAll("[data-ask]")) {
  import("./ask.js").then((ask) => ask.ready(place));
}
for (const form of document.querySelectorAll("form[data-run]")) {
  import("./run.js").then((run) => run.ready(form));
}
for (const place of document.querySelectorAll("[data-wait]")) {
  import("./run.js").then((run) => run.awaited(place));
}

for (const place of document.querySelectorAll("[data-address] code")) {
  place.textContent = new URL(place.textContent, location.href).href;
}

// A search leaves out what was not filled in.
for (const form of document.querySelectorAll("form.find")) {
  form.addEventListener("formdata", (event) => {
    for (const [key, value] of [...event.formData]) if (value === "") event.formData.delete(key);
  });
}

// Without TLS a browser has no clipboard: then the text is selected, and copied the old way.
async function copied(text, place) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const range = document.createRange();
  range.selectNodeContents(place.querySelector("code") ?? place.firstChild);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  document.execCommand("copy");
}

for (const place of document.querySelectorAll("[data-copy]")) {
  const button = element("button", { type: "button", class: "copy" }, T("Copy"));
  button.addEventListener("click", async () => {
    const text = (place.querySelector("code") ?? place.firstChild).textContent.trim();
    await copied(text, place);
    button.textContent = T("Copied");
    setTimeout(() => { button.textContent = T("Copy"); }, 1500);
  });
  place.append(button);
}
