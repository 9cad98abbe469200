// The search box: tracks by name as one types, to be asked with.
import { get, newest } from "./api.js";
import { aboutOf, element, make, titleOf } from "./dom.js";
import { askWith } from "./asking.js";
import { fail } from "./answers.js";

const box = element("search");
const list = element("found");
const turn = newest();
let found = [];
let listed = ""; // what the list is of
let at = -1;
let soon;

const typed = () => box.value.trim();

async function look() {
  clearTimeout(soon);
  const words = typed();
  if (!words) {
    close();
    return;
  }
  try {
    const answer = await get("/tracks", new URLSearchParams({ q: words, limit: 12 }), turn());
    found = answer.tracks;
    at = -1;
    listed = words;
    list.replaceChildren(...found.map(option));
    if (!found.length) list.append(make("li", { className: "none", role: "option", "aria-disabled": "true" }, ["No track has such a name.", ...answer.notes].join(" ")));
    else if (answer.total > found.length) list.append(make("li", { className: "none", role: "option", "aria-disabled": "true" }, `${answer.total.toLocaleString("en")} found: type more.`));
    list.hidden = false;
    box.setAttribute("aria-expanded", "true");
  } catch (error) {
    if (error.name !== "AbortError") fail(error);
  }
}

function option(track, index) {
  return make("li", { id: `found-${index}`, role: "option", "aria-selected": "false", onpointerdown: (event) => { event.preventDefault(); choose(track); } },
    titleOf(track), make("small", {}, aboutOf(track) || track.path));
}

function choose(track) {
  if (!track) return;
  box.value = "";
  box.blur();
  askWith(track);
}

/** Chooses what was stepped to, or else the first of what is typed by now, which need not be listed yet. */
async function enter() {
  if (at < 0 && listed !== typed()) await look();
  if (at >= 0 || listed === typed()) choose(found[Math.max(0, at)]);
}

/** Ends the search; an answer that is under way opens no list any more. */
function close() {
  clearTimeout(soon);
  turn();
  list.hidden = true;
  box.setAttribute("aria-expanded", "false");
  box.removeAttribute("aria-activedescendant");
  found = [];
  listed = "";
  at = -1;
}

function step(by) {
  if (!found.length) return;
  list.children[at]?.setAttribute("aria-selected", "false");
  at = Math.max(0, Math.min(found.length - 1, at + by));
  list.children[at].setAttribute("aria-selected", "true");
  list.children[at].scrollIntoView({ block: "nearest" });
  box.setAttribute("aria-activedescendant", `found-${at}`);
}

box.addEventListener("input", () => {
  clearTimeout(soon);
  soon = setTimeout(look, 80);
});
box.addEventListener("blur", close);
box.addEventListener("keydown", (event) => {
  if (event.isComposing) return; // a key of what helps to type, as for Japanese
  if (event.key === "ArrowDown") step(1);
  else if (event.key === "ArrowUp") step(-1);
  else if (event.key === "Enter") enter();
  else if (event.key === "Escape") { box.value = ""; close(); box.blur(); } else return;
  event.preventDefault();
});
