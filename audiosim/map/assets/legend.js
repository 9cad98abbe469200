// The groups: a click shows one alone, further clicks add others or take them away.
const legend = (() => {
  const rows = DATA.groups.map((group, index) => {
    const row = document.createElement("button");
    row.type = "button";
    row.className = "row";
    const [dot, name, count] = ["i", "span", "span"].map((tag) => document.createElement(tag));
    name.className = "name";
    name.textContent = name.title = group.name;
    count.className = "figure";
    count.textContent = group.count.toLocaleString("en");
    row.append(dot, name, count);
    row.addEventListener("click", () => toggle(index));
    return row;
  });

  function toggle(index) {
    if (!state.groups.delete(index)) state.groups.add(index);
    if (state.groups.size === DATA.groups.length) state.groups.clear();
    changed();
  }

  function clear() {
    state.groups.clear();
    changed();
  }

  function changed() {
    const some = state.groups.size > 0;
    rows.forEach((row, index) => {
      row.classList.toggle("off", some && !state.groups.has(index));
      row.setAttribute("aria-pressed", String(some && state.groups.has(index)));
    });
    element("legend-all").hidden = !some;
    terrain.make();
    repaint();
  }

  function colour() {
    rows.forEach((row, index) => row.style.setProperty("--dot", colourOf(DATA.groups[index])));
  }

  element("legend-title").textContent = DATA.by[0].toUpperCase() + DATA.by.slice(1);
  element("legend").append(...rows);
  element("legend-all").addEventListener("click", clear);
  return { clear, colour };
})();

/** A row of a list that selects a track; with its cosine to another where that is given. */
function trackRow(track, cosine) {
  const row = document.createElement("button");
  row.type = "button";
  row.className = "row";
  row.dataset.track = track;
  row.style.setProperty("--dot", colourOf(groupOf(track)));
  const dot = document.createElement("i");
  const name = document.createElement("span");
  name.className = "name";
  name.textContent = titleOf(track);
  name.title = pathOf(track);
  if (DATA.artist[track]) {
    const artist = document.createElement("small");
    artist.textContent = DATA.artist[track];
    name.append(artist);
  }
  row.append(dot, name);
  if (cosine !== undefined) row.append(bar(cosine), figure(cosine.toFixed(2)));
  row.addEventListener("click", () => select(track));
  row.addEventListener("pointerenter", () => hover(track));
  row.addEventListener("pointerleave", () => hover(-1));
  return row;
}

function bar(cosine) {
  const outer = document.createElement("span");
  outer.className = "bar";
  const inner = document.createElement("b");
  inner.style.width = `${Math.max(0, cosine) * 100}%`;
  outer.append(inner);
  return outer;
}

function figure(text) {
  const span = document.createElement("span");
  span.className = "figure";
  span.textContent = text;
  return span;
}
