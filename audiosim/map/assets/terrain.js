// The ground under the points: where many tracks are it is tinted, with lines of equal density.
const terrain = (() => {
  const SIDE = 384; // cells along a side
  const MARGIN = 0.12; // of the unit square, around it
  const SPAN = 1 + 2 * MARGIN;
  const LEVELS = [0.18, 0.5, 1, 1.7];
  const sigma = (Math.max(0.011, 0.062 * Math.max(SPOTS.length, 20) ** -0.17) * SIDE) / SPAN;
  const picture = document.createElement("canvas");
  picture.width = picture.height = SIDE;
  let contours = new Path2D();
  let usual = 0; // density where a track is, as a rule

  function blurred(field) {
    const radius = Math.max(1, Math.round(sigma * 0.98)); // three box blurs come near to a Gaussian
    let from = field;
    let to = new Float32Array(field.length);
    for (let pass = 0; pass < 3; pass++) {
      for (const [step, stride] of [[1, SIDE], [SIDE, 1]]) {
        blurLines(from, to, step, stride, radius);
        [from, to] = [to, from];
      }
    }
    return from;
  }

  function blurLines(from, to, step, stride, radius) {
    const share = 1 / (2 * radius + 1);
    for (let line = 0; line < SIDE; line++) {
      const start = line * stride;
      let sum = 0;
      for (let i = 0; i < radius; i++) sum += from[start + i * step];
      for (let i = 0; i < SIDE; i++) {
        if (i + radius < SIDE) sum += from[start + (i + radius) * step];
        if (i - radius > 0) sum -= from[start + (i - radius - 1) * step];
        to[start + i * step] = sum * share;
      }
    }
  }

  function cellOf(track) {
    const column = Math.floor(((X[track] + MARGIN) / SPAN) * SIDE);
    const row = Math.floor(((Y[track] + MARGIN) / SPAN) * SIDE);
    return row * SIDE + column;
  }

  /** Density as it usually is where a track is. */
  function typical(weight) {
    const found = [];
    const step = Math.ceil(SPOTS.length / 2000);
    for (let spot = 0; spot < SPOTS.length; spot += step) found.push(weight[cellOf(SPOTS[spot][0])]);
    found.sort((a, b) => a - b);
    return found[Math.floor(found.length * 0.5)] || 1;
  }

  function make() {
    const [red, green, blue, weight] = [0, 1, 2, 3].map(() => new Float32Array(SIDE * SIDE));
    const colours = DATA.groups.map((group) => rgb(colourOf(group)));
    for (const spot of SPOTS.keys()) {
      const track = shownAt(spot);
      const cell = cellOf(track);
      const colour = colours[DATA.group[track]];
      const mass = lit(track) ? 1 : 0.12;
      red[cell] += mass * colour[0];
      green[cell] += mass * colour[1];
      blue[cell] += mass * colour[2];
      weight[cell] += mass;
    }
    const fields = [red, green, blue, weight].map(blurred);
    usual ||= typical(fields[3]);
    tint(fields);
    contours = linesOf(fields[3]);
  }

  function tint([red, green, blue, weight]) {
    const most = state.dark ? 0.3 : 0.27;
    const image = new ImageData(SIDE, SIDE);
    for (let cell = 0; cell < weight.length; cell++) {
      const mass = weight[cell];
      if (mass < usual * 1e-3) continue;
      image.data[4 * cell] = red[cell] / mass;
      image.data[4 * cell + 1] = green[cell] / mass;
      image.data[4 * cell + 2] = blue[cell] / mass;
      image.data[4 * cell + 3] = 255 * most * (1 - Math.exp(-mass / usual / 0.9));
    }
    picture.getContext("2d").putImageData(image, 0, 0);
  }

  function linesOf(weight) {
    const path = new Path2D();
    const stride = 2;
    const at = (column, row) => weight[row * SIDE + column];
    for (const level of LEVELS) {
      for (let row = 0; row < SIDE - stride; row += stride) {
        for (let column = 0; column < SIDE - stride; column += stride) {
          const corners = [
            at(column, row), at(column + stride, row),
            at(column + stride, row + stride), at(column, row + stride),
          ];
          crossing(path, corners, level * usual, column, row, stride);
        }
      }
    }
    return path;
  }

  function crossing(path, corners, level, column, row, stride) {
    const ends = [];
    for (let edge = 0; edge < 4; edge++) {
      const [a, b] = [corners[edge], corners[(edge + 1) % 4]];
      if (a < level === b < level) continue;
      const share = (level - a) / (b - a);
      const [x, y] = [[share, 0], [1, share], [1 - share, 1], [0, 1 - share]][edge];
      ends.push([column + 0.5 + x * stride, row + 0.5 + y * stride]);
    }
    for (let end = 0; end + 1 < ends.length; end += 2) {
      path.moveTo(...ends[end]);
      path.lineTo(...ends[end + 1]);
    }
  }

  function paint(context, hurried) {
    const share = Math.max(0, Math.min(1, 1.35 - Math.log2(Math.max(zoom(), 1)) / 4));
    if (!share) return;
    const cell = (view.scale * SPAN) / SIDE;
    const [left, top] = toScreen(-MARGIN, -MARGIN);
    context.save();
    context.translate(left, top);
    context.scale(cell, cell);
    context.globalAlpha = share;
    context.drawImage(picture, 0, 0);
    if (!hurried) {
      context.lineWidth = 1 / cell;
      context.strokeStyle = state.dark ? "rgb(255 255 255 / 0.065)" : "rgb(30 32 50 / 0.075)";
      context.stroke(contours);
    }
    context.restore();
  }

  return { make, paint };
})();

function rgb(colour) {
  return [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));
}

function mixed(colour, other, share) {
  const [a, b] = [rgb(colour), rgb(other)];
  return `rgb(${a.map((value, i) => Math.round(value + (b[i] - value) * share)).join(" ")})`;
}
