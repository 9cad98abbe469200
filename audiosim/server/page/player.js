// The player: one audio element, which goes on to the next of the queue, or of the answers.
import { audioUrl, get } from "./api.js";
import { artistOf, clock, element, say, titleOf } from "./dom.js";

const audio = element("audio");
const seek = element("seek");
const wave = element("wave");
let current = null;
let peaks = [];
let dragging = false;
let until = Infinity; // s at which a passage ends
let following = () => null;

export const playing = () => current && !audio.paused && !audio.ended;
export const currentTrack = () => current;

/** Tells the player what comes after a track. */
export function setFollowing(choose) {
  following = choose;
}

export function play(track, start = 0, end = Infinity) {
  const other = !current || audioUrl(track) !== audioUrl(current);
  current = track;
  until = end;
  if (other) {
    audio.src = audioUrl(track);
    show();
  }
  if (start || !other) audio.currentTime = start;
  audio.play().catch((error) => {
    if (error.name === "NotSupportedError") failed();
  });
}

export function toggle() {
  if (!current) return;
  until = Infinity;
  if (playing()) audio.pause();
  else audio.play().catch(failed);
}

export function next() {
  const track = current && following(current);
  if (track) play(track);
}

function show() {
  element("player").hidden = false;
  document.body.classList.add("with-player");
  element("now-title").textContent = titleOf(current);
  element("now-artist").textContent = artistOf(current);
  document.title = `${titleOf(current)} · audiosim`;
  const cover = element("cover");
  cover.hidden = true;
  if (current.id) cover.src = `/api/v1/tracks/${current.id}/cover`;
  outline(current);
  changed();
}

async function outline(track) {
  peaks = [];
  draw();
  if (!track.id) return;
  const found = await get(`/tracks/${track.id}/peaks`, new URLSearchParams({ count: 300 })).catch(() => null);
  if (found && track === current) {
    peaks = found.peaks;
    draw();
  }
}

function draw() {
  const ratio = devicePixelRatio || 1;
  wave.width = wave.clientWidth * ratio;
  wave.height = wave.clientHeight * ratio;
  const context = wave.getContext("2d");
  const [wide, high] = [wave.width, wave.height];
  const style = getComputedStyle(document.documentElement);
  const done = audio.duration ? audio.currentTime / audio.duration : 0;
  context.clearRect(0, 0, wide, high);
  const shown = peaks.length ? peaks : Array(60).fill(0.06);
  shown.forEach((peak, at) => {
    const size = Math.max(2 * ratio, peak * high);
    context.fillStyle = style.getPropertyValue(at / shown.length < done ? "--accent" : "--line");
    context.fillRect((at * wide) / shown.length, (high - size) / 2, Math.max(1, wide / shown.length - ratio), size);
  });
}

function failed() {
  element("now-artist").textContent = "Missing, or not playable";
  say(`${titleOf(current)} can't be played`);
}

function progress() {
  const length = Number.isFinite(audio.duration) ? audio.duration : current?.duration || 0;
  element("total").textContent = clock(length);
  if (audio.currentTime >= until) {
    until = Infinity;
    audio.pause();
  }
  if (dragging) return;
  element("elapsed").textContent = clock(Math.floor(audio.currentTime));
  seek.value = length ? (1000 * audio.currentTime) / length : 0;
  seek.setAttribute("aria-valuetext", `${clock(Math.floor(audio.currentTime))} of ${clock(length)}`);
  draw();
}

function changed() {
  element("player").classList.toggle("playing", Boolean(playing()));
  element("play").setAttribute("aria-label", playing() ? "Pause" : "Play");
  for (const row of document.querySelectorAll("[data-id]")) {
    row.classList.toggle("playing", Boolean(current) && row.dataset.id === current.id);
  }
}

for (const name of ["play", "pause", "ended"]) audio.addEventListener(name, changed);
for (const name of ["timeupdate", "durationchange", "seeked"]) audio.addEventListener(name, progress);
audio.addEventListener("error", () => current && failed());
audio.addEventListener("ended", next);
element("cover").addEventListener("load", (event) => { event.target.hidden = false; });
element("cover").addEventListener("error", (event) => { event.target.hidden = true; });
element("play").addEventListener("click", toggle);
element("next").addEventListener("click", next);
seek.addEventListener("input", () => { dragging = true; });
seek.addEventListener("change", () => {
  dragging = false;
  until = Infinity;
  if (Number.isFinite(audio.duration)) audio.currentTime = (seek.value / 1000) * audio.duration;
});
addEventListener("resize", () => current && draw());
