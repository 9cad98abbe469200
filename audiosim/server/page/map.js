// The map: the page that `audiosim map` draws, in a frame, drawn by the server when it is wanted first.
import { get, getInTime, newest, toldOf } from "./api.js";
import { element, make } from "./dom.js";
import { askWith } from "./asking.js";
import { play } from "./player.js";

const turn = newest();
let frame = null;
let drawing = false;

async function draw() {
  if (frame || drawing) return;
  drawing = true;
  element("drawing").textContent = "The map is being drawn …";
  try {
    await getInTime("/map", () => {});
    frame = make("iframe", { src: "/map", title: "Map of the library" });
    element("map").append(frame);
    element("drawing").textContent = "";
  } catch (error) {
    element("drawing").textContent = toldOf(error);
  } finally {
    drawing = false;
  }
}

export function show(wanted) {
  element("map").hidden = !wanted;
  element("list").hidden = wanted;
  element("view-map").setAttribute("aria-pressed", wanted);
  element("view-list").setAttribute("aria-pressed", !wanted);
  document.body.classList.toggle("mapped", wanted);
  if (wanted) draw();
}

element("view-map").addEventListener("click", () => show(true));
element("view-list").addEventListener("click", () => show(false));
addEventListener("message", async (event) => {
  if (event.origin !== location.origin || !frame || event.source !== frame.contentWindow) return;
  const track = await get(`/tracks/${encodeURIComponent(event.data.play)}`, null, turn()).catch(() => null);
  if (!track) return;
  play(track);
  askWith(track);
});
