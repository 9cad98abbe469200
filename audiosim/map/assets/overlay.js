// The canvas above the map: what is under the pointer, what is selected, and its neighbours.
const top_ = over.getContext("2d");
const nearOf = (track) => DATA.near[DATA.spot[track]].map((spot) => SPOTS[spot][0]);

function ring(track, radius, colour, width, alpha = 1) {
  const [x, y] = toScreen(X[track], Y[track]);
  top_.globalAlpha = alpha;
  top_.beginPath();
  top_.arc(x, y, radius, 0, 2 * Math.PI);
  top_.lineWidth = width;
  top_.strokeStyle = colour;
  top_.stroke();
  top_.globalAlpha = 1;
}

function dot(track, radius) {
  const [x, y] = toScreen(X[track], Y[track]);
  top_.beginPath();
  top_.arc(x, y, radius, 0, 2 * Math.PI);
  top_.fillStyle = colourOf(groupOf(track));
  top_.fill();
  top_.lineWidth = 1.5;
  top_.strokeStyle = state.dark ? "#0f1116" : "#ffffff";
  top_.stroke();
}

/** A slightly bent line, which fades with the rank. */
function thread(from, to, rank) {
  const [x0, y0] = toScreen(X[from], Y[from]);
  const [x1, y1] = toScreen(X[to], Y[to]);
  const bend = 0.12;
  top_.beginPath();
  top_.moveTo(x0, y0);
  top_.quadraticCurveTo((x0 + x1) / 2 - (y1 - y0) * bend, (y0 + y1) / 2 + (x1 - x0) * bend, x1, y1);
  top_.lineWidth = 1.5 - rank * 0.06;
  top_.strokeStyle = state.dark ? "#ffffff" : "#1c1e26";
  top_.globalAlpha = 0.42 - rank * 0.027;
  top_.stroke();
  top_.globalAlpha = 1;
}

function paintSelected(radius, now) {
  const track = state.selected;
  const near = nearOf(track);
  near.forEach((other, rank) => thread(track, other, rank));
  near.forEach((other) => dot(other, radius * 1.15 + 0.5));
  const [x, y] = toScreen(X[track], Y[track]);
  const glow = top_.createRadialGradient(x, y, radius, x, y, radius * 5 + 12);
  const colour = colourOf(groupOf(track));
  glow.addColorStop(0, `${colour}66`);
  glow.addColorStop(1, `${colour}00`);
  top_.fillStyle = glow;
  top_.fillRect(x - 80, y - 80, 160, 160);
  if (player.playing() && !calm.matches) {
    const beat = (now % 1800) / 1800;
    ring(track, radius * 1.4 + 4 + beat * 16, colour, 1.5, (1 - beat) * 0.8);
  }
  dot(track, radius * 1.4 + 1);
  ring(track, radius * 1.4 + 5, state.dark ? "#ffffff" : "#1c1e26", 1.5);
  nameSelected([track, ...near], radius);
}

function nameSelected(tracks, radius) {
  const taken = sheetBoxes();
  for (const track of tracks) {
    const [x, y] = toScreen(X[track], Y[track]);
    const reach = radius + (track === state.selected ? 8 : 2);
    taken.push({ left: x - reach, right: x + reach, top: y - reach, bottom: y + reach });
  }
  names.tracks(top_, taken, tracks, radius * 1.4 + 6);
}

function paintOver(now) {
  top_.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
  top_.clearRect(0, 0, view.width, view.height);
  const radius = pointRadius();
  if (state.selected >= 0) paintSelected(radius, now);
  if (state.hover >= 0) {
    dot(state.hover, radius * 1.25 + 0.5);
    ring(state.hover, radius * 1.25 + 4, state.dark ? "#ffffff" : "#1c1e26", 1.5, 0.9);
  }
  showCard();
  if (player.playing() && state.selected >= 0 && !calm.matches) repaintOver();
}

/** The card beside the point under the pointer. */
function showCard() {
  const card = element("card");
  const track = state.hover;
  card.hidden = track < 0;
  if (track < 0) return;
  if (card.dataset.track !== String(track)) {
    card.dataset.track = track;
    const copies = SPOTS[DATA.spot[track]].length - 1;
    card.querySelector("i").style.setProperty("--dot", colourOf(groupOf(track)));
    element("card-group").textContent = groupOf(track).name + (copies ? ` · ${copies + 1} copies` : "");
    element("card-title").textContent = titleOf(track);
    element("card-artist").textContent = DATA.artist[track];
    element("card-album").textContent = albumOf(track);
    element("card-path").textContent = pathOf(track);
  }
  const [x, y] = toScreen(X[track], Y[track]);
  const [wide, high] = [card.offsetWidth, card.offsetHeight];
  const panel = element("panel").hidden || view.width <= 760 ? view.width : element("panel").offsetLeft;
  const left = x + 18 + wide > panel - 12 ? x - 18 - wide : x + 18;
  const top = Math.max(12, Math.min(view.height - high - 12, y - high / 2));
  card.style.transform = `translate(${Math.round(Math.max(8, left))}px, ${Math.round(top)}px)`;
}
