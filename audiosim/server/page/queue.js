// The queue: tracks to play in order, kept by the browser, saved as M3U8.
import { get, playlist } from "./api.js";
import { artistOf, element, make, say, titleOf } from "./dom.js";
import { currentTrack, play } from "./player.js";

const KEY = "audiosim queue";
let tracks = [];
try {
  tracks = JSON.parse(localStorage.getItem(KEY)) || [];
} catch {
  tracks = []; // storage is off, or holds something else
}

export function add(...more) {
  tracks.push(...more.filter((track) => track.id));
  changed();
  const several = more.length ? `${more.length} tracks are in the queue` : "All of these were in the queue";
  say(more.length === 1 ? `${titleOf(more[0])} is in the queue` : several);
}

/** What comes after a track, if it is in the queue. */
export function after(track) {
  const at = tracks.findIndex((one) => one.id === track.id);
  return at >= 0 ? tracks[at + 1] || null : null;
}

export const holds = (track) => tracks.some((one) => one.id === track.id);
export const first = () => tracks[0] || null;

export async function addRadio(seeds) {
  const wanted = new URLSearchParams({ length: Math.max(20, seeds.length + 10) });
  seeds.forEach((track) => wanted.append("seed", track.id));
  add(...(await get("/playlists/radio", wanted)).tracks.filter((track) => !holds(track)));
}

function changed() {
  try {
    localStorage.setItem(KEY, JSON.stringify(tracks));
  } catch { /* it lasts as long as the page */ }
  element("queue").replaceChildren(...tracks.map(row));
  element("queued").textContent = tracks.length || "";
  element("empty").hidden = tracks.length > 0;
  element("save").disabled = element("clear").disabled = !tracks.length;
}

function row(track, at) {
  const move = (by) => {
    const [one] = tracks.splice(at, 1);
    tracks.splice(at + by, 0, one);
    changed();
    element("queue").children[at + by]?.querySelector("button").focus();
  };
  return make("li", { "data-id": track.id, className: currentTrack()?.id === track.id ? "playing" : "" },
    make("button", { className: "name", type: "button", onclick: () => play(track) },
      titleOf(track), make("small", {}, artistOf(track))),
    make("button", { type: "button", className: "round", "aria-label": `Move ${titleOf(track)} up`, disabled: at === 0, onclick: () => move(-1) }, "↑"),
    make("button", { type: "button", className: "round", "aria-label": `Remove ${titleOf(track)}`, onclick: () => { tracks.splice(at, 1); changed(); } }, "✕"));
}

element("save").addEventListener("click", async () => {
  const url = URL.createObjectURL(await playlist(tracks.map((track) => track.id)));
  make("a", { href: url, download: "playlist.m3u8" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
});
element("clear").addEventListener("click", () => {
  tracks = [];
  changed();
});
addEventListener("removed", ({ detail: id }) => {
  tracks = tracks.filter((track) => track.id !== id);
  changed();
});
changed();
