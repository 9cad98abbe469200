// The answers: rows that can be played, explained, and asked with.
import { toldOf } from "./api.js";
import { aboutOf, clock, element, make, say, titleOf } from "./dom.js";
import { askWith, lean, querySource } from "./asking.js";
import { currentTrack, play } from "./player.js";
import { add } from "./queue.js";
import { removal } from "./removing.js";

let matches = [];
let opened = new Set(); // of those that are explained: the ids

/** Shows an answer; `again` where only its passages are new. */
export function show(answer, again = false) {
  element("problem").hidden = true;
  matches = answer ? answer.matches : [];
  if (!again) opened = new Set();
  const held = document.activeElement?.closest("#answers > li")?.dataset.id;
  element("answers").replaceChildren(...matches.map(row));
  element("notes").replaceChildren(...(answer ? answer.notes : []).map((note) => make("li", {}, note)));
  if (again && held) rowOf(held)?.querySelector("button").focus();
  if (answer && !again) say(matches.length ? `${matches.length} tracks sound alike; first ${titleOf(matches[0])}` : "Nothing sounds alike");
  if (answer && !matches.length) element("answers").append(make("li", { className: "none" }, "No track fits."));
}

export function fail(error) {
  matches = [];
  element("answers").replaceChildren();
  element("problem").textContent = toldOf(error);
  element("problem").hidden = false;
}

/** What comes after a track among the answers. */
export function after(track) {
  const at = matches.findIndex((one) => one.id === track.id);
  return at >= 0 ? matches[at + 1] || null : matches[0] || null;
}

const rowOf = (id) => element("answers").querySelector(`[data-id="${CSS.escape(id)}"]`);

function row(match) {
  const title = titleOf(match);
  const button = (text, label, action, key) =>
    make("button", { type: "button", className: "small", "aria-label": `${label} ${title}`, title: `${label} (${key})`, onclick: action, "data-key": key }, text);
  const item = make("li", { "data-id": match.id, className: currentTrack()?.id === match.id ? "playing" : "" },
    make("button", { type: "button", className: "name", title: match.path, "aria-label": `Play ${title}`, onclick: () => play(match) },
      make("b", {}, title), make("small", {}, aboutOf(match) || match.path)),
    make("span", { className: "time" }, clock(match.duration)),
    make("meter", { min: 0, max: 1, value: Math.max(0, match.similarity), "aria-label": "Similarity", title: told(match) }),
    make("span", { className: "figure", title: told(match) }, match.score.toFixed(2)), // what sorts
    make("span", { className: "actions" },
      button("more", "More like", () => lean(match, true), "m"),
      button("less", "Less like", () => lean(match, false), "l"),
      button("ask", "Ask with", () => askWith(match), "a"),
      button("queue", "Queue", () => add(match), "q"),
      button("why", "Why", () => explain(match), "w")));
  item.querySelector("[data-key=w]").setAttribute("aria-expanded", opened.has(match.id));
  if (opened.has(match.id)) item.append(reason(match));
  return item;
}

function told(match) {
  const share = match.percentile === null ? "" : `; more alike than ${match.percentile.toFixed(1)} of 100 random pairs`;
  return `similarity ${match.similarity.toFixed(3)}, score ${match.score.toFixed(3)}${share}`;
}

function explain(match) {
  if (!opened.delete(match.id)) opened.add(match.id);
  const now = matches.find((one) => one.id === match.id) || match;
  rowOf(match.id).replaceWith(row(now));
  rowOf(match.id).querySelector("[data-key=w]").focus();
}

/** Why two tracks are alike: the figures, the passages of both to listen to, other files of the recording. */
function reason(match) {
  const lines = [make("p", {}, told(match))];
  const { passage } = match;
  if (passage) {
    const source = querySource(passage.query);
    const span = (start, end) => `${clock(start)} to ${clock(end)}`;
    lines.push(make("p", {}, `Most alike (${passage.similarity.toFixed(2)}): `,
      make("button", { type: "button", className: "button", onclick: () => play(match, passage.start, passage.end) }, `▶ ${span(passage.start, passage.end)} here`),
      " and ",
      source
        ? make("button", { type: "button", className: "button", onclick: () => play(source, passage.query_start, passage.query_end) }, `▶ ${span(passage.query_start, passage.query_end)} of ${titleOf(source)}`)
        : `${span(passage.query_start, passage.query_end)} of the query`));
  }
  if (match.words.length) lines.push(make("p", {}, `Stands out by: ${match.words.join(", ")}`));
  for (const other of match.duplicates) lines.push(make("p", { className: "soft" }, `The same recording: ${other.path}`));
  lines.push(make("p", { className: "soft path" }, match.path));
  return make("div", { className: "why" }, ...lines, removal(match));
}

/** The keys of a row act on the one that has the focus, or that plays. */
export function act(key) {
  const focused = document.activeElement?.closest("#answers > li") || element("answers").querySelector(".playing");
  const found = focused?.querySelector(`[data-key="${CSS.escape(key)}"]`);
  found?.click();
  return Boolean(found);
}

export function walk(by) {
  const rows = [...element("answers").querySelectorAll("li[data-id]")];
  if (!rows.length) return false;
  const at = rows.indexOf(document.activeElement?.closest("#answers > li"));
  const next = Math.max(0, Math.min(rows.length - 1, at + by));
  rows[next].querySelector("button").focus();
  return true;
}
