// What is asked for: tracks to be like, tracks to be unlike, words, a file, a passage, filters; kept in the URL.
import { get, newest, send } from "./api.js";
import { element, make, titleOf } from "./dom.js";
import { play } from "./player.js";
import { removal } from "./removing.js";

const form = element("filters");
const words = [form.elements.text, form.elements.not_text];
const DEFAULTS = { count: "20", diversity: "0" };
const seeds = []; // {track, like}
let file = null; // {name, path, url, data}
const turn = newest(); // of asking, and of taking up what to ask
let soon; // filters that have changed are asked with
let answered = () => {};
let failed = () => {};

export const likes = () => seeds.filter((seed) => seed.like).map((seed) => seed.track);

export function setAnswered(show, fail) {
  [answered, failed] = [show, fail];
}

/** Asks for more like a track, or less. */
export function lean(track, like) {
  const known = seeds.findIndex((seed) => seed.track.id === track.id);
  if (known >= 0) seeds.splice(known, 1);
  seeds.push({ track, like });
  ask();
}

/** Asks with one track only. */
export function askWith(track) {
  seeds.splice(0, seeds.length, { track, like: true });
  dropFile();
  form.elements.from.value = form.elements.to.value = "";
  clearWords();
  ask();
}

export function askWithFile(given) {
  dropFile();
  seeds.length = 0;
  clearWords();
  file = { data: given, path: given.name, url: URL.createObjectURL(given) };
  ask();
}

function clearWords() {
  for (const input of words) input.value = "";
}

function dropFile() {
  if (file) URL.revokeObjectURL(file.url);
  file = null;
}

function parameters() {
  const wanted = new URLSearchParams();
  for (const { track, like } of seeds) wanted.append(like ? "id" : "not", track.id);
  for (const [name, value] of new FormData(form)) {
    if (value.trim() && (value !== DEFAULTS[name] || name === "count")) wanted.append(name, value);
  }
  return wanted;
}

/** Asks the server; passages, which take longer, are filled in by a second answer. */
export async function ask(keep = true) {
  show();
  clearTimeout(soon);
  const signal = turn();
  const wanted = parameters();
  if (keep) history.pushState(null, "", `${location.pathname}${String(wanted) ? `#${wanted}` : ""}`);
  if (!file && !likes().length && !wanted.has("text")) {
    answered(null);
    return;
  }
  const passage = wanted.has("from") || wanted.has("to");
  try {
    if (file) {
      wanted.append("explain", "true");
      answered(await sent(wanted, signal));
      return;
    }
    answered(await get("/similar", wanted, signal));
    if (passage) return;
    wanted.append("explain", "true");
    answered(await get("/similar", wanted, signal), true);
  } catch (error) {
    if (error.name !== "AbortError") failed(error);
  }
}

async function sent(wanted, signal) {
  const bar = element("sending");
  bar.hidden = false;
  try {
    return await send("/similar", wanted, file.data, (share) => {
      if (share < 1) bar.value = share;
      else bar.removeAttribute("value"); // it is listened to now
    }, signal);
  } finally {
    bar.hidden = true;
  }
}

/** Where the query of a passage can be heard. */
export function querySource(path) {
  if (file && file.path === path) return file;
  return likes().find((track) => track.path === path) || null;
}

function show() {
  const chips = seeds.map(({ track, like }, at) => make("li", { className: like ? "like" : "unlike" },
    make("button", { type: "button", className: "name", title: track.path, onclick: () => play(track) }, `${like ? "+" : "−"} ${titleOf(track)}`),
    make("button", { type: "button", className: "round", "aria-label": `No longer ask ${like ? "for more" : "for less"} like ${titleOf(track)}`, onclick: () => { seeds.splice(at, 1); ask(); } }, "✕")));
  if (file) {
    chips.unshift(make("li", { className: "like" },
      make("button", { type: "button", className: "name", onclick: () => play(file) }, `+ ${file.path}`),
      make("button", { type: "button", className: "round", "aria-label": `No longer ask with ${file.path}`, onclick: () => { dropFile(); ask(); } }, "✕")));
  }
  element("seeds").replaceChildren(...chips);
  const removed = !file && seeds.length === 1 && removal(seeds[0].track);
  element("own").replaceChildren(...(removed ? [`${seeds[0].track.path} `, removed] : []));
  element("hint").hidden = chips.length > 0 || words[0].value !== "";
  element("radio").disabled = !likes().length;
}

/** Takes up what the URL says. */
export async function restore() {
  const signal = turn();
  const wanted = new URLSearchParams(location.hash.slice(1));
  const named = [...wanted].filter(([name]) => name === "id" || name === "not");
  const found = await Promise.all(named.map(async ([name, id]) => {
    const track = await get(`/tracks/${encodeURIComponent(id)}`, null, signal).catch(() => null);
    return track && { track, like: name === "id" };
  }));
  if (signal.aborted) return; // something else is asked for by now
  seeds.splice(0, seeds.length, ...found.filter(Boolean));
  form.reset();
  for (const [name, value] of wanted) {
    const input = form.elements[name];
    if (!input) continue;
    if (input.type === "checkbox") input.checked = true;
    else input.value = value;
  }
  dropFile();
  ask(false);
}

form.addEventListener("input", () => {
  clearTimeout(soon);
  soon = setTimeout(ask, 400);
});
// Words are asked with when they are whole: half of one is none.
for (const input of words) input.addEventListener("change", () => ask());
form.addEventListener("reset", () => setTimeout(ask));
form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("popstate", restore);
addEventListener("removed", ({ detail: id }) => {
  const at = seeds.findIndex((seed) => seed.track.id === id);
  if (at >= 0) seeds.splice(at, 1);
  ask(at >= 0);
});
