// The canvas of the map. Painted when something changes, and not otherwise.
const canvas = element("map");
const CROWD = SPOTS.length > 3000; // points that are painted pixel by pixel: a call for each would take too long
const ground = canvas.getContext("2d", { alpha: false, willReadFrequently: CROWD });
const over = element("over");
const order = shuffled(); // so that no group lies on top of all others
const sprites = new Map();
const QUICK = 20_000; // points that are painted while the map moves, where painting is slow
const FAINT = CROWD ? 0.1 : 0.17; // of points that do not stand out
let sharpness = 1; // pixels of the canvas for one of the page
let dirty = false;
let overDirty = false;

function shuffled() {
  const spots = [...SPOTS.keys()];
  let seed = 1;
  for (let i = spots.length - 1; i > 0; i--) {
    seed = (seed * 48271) % 2147483647;
    const j = seed % (i + 1);
    [spots[i], spots[j]] = [spots[j], spots[i]];
  }
  return spots;
}

function pointRadius() {
  const base = Math.max(1.9, Math.min(7.5, 17 * SPOTS.length ** -0.225));
  const small = Math.min(1, Math.sqrt(Math.min(view.width, view.height) / 640));
  return Math.min(11, base * small * Math.max(1, zoom()) ** 0.3);
}

/** A point of a colour, painted once for each size. */
function sprite(colour, radius, dim) {
  const key = `${colour} ${radius} ${dim} ${sharpness}`;
  if (sprites.has(key)) return sprites.get(key);
  if (sprites.size > 400) sprites.clear();
  const half = Math.ceil((radius + 2) * sharpness);
  const image = document.createElement("canvas");
  image.width = image.height = 2 * half;
  const context = image.getContext("2d");
  context.translate(half, half);
  context.scale(sharpness, sharpness);
  context.beginPath();
  context.arc(0, 0, radius, 0, 2 * Math.PI);
  context.fillStyle = dim ? (state.dark ? `rgb(140 146 160 / ${FAINT + 0.07})` : `rgb(70 74 90 / ${FAINT})`) : colour;
  context.fill();
  if (!dim && radius > 2.4) {
    context.lineWidth = Math.min(1.4, radius / 4);
    context.strokeStyle = state.dark ? "rgb(15 17 22 / 0.75)" : "rgb(255 255 255 / 0.85)";
    context.stroke();
  }
  const made = { image, half };
  sprites.set(key, made);
  return made;
}

/** The pixels of a sprite that are not clear: column, row, red, green, blue and how much covers, 0 to 1. */
function stampOf({ image }) {
  const { data } = image.getContext("2d").getImageData(0, 0, image.width, image.height);
  const stamp = [];
  for (let at = 0; at < data.length; at += 4) {
    const pixel = at / 4;
    const place = [pixel % image.width, Math.floor(pixel / image.width)];
    if (data[at + 3]) stamp.push(...place, data[at], data[at + 1], data[at + 2], data[at + 3] / 255);
  }
  return Float32Array.from(stamp);
}

/** Paints a stamp over an image, as drawImage would. */
function press({ data, width, height }, stamp, left, top) {
  for (let i = 0; i < stamp.length; i += 6) {
    const x = left + stamp[i];
    const y = top + stamp[i + 1];
    if (x < 0 || y < 0 || x >= width || y >= height) continue;
    const at = 4 * (y * width + x);
    for (let part = 0; part < 3; part++) data[at + part] += (stamp[i + 2 + part] - data[at + part]) * stamp[i + 5];
  }
}

/** How points are put on the ground, and what is to be done when all are. */
function brush() {
  if (!CROWD) return [({ image }, x, y) => ground.drawImage(image, x, y), () => {}];
  const sheet = ground.getImageData(0, 0, canvas.width, canvas.height);
  const put = (sprite, x, y) => press(sheet, (sprite.stamp ??= stampOf(sprite)), Math.round(x), Math.round(y));
  return [put, () => ground.putImageData(sheet, 0, 0)];
}

