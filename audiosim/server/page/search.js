// The search box: tracks by name as one types, to be asked with.
import { get } from "./api.js";
import { aboutOf, element, make, titleOf } from "./dom.js";
import { askWith } from "./asking.js";
import { fail } from "./answers.js";

const box = element("search");
const list = element("found");
let found = [];
let at = -1;
let asked = new AbortController();
let soon;

async function run() {
  asked.abort();
  asked = new AbortController();
  const words = box.value.trim();
  if (!words) {
    close();
    return;
  }
  try {
    const answer = await get("/tracks", new URLSearchParams({ q: words, limit: 12 }), asked.signal);
    found = answer.tracks;
    at = -1;
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
  box.value = "";
  box.blur();
  askWith(track);
}

function close() {
  list.hidden = true;
  box.setAttribute("aria-expanded", "false");
  box.removeAttribute("aria-activedescendant");
  found = [];
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
  soon = setTimeout(run, 80);
});
box.addEventListener("blur", close);
box.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown") step(1);
  else if (event.key === "ArrowUp") step(-1);
  else if (event.key === "Enter" && found.length) choose(found[Math.max(0, at)]);
  else if (event.key === "Escape") { box.value = ""; close(); box.blur(); } else return;
  event.preventDefault();
});
