// Names on the map: of groups while it is seen as a whole, of tracks from near by.
const names = (() => {
  const MANY = 70; // tracks in sight that can be named
  const CELLS = 40;
  const LEAST = 1 / 3; // of the tracks where a group is densest: one with less is all over the place
  const FEW = 1500; // points in sight that names make way for
  const ALL = new Set(DATA.groups.keys());
  const peaks = DATA.groups.map(peak);
  const largest = DATA.groups.map((group, index) => index).sort((a, b) => DATA.groups[b].count - DATA.groups[a].count);

  /** Where a group is densest, and its share of the tracks there. */
  function peak(group, index) {
    const counts = new Map();
    const key = (track, dx, dy) => `${Math.floor(X[track] * CELLS) + dx},${Math.floor(Y[track] * CELLS) + dy}`;
    const members = [];
    for (const [track] of SPOTS) {
      if (DATA.group[track] !== index) continue;
      members.push(track);
      for (let dx = -2; dx <= 2; dx++) {
        for (let dy = -2; dy <= 2; dy++) {
          const cell = key(track, dx, dy);
          counts.set(cell, (counts.get(cell) || 0) + (Math.abs(dx) + Math.abs(dy) < 3 ? 2 : 1));
        }
      }
    }
    let [best, most] = ["0,0", -1];
    for (const [cell, count] of counts) if (count > most) [best, most] = [cell, count];
    const [column, row] = best.split(",").map(Number);
    const isClose = (t) =>
      Math.abs(Math.floor(X[t] * CELLS) - column) <= 2 && Math.abs(Math.floor(Y[t] * CELLS) - row) <= 2;
    const close = members.filter(isClose);
    const share = close.length / SPOTS.reduce((sum, [t]) => sum + isClose(t), 0);
    const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
    return { x: mean(close.map((t) => X[t])), y: mean(close.map((t) => Y[t])), share };
  }

  const apart = (a, b) => a.right < b.left || b.right < a.left || a.bottom < b.top || b.bottom < a.top;

  function write(context, text, box, font, colour, alpha) {
    context.globalAlpha = alpha;
    context.font = font;
    context.textBaseline = "middle";
    context.lineJoin = "round";
    context.lineWidth = 4;
    context.strokeStyle = state.dark ? "rgb(15 17 22 / 0.86)" : "rgb(248 247 244 / 0.88)";
    context.fillStyle = colour;
    const middle = (box.top + box.bottom) / 2;
    context.strokeText(text, box.left + 4, middle);
    context.fillText(text, box.left + 4, middle);
    context.globalAlpha = 1;
  }

  /** The first of several boxes of a text that touches none of those taken. */
  function free(taken, places, width, height) {
    for (const [x, y] of places) {
      const box = { left: x - 4, right: x + width + 4, top: y - height / 2, bottom: y + height / 2 };
      if (taken.every((other) => apart(box, other))) return box;
    }
    return null;
  }

  /** Points in sight that a box would hide. */
  const hidden = (box, spots) =>
    spots.reduce((sum, [x, y]) => sum + (x > box.left - 3 && x < box.right + 3 && y > box.top - 2 && y < box.bottom + 2), 0);

  /** Places for a name around a point, those first where it hides little and is near. */
  function around(x, y, width, height, spots) {
    const places = [];
    for (const dx of [0, -0.5, 0.5, -1, 1]) {
      for (const dy of [0, -1, 1, -2, 2, -3, 3, -4, 4]) {
        const [left, middle] = [x - width / 2 + dx * width * 0.5, y + dy * height * 0.7];
        const box = { left, right: left + width, top: middle - height / 2, bottom: middle + height / 2 };
        const cost = hidden(box, spots) * 2.2 + Math.abs(dy) * 0.8 + Math.abs(dx) * 1.6;
        places.push({ place: [left, middle], cost });
      }
    }
    return places.sort((a, b) => a.cost - b.cost).map(({ place }) => place);
  }

  function groups(context, taken, alpha, seen) {
    const size = view.width <= 760 ? 12 : 14;
    const font = `500 ${size}px ${FONT}`;
    const spots = seen.length > FEW ? [] : seen.map((track) => toScreen(X[track], Y[track]));
    const shown = state.matches || state.groups.size ? new Set(seen.map((track) => DATA.group[track])) : ALL;
    context.font = font;
    context.letterSpacing = "0.02em";
    for (const index of largest) {
      const group = DATA.groups[index];
      const scattered = shown === ALL && peaks[index].share < LEAST;
      if (group.rest || scattered || !shown.has(index)) continue;
      const text = shortened(group.name, 28);
      const width = context.measureText(text).width;
      const [x, y] = toScreen(peaks[index].x, peaks[index].y);
      const box = free(taken, around(x, y, width, size + 8, spots), width, size + 8);
      if (!box) continue;
      taken.push(box);
      const colour = mixed(colourOf(group), state.dark ? "#ffffff" : "#14151c", state.dark ? 0.45 : 0.5);
      write(context, text, box, font, colour, alpha);
    }
    context.letterSpacing = "0px";
  }

  function tracks(context, taken, seen, radius) {
    const font = `500 11.5px ${FONT}`;
    context.font = font;
    const done = new Set();
    for (const track of seen) {
      if (done.has(DATA.spot[track])) continue;
      done.add(DATA.spot[track]);
      const text = shortened(titleOf(track), 34);
      const width = context.measureText(text).width;
      const [x, y] = toScreen(X[track], Y[track]);
      const gap = radius + 4;
      const box = free(taken, [[x + gap, y], [x - gap - width, y], [x - width / 2, y - gap - 7], [x - width / 2, y + gap + 7]], width, 15);
      if (!box) continue;
      taken.push(box);
      write(context, text, box, font, state.dark ? "#d3d2ce" : "#43454f", 1);
    }
  }

  /** Writes what there is room for; `seen` are the tracks in sight that stand out. */
  function paint(context, seen, radius) {
    const taken = sheetBoxes();
    const few = seen.length <= MANY && (zoom() > 1.8 || SPOTS.length <= 40 || state.matches !== null);
    const alpha = SPOTS.length <= 3 ? 0 : Math.max(0, Math.min(1, 2.6 - zoom() / (few ? 2 : 5)));
    if (alpha) groups(context, taken, alpha, seen);
    if (few) {
      for (const track of seen) {
        const [x, y] = toScreen(X[track], Y[track]);
        taken.push({ left: x - radius, right: x + radius, top: y - radius, bottom: y + radius });
      }
      tracks(context, taken, seen, radius);
    }
  }

  return { paint, tracks, write };
})();

const FONT = 'system-ui, -apple-system, "Segoe UI", Inter, Roboto, "Helvetica Neue", Arial, sans-serif';

function shortened(text, most) {
  const letters = [...text];
  return letters.length > most ? letters.slice(0, most - 1).join("").trimEnd() + "…" : text;
}

/** What the sheets cover, where nothing need be written. */
function sheetBoxes() {
  return [...document.querySelectorAll(".sheet:not([hidden])")].map((sheet) => sheet.getBoundingClientRect());
}
