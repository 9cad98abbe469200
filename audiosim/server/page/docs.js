// The description of the API, from its OpenAPI document: each call with its parameters, an example, and a try.
import { element, make } from "./dom.js";

const MOST = 20_000; // characters of an answer that are shown
const document_ = await (await fetch("/api/v1/openapi.json")).json();

const resolved = (schema) => (schema?.$ref ? document_.components.schemas[schema.$ref.split("/").pop()] : schema) || {};

function kindOf(schema) {
  const one = schema.anyOf?.find((part) => part.type !== "null") || schema;
  if (one.enum) return one.enum.join(" | ");
  return one.type === "array" ? `${resolved(one.items).type || "text"}, repeated` : one.type || "";
}

/** An example value: of the parameter, of its schema, its default, or its first choice. */
function exampleOf(parameter) {
  const schema = parameter.schema || {};
  const given = schema.examples?.[0] ?? parameter.example;
  if (given !== undefined) return given;
  return parameter.required ? "ID" : undefined;
}

function exampleUrl(path, call) {
  let url = path;
  const query = [];
  for (const one of call.parameters || []) {
    const value = exampleOf(one);
    if (one.in === "path") url = url.replace(`{${one.name}}`, value);
    else if (one.in === "query" && one.required) query.push(`${one.name}=${encodeURIComponent(value)}`);
  }
  return url + (query.length ? `?${query.join("&")}` : "");
}

function bodyOf(call) {
  const [type, content] = Object.entries(call.requestBody?.content || {})[0] || [];
  return type ? { type, schema: resolved(content.schema) } : null;
}

function command(method, path, call) {
  const url = `${location.origin}${exampleUrl(path, call)}`;
  const body = bodyOf(call);
  if (body?.type === "multipart/form-data") return `curl -F file=@song.mp3 '${url}'`;
  if (body) return `curl -H 'Content-Type: application/json' -d '${JSON.stringify(body.schema.examples?.[0] ?? {})}' '${url}'`;
  return method === "get" ? `curl '${url}'` : `curl -X ${method.toUpperCase()} '${url}'`;
}

function answerOf(call) {
  const content = (call.responses[200] || call.responses[202])?.content || {};
  const schema = resolved(content["application/json"]?.schema);
  return schema.examples ? JSON.stringify(schema.examples[0], null, 2) : Object.keys(content).join(", ");
}

/** What is sent beside a file, each like a parameter. */
function fieldsOf(call) {
  const body = bodyOf(call);
  if (body?.type !== "multipart/form-data") return [];
  return Object.entries(body.schema.properties).filter(([name]) => name !== "file")
    .map(([name, schema]) => ({ name, schema, description: schema.description }));
}

function parametersOf(call) {
  const rows = [...call.parameters || [], ...fieldsOf(call)].map((one) => make("tr", {},
    make("th", { scope: "row" }, make("code", {}, one.name), one.required ? " *" : ""),
    make("td", {}, kindOf(one.schema || {})),
    make("td", {}, one.description || one.schema?.description || "")));
  return rows.length ? make("table", {}, make("tbody", {}, ...rows)) : null;
}

/** The status and the text of an answer, laid out if it is JSON. */
async function answer(url, options) {
  const response = await fetch(url, options);
  const kind = response.headers.get("Content-Type") || "";
  const text = /json|text|mpegurl/.test(kind) ? await response.text() : `${(await response.blob()).size} bytes of ${kind}`;
  let told = text;
  try {
    told = JSON.stringify(JSON.parse(text), null, 2);
  } catch { /* it is no JSON */ }
  return `${response.status}\n${told.slice(0, MOST)}`;
}

/** A form that asks the server itself. */
function tryOf(method, path, call) {
  const shown = make("pre", { hidden: true, tabindex: "0" });
  const body = bodyOf(call);
  const asked = (call.parameters || []).filter((one) => one.in !== "header");
  const inputs = [...asked, ...fieldsOf(call)].map((one) => make("label", {}, one.name,
    make("input", { name: one.name, required: one.required, placeholder: exampleOf(one) ?? "" })));
  if (body?.type === "multipart/form-data") inputs.push(make("label", {}, "file", make("input", { name: "file", type: "file", required: true })));
  else if (body) inputs.push(make("label", {}, "body", make("input", { name: "body", required: true, value: JSON.stringify(body.schema.examples?.[0] ?? {}) })));
  const sent = make("button", { type: "submit", className: "button" }, "Send");
  const form = make("form", { onsubmit: async (event) => {
    event.preventDefault();
    let url = path;
    const query = new URLSearchParams();
    for (const one of asked) {
      const value = form.elements[one.name].value.trim();
      if (one.in === "path") url = url.replace(`{${one.name}}`, encodeURIComponent(value));
      else if (value) for (const part of one.schema?.type === "array" ? value.split(/\s*,\s*/) : [value]) query.append(one.name, part);
    }
    const options = { method: method.toUpperCase() };
    if (form.elements.file) {
      options.body = new FormData();
      options.body.append("file", form.elements.file.files[0]);
      for (const { name } of fieldsOf(call)) if (form.elements[name].value) options.body.append(name, form.elements[name].value);
    } else if (form.elements.body) {
      options.body = form.elements.body.value;
      options.headers = { "Content-Type": "application/json" };
    }
    sent.disabled = true; // one answer at a time
    shown.textContent = await answer(`${url}?${query}`, options).catch(() => "The server does not answer: it was ended, perhaps.");
    shown.hidden = sent.disabled = false;
  } }, ...inputs, sent);
  return make("details", {}, make("summary", {}, "Try it"), form, shown);
}

function callOf(method, path, call) {
  return make("article", {},
    make("h3", {}, make("code", {}, `${method.toUpperCase()} ${path}`), ` ${call.summary || ""}`),
    make("p", {}, call.description || ""),
    parametersOf(call),
    make("details", {}, make("summary", {}, "Example"),
      make("pre", { tabindex: "0" }, command(method, path, call)), make("pre", { tabindex: "0" }, answerOf(call))),
    tryOf(method, path, call));
}

element("about").append(...document_.info.description.trim().split(/\n\n+/).map((text) => make("p", {}, text)));
const parts = new Map();
for (const [path, methods] of Object.entries(document_.paths)) {
  for (const [method, call] of Object.entries(methods)) {
    const tag = call.tags?.[0] || "other";
    if (!parts.has(tag)) parts.set(tag, []);
    parts.get(tag).push(callOf(method, path, call));
  }
}
for (const [tag, calls] of parts) element("calls").append(make("h2", {}, tag), ...calls);
element("calls").removeAttribute("aria-busy");
