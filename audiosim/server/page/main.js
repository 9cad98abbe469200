// The start: what each part is told of the others, files that are dropped, and the keyboard.
import { act, after as answerAfter, fail, show, walk } from "./answers.js";
import { askWithFile, likes, restore, setAnswered } from "./asking.js";
import { element } from "./dom.js";
import { show as showMap } from "./map.js";
import { next, setFollowing, toggle } from "./player.js";
import { addRadio, after as queueAfter, first, holds } from "./queue.js";
import "./search.js";

setAnswered(show, fail);
setFollowing((track) => (holds(track) ? queueAfter(track) : answerAfter(track) || first()));

const chooser = element("file");
chooser.addEventListener("change", () => {
  if (chooser.files.length) ask(chooser.files[0]);
  chooser.value = "";
});
function ask(file) {
  showMap(false);
  askWithFile(file);
}

addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", (event) => event.relatedTarget || document.body.classList.remove("dropping"));
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  const file = event.dataTransfer?.files[0];
  if (file) ask(file);
});

element("radio").addEventListener("click", () => addRadio(likes()).catch(fail));

const KEYS = {
  "/": () => element("search").focus(),
  " ": toggle,
  n: next,
  ArrowDown: () => walk(1),
  ArrowUp: () => walk(-1),
};
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const inside = event.target.closest?.("input, select, button, summary, a");
  if (inside && (inside.matches("input:not([type=file]), select") || event.key === " " || event.key === "Enter")) return;
  const action = KEYS[event.key];
  if (action ? action() === false : !act(event.key)) return;
  event.preventDefault();
});

restore();
