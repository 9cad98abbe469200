// The keyboard: / searches, Esc steps back, arrows walk, space plays, + - 0 zoom.
(() => {
  const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  /** The nearest track that lies more in this direction than aside from it; copies count as one. */
  function towards(from, [dx, dy]) {
    let best = -1;
    let least = Infinity;
    for (let track = 0; track < COUNT; track++) {
      if (DATA.spot[track] === DATA.spot[from] || !lit(track)) continue;
      const [x, y] = [X[track] - X[from], Y[track] - Y[from]];
      const along = x * dx + y * dy;
      const aside = Math.abs(x * dy) + Math.abs(y * dx);
      const cost = along + 2 * aside;
      if (along > 0 && aside <= along && cost < least) [best, least] = [track, cost];
    }
    return best;
  }

  function walk(direction) {
    if (state.selected < 0) {
      const middle = grid.nearest(...toWorld(view.width / 2, view.height / 2), 2);
      if (middle >= 0) select(middle, false);
      return;
    }
    const next = towards(state.selected, direction);
    if (next >= 0) select(next, player.playing());
  }

  function back() {
    if (search.box.value) search.clear();
    else if (state.selected >= 0) unselect();
    else if (state.groups.size) legend.clear();
    else fly(fitting());
    document.activeElement.blur?.();
    canvas.focus({ preventScroll: true });
  }

  const middle = (factor) => zoomAt(view.width / 2, view.height / 2, factor, 260);
  const ACTIONS = {
    "/": () => search.box.focus(),
    "+": () => middle(1.8),
    "=": () => middle(1.8),
    "-": () => middle(1 / 1.8),
    0: () => fly(fitting()),
    " ": () => player.toggle(),
    Enter: () => state.selected >= 0 && player.play(state.selected),
  };

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      back();
      return;
    }
    const inside = event.target.closest?.("input, button");
    const pressing = inside?.tagName === "BUTTON" && (event.key === " " || event.key === "Enter");
    if (inside?.tagName === "INPUT" || pressing) return;
    const action = DIRECTIONS[event.key] ? () => walk(DIRECTIONS[event.key]) : ACTIONS[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
})();