/** Paints the points that are in sight, the dim ones first, and gives those that stand out. */
function paintPoints(radius, hurried) {
  const most = hurried ? QUICK : Infinity;
  let dimmed = 0;
  const rounded = Math.round(radius * 4) / 4;
  const [left, top] = toWorld(-radius, -radius);
  const [right, bottom] = toWorld(view.width + radius, view.height + radius);
  const images = DATA.groups.map((group) => sprite(colourOf(group), rounded, false));
  const dim = sprite("", Math.max(1.6, rounded * 0.8), true);
  const seen = [];
  const [paint, done] = brush();
  const put = (sprite, track) => {
    const x = ((X[track] - view.x) * view.scale + view.width / 2) * sharpness - sprite.half;
    const y = ((Y[track] - view.y) * view.scale + view.height / 2) * sharpness - sprite.half;
    paint(sprite, x, y);
  };
  ground.setTransform(1, 0, 0, 1, 0, 0);
  for (const spot of order) {
    const track = shownAt(spot);
    if (X[track] < left || X[track] > right || Y[track] < top || Y[track] > bottom) continue;
    if (lit(track)) seen.push(track);
    else if (dimmed++ < most) put(dim, track);
  }
  for (const track of seen.slice(0, most)) put(images[DATA.group[track]], track);
  done();
  ground.setTransform(sharpness, 0, 0, sharpness, 0, 0);
  return seen;
}

function paintGround(hurried) {
  size(canvas, hurried ? Math.min(1, view.ratio) : view.ratio);
  sharpness = canvas.width / view.width;
  ground.setTransform(sharpness, 0, 0, sharpness, 0, 0);
  ground.fillStyle = state.dark ? "#0f1116" : "#f8f7f4";
  ground.fillRect(0, 0, view.width, view.height);
  terrain.paint(ground, hurried);
  const radius = pointRadius();
  const seen = paintPoints(radius, hurried);
  if (state.selected < 0) names.paint(ground, seen, radius);
}

function repaint() {
  if (!dirty && !overDirty) requestAnimationFrame(frame);
  dirty = true;
}

function repaintOver() {
  if (!dirty && !overDirty) requestAnimationFrame(frame);
  overDirty = true;
}

function size(sheet, ratio) {
  const [width, height] = [Math.round(view.width * ratio), Math.round(view.height * ratio)];
  if (sheet.width !== width) sheet.width = width;
  if (sheet.height !== height) sheet.height = height;
}

/** Where painting is slow, the map is coarser while it moves. */
const hurry = (() => {
  const SLOW = 25; // ms a frame
  const REST = 140; // ms without a move
  const MANY = 2000; // tracks; fewer are never slow
  let pace = 16;
  let last = -Infinity;
  let moved = -Infinity;
  let timer = 0;

  function move() {
    moved = performance.now();
    clearTimeout(timer);
    if (pace > SLOW) timer = setTimeout(repaint, REST + 20);
    repaint();
  }

  /** Whether the frame at this time is to be quick. */
  function needed(now) {
    const moving = now - moved < REST;
    if (moving && now - last < 200) pace += (now - last - pace) * 0.2;
    last = now;
    if (moving && pace > SLOW) coarse = true;
    if (!moving) coarse = false;
    return coarse && COUNT > MANY;
  }
  let coarse = false;
  return { move, needed };
})();

function frame(now) {
  const all = dirty;
  dirty = overDirty = false;
  advance(now);
  if (all) {
    paintGround(hurry.needed(now));
    pointer.follow();
  }
  paintOver(now);
}

function resize() {
  const before = view.fit;
  const whole = view.width === 1 || Math.abs(zoom() - 1) < 0.01;
  view.width = innerWidth;
  view.height = innerHeight;
  view.ratio = Math.min(devicePixelRatio || 1, 3);
  size(over, view.ratio);
  sprites.clear();
  const fit = fitting();
  view.fit = fit.scale;
  if (whole) place(fit);
  else view.scale *= view.fit / before;
  repaint();
}
