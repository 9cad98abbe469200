// The canvas of the map. Painted when something changes, and not otherwise.
const canvas = element("map");
const ground = canvas.getContext("2d", { alpha: false });
const over = element("over");
const order = shuffled(); // so that no group lies on top of all others
const sprites = new Map();
let dirty = false;
let overDirty = false;

function shuffled() {
  const tracks = Array.from({ length: COUNT }, (_, track) => track);
  let seed = 1;
  for (let i = COUNT - 1; i > 0; i--) {
    seed = (seed * 48271) % 2147483647;
    const j = seed % (i + 1);
    [tracks[i], tracks[j]] = [tracks[j], tracks[i]];
  }
  return tracks;
}

function pointRadius() {
  const base = Math.max(1.9, Math.min(7.5, 15 * COUNT ** -0.21));
  return Math.min(11, base * Math.max(1, zoom()) ** 0.3);
}

/** A point of a colour, painted once for each size. */
function sprite(colour, radius, dim) {
  const key = `${colour} ${radius} ${dim}`;
  if (sprites.has(key)) return sprites.get(key);
  if (sprites.size > 400) sprites.clear();
  const half = Math.ceil((radius + 2) * view.ratio);
  const image = document.createElement("canvas");
  image.width = image.height = 2 * half;
  const context = image.getContext("2d");
  context.translate(half, half);
  context.scale(view.ratio, view.ratio);
  context.beginPath();
  context.arc(0, 0, radius, 0, 2 * Math.PI);
  context.fillStyle = dim ? (state.dark ? "rgb(140 146 160 / 0.24)" : "rgb(70 74 90 / 0.17)") : colour;
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

/** Paints the points that are in sight, the dim ones first, and gives those that stand out. */
function paintPoints(radius) {
  const rounded = Math.round(radius * 4) / 4;
  const [left, top] = toWorld(-radius, -radius);
  const [right, bottom] = toWorld(view.width + radius, view.height + radius);
  const images = DATA.groups.map((group) => sprite(colourOf(group), rounded, false));
  const dim = sprite("", Math.max(1.6, rounded * 0.8), true);
  const seen = [];
  const put = ({ image, half }, track) => {
    const x = ((X[track] - view.x) * view.scale + view.width / 2) * view.ratio - half;
    const y = ((Y[track] - view.y) * view.scale + view.height / 2) * view.ratio - half;
    if (COUNT > 3000) ground.drawImage(image, Math.round(x), Math.round(y));
    else ground.drawImage(image, x, y);
  };
  ground.setTransform(1, 0, 0, 1, 0, 0);
  for (const track of order) {
    if (X[track] < left || X[track] > right || Y[track] < top || Y[track] > bottom) continue;
    if (lit(track)) seen.push(track);
    else put(dim, track);
  }
  for (const track of seen) put(images[DATA.group[track]], track);
  ground.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
  return seen;
}

function paintGround() {
  ground.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
  ground.fillStyle = state.dark ? "#0f1116" : "#f8f7f4";
  ground.fillRect(0, 0, view.width, view.height);
  terrain.paint(ground);
  const radius = pointRadius();
  const seen = paintPoints(radius);
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

function frame(now) {
  const all = dirty;
  dirty = overDirty = false;
  advance(now);
  if (all) paintGround();
  paintOver(now);
}

function resize() {
  const before = view.fit;
  const whole = view.width === 1 || Math.abs(zoom() - 1) < 0.01;
  view.width = innerWidth;
  view.height = innerHeight;
  view.ratio = Math.min(devicePixelRatio || 1, 3);
  for (const sheet of [canvas, over]) {
    sheet.width = Math.round(view.width * view.ratio);
    sheet.height = Math.round(view.height * view.ratio);
  }
  sprites.clear();
  const fit = fitting();
  view.fit = fit.scale;
  if (whole) place(fit);
  else view.scale *= view.fit / before;
  repaint();
}
