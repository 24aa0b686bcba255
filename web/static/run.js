// Running a process from its page, and waiting for a job.

import { T, element } from "./texts.js";

export function ready(form) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const status = form.querySelector(".status");
    const result = form.parentElement.querySelector(".result");
    const button = form.querySelector("button[type=submit]");
    let body;
    try {
      body = JSON.stringify(JSON.parse(form.querySelector("textarea").value));
    } catch (error) {
      status.textContent = T("This is not JSON: {reason}", { reason: error.message });
      return;
    }
    button.disabled = true;
    status.textContent = T("Running…");
    try {
      await shown(result, await sent(form, body));
      status.textContent = "";
    } catch (error) {
      status.textContent = error.message;
    }
    button.disabled = false;
  });
}

function sent(form, body) {
  const headers = { "Content-Type": "application/json" };
  if (form.elements.namedItem("async")?.checked) headers.Prefer = "respond-async";
  return fetch(form.dataset.run, { method: "POST", headers, body });
}

async function shown(result, answer) {
  const job = answer.headers.get("Location");
  if (answer.status === 201 && job) {
    location.href = new URL(job, location.href).pathname;
    return;
  }
  const type = answer.headers.get("Content-Type") ?? "";
  if (!answer.ok) {
    const fault = /json/.test(type) ? await answer.json() : {};
    result.replaceChildren(element("p", { class: "fault", lang: "en" }, fault.detail ?? fault.description ?? answer.statusText));
    return;
  }
  if (answer.status === 204) return void result.replaceChildren(element("p", {}, T("There is nothing here.")));
  const content = await answer.blob();
  const name = /filename="?([^";]+)/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? `result.${extension(type)}`;
  const link = element("a", { class: "button", href: URL.createObjectURL(content), download: name }, T("Save {name}", { name }));
  result.replaceChildren(element("p", {}, link));
  if (/json|text/.test(type) && content.size < 200000) {
    result.append(element("pre", {}, element("code", {}, pretty(await content.text()))));
  }
}

function extension(type) {
  if (/netcdf/.test(type)) return "nc";
  if (/tiff/.test(type)) return "tif";
  if (/csv/.test(type)) return "csv";
  return /json/.test(type) ? "json" : "bin";
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

// A job page reads itself again once its job has moved on.
export function awaited(place) {
  const state = place.className;
  const look = async () => {
    const job = await fetch(place.dataset.wait, { headers: { Accept: "application/json" } }).then((a) => a.json()).catch(() => null);
    if (job && !state.includes(job.status)) location.reload();
    else {
      const bar = document.querySelector("progress");
      if (bar && job?.progress !== undefined) bar.value = job.progress;
      setTimeout(look, 2000);
    }
  };
  setTimeout(look, 1000);
}
