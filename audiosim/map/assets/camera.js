// Where the view is: its centre in the unit square, and how many pixels that square is wide.
const view = { width: 1, height: 1, ratio: 1, x: 0.5, y: 0.5, scale: 1, fit: 1 };
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const bounds = {};
[bounds.left, bounds.right] = minmax(X);
[bounds.top, bounds.bottom] = minmax(Y);
let flight = null;

function minmax(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

const toScreen = (x, y) => [
  (x - view.x) * view.scale + view.width / 2,
  (y - view.y) * view.scale + view.height / 2,
];
const toWorld = (x, y) => [
  (x - view.width / 2) / view.scale + view.x,
  (y - view.height / 2) / view.scale + view.y,
];
const zoom = () => view.scale / view.fit;
const limited = (scale) => Math.max(view.fit * 0.6, Math.min(view.fit * Math.max(40, Math.sqrt(COUNT) * 2), scale));

/** What is free of sheets, in pixels. */
function clearing() {
  const narrow = view.width <= 760;
  const side = element("side").getBoundingClientRect();
  const panel = element("panel").hidden ? null : element("panel").getBoundingClientRect();
  return {
    left: narrow ? 24 : side.right + 48,
    top: narrow ? side.bottom + 40 : 56,
    right: view.width - (narrow ? 24 : panel ? view.width - panel.left + 48 : 64),
    bottom: narrow && panel ? panel.top - 32 : view.height - 100,
  };
}

/** The view that shows a part of the unit square in the clearing. */
function framing(area, most) {
  const free = clearing();
  const wide = Math.max(area.right - area.left, 1e-4);
  const high = Math.max(area.bottom - area.top, 1e-4);
  const scale = Math.min((free.right - free.left) / wide, (free.bottom - free.top) / high, most);
  return {
    scale,
    x: (area.left + area.right) / 2 - ((free.left + free.right) / 2 - view.width / 2) / scale,
    y: (area.top + area.bottom) / 2 - ((free.top + free.bottom) / 2 - view.height / 2) / scale,
  };
}

function fitting() {
  const most = 2.5 * Math.min(view.width, view.height);
  return framing(bounds, most);
}

function place(target) {
  [view.x, view.y, view.scale] = [target.x, target.y, target.scale];
}

/** Moves the view smoothly; what is under a fixed point of the screen stays there while it zooms. */
function fly(target, milliseconds = 480) {
  target = { ...target, scale: limited(target.scale) };
  if (calm.matches || milliseconds === 0) {
    flight = null;
    place(target);
  } else {
    flight = { from: { x: view.x, y: view.y, scale: view.scale }, to: target, start: null, milliseconds };
  }
  hurry.move();
}

function advance(now) {
  if (!flight) return;
  flight.start ??= now;
  const { from, to } = flight;
  const time = Math.min(1, (now - flight.start) / flight.milliseconds);
  const eased = 1 - (1 - time) ** 3;
  const scale = from.scale * (to.scale / from.scale) ** eased;
  const same = Math.abs(to.scale / from.scale - 1) < 1e-3;
  const share = same ? eased : (1 - from.scale / scale) / (1 - from.scale / to.scale);
  place({ x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share, scale });
  if (time === 1) flight = null;
  hurry.move();
}

function zoomAt(x, y, factor, milliseconds = 0) {
  const start = flight && milliseconds ? flight.to : view;
  const scale = limited(start.scale * factor);
  const [worldX, worldY] = [(x - view.width / 2) / start.scale + start.x, (y - view.height / 2) / start.scale + start.y];
  fly({
    scale,
    x: worldX - (x - view.width / 2) / scale,
    y: worldY - (y - view.height / 2) / scale,
  }, milliseconds);
}

function zoomTo(tracks) {
  if (!tracks.length) return;
  const [left, right] = minmax(tracks.map((track) => X[track]));
  const [top, bottom] = minmax(tracks.map((track) => Y[track]));
  fly(framing({ left, right, top, bottom }, view.fit * 8));
}

/** Brings a track into the clearing, if it is not there. */
function reveal(track) {
  const free = clearing();
  const [x, y] = toScreen(X[track], Y[track]);
  const dx = x < free.left ? x - free.left - 60 : x > free.right ? x - free.right + 60 : 0;
  const dy = y < free.top ? y - free.top - 60 : y > free.bottom ? y - free.bottom + 60 : 0;
  if (dx || dy) fly({ x: view.x + dx / view.scale, y: view.y + dy / view.scale, scale: view.scale });
}
