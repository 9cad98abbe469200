// The sheet of the selected track, its copies and its nearest neighbours.
function select(track, sound = true) {
  state.selected = track;
  hover(-1);
  const spot = DATA.spot[track];
  const copies = SPOTS[spot].filter((other) => other !== track);
  element("panel-group").querySelector("i").style.setProperty("--dot", colourOf(groupOf(track)));
  element("panel-group").querySelector("span").textContent = groupOf(track).name;
  element("panel-title").textContent = titleOf(track);
  element("panel-artist").textContent = DATA.artist[track];
  element("panel-album").textContent = albumOf(track);
  element("panel-path").textContent = pathOf(track);
  element("copies-block").hidden = !copies.length;
  element("copies").replaceChildren(...copies.map((copy) => copyRow(copy)));
  element("near-block").hidden = !DATA.near[spot].length;
  element("near").replaceChildren(
    ...nearOf(track).map((other, rank) => trackRow(other, DATA.cosines[spot][rank] / 10000)),
  );
  element("near").scrollTop = 0;
  element("panel").hidden = false;
  element("live").textContent = [titleOf(track), DATA.artist[track]].filter(Boolean).join(", ");
  if (sound) player.play(track);
  reveal(track);
  repaint();
}

/** A copy has the same title, so its row shows where it is. */
function copyRow(track) {
  const row = trackRow(track);
  row.querySelector(".name").textContent = pathOf(track);
  return row;
}

function unselect() {
  state.selected = -1;
  element("panel").hidden = true;
  repaint();
}

function hover(track) {
  if (state.hover === track) return;
  state.hover = track;
  canvas.classList.toggle("over", track >= 0);
  repaintOver();
}
