// The library as the page holds it, and what is chosen in it at the moment.
const DATA = JSON.parse(document.getElementById("data").textContent);
const COUNT = DATA.file.length;
const element = (id) => document.getElementById(id);

const X = new Float32Array(COUNT);
const Y = new Float32Array(COUNT);
const SPOTS = DATA.places.map(() => []); // the tracks at each spot: copies of one recording, the best first
for (let track = 0; track < COUNT; track++) {
  const spot = DATA.spot[track];
  X[track] = DATA.places[spot][0] / DATA.unit;
  Y[track] = DATA.places[spot][1] / DATA.unit;
  SPOTS[spot].push(track);
}
const FIRST = Int32Array.from(SPOTS, (tracks) => tracks[0]);

const state = {
  hover: -1,
  selected: -1,
  matches: null, // of the search: Uint8Array with 1 for each that fits
  groups: new Set(), // shown alone; none: all are shown
  dark: false,
};

const shownFile = (track) => {
  const file = DATA.file[track];
  return typeof file === "string" ? file : file[0];
};
const titleOf = (track) => DATA.title[track] || shownFile(track).replace(/(.)\.\w{1,5}$/, "$1");
const pathOf = (track) => {
  const folder = DATA.folders[DATA.folder[track]][0];
  return (folder.endsWith("/") ? folder : folder + "/") + shownFile(track);
};
const urlOf = (track) => {
  const file = DATA.file[track];
  return DATA.folders[DATA.folder[track]][1] + (typeof file === "string" ? encodeURIComponent(file) : file[1]);
};
const groupOf = (track) => DATA.groups[DATA.group[track]];
const colourOf = (group) => (state.dark ? group.dark : group.light);
const albumOf = (track) =>
  [DATA.album[track], DATA.year[track] || "", clock(DATA.seconds[track])].filter(Boolean).join(" · ");

function clock(seconds) {
  if (seconds > 0 && seconds < 0.95) return `0:0${Number(Math.max(seconds, 0.01).toPrecision(1))}`;
  const whole = Math.max(0, Math.round(seconds || 0));
  const two = (number) => String(number).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  const rest = two(whole % 60);
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${rest}`;
}

/** Whether the search and the chosen groups let a track stand out. */
function lit(track) {
  if (state.matches && !state.matches[track]) return false;
  return !state.groups.size || state.groups.has(DATA.group[track]);
}

/** The track whose dot a spot shows: the first of its recording, or the first of it that stands out. */
const shownAt = (spot) => (state.matches || state.groups.size ? SPOTS[spot].find(lit) : undefined) ?? FIRST[spot];

/** Tracks by the cells of a grid over the unit square, to find the one under the pointer. */
const grid = (() => {
  const side = Math.max(1, Math.min(400, Math.ceil(Math.sqrt(COUNT / 2))));
  const cells = new Map();
  const cell = (value) => Math.max(0, Math.min(side - 1, Math.floor(value * side)));
  for (let track = 0; track < COUNT; track++) {
    const key = cell(Y[track]) * side + cell(X[track]);
    if (!cells.has(key)) cells.set(key, []);
    cells.get(key).push(track);
  }
  /** The track nearest to (x, y) within `radius`, one that stands out before one that does not; or -1. */
  function nearest(x, y, radius) {
    let best = -1;
    let least = Infinity;
    for (let row = cell(y - radius); row <= cell(y + radius); row++) {
      for (let column = cell(x - radius); column <= cell(x + radius); column++) {
        for (const track of cells.get(row * side + column) || []) {
          const distance = Math.hypot(X[track] - x, Y[track] - y);
          const cost = distance + (lit(track) ? 0 : radius);
          if (distance <= radius && cost < least) [best, least] = [track, cost];
        }
      }
    }
    return best;
  }
  return { nearest };
})();
