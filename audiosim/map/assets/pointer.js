// Mouse, pen and fingers: hover, click, drag, wheel and pinch.
const pointer = (() => {
  const STILL = 5; // pixels that a click may move
  const down = new Map();
  let moved = 0;
  let pinch = null;
  let last = null; // where the mouse was seen over the map

  function trackAt(event) {
    const reach = event.pointerType === "touch" ? 22 : Math.max(9, pointRadius() + 5);
    return grid.nearest(...toWorld(event.clientX, event.clientY), reach / view.scale);
  }

  function click(event) {
    const track = trackAt(event);
    if (track < 0) {
      if (state.selected >= 0) unselect();
      return;
    }
    const here = SPOTS[DATA.spot[track]];
    const again = here.indexOf(state.selected); // a click on copies goes from one to the next
    select(again < 0 ? track : here[(again + 1) % here.length]);
  }

  function spread() {
    const [a, b] = [...down.values()];
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, distance: Math.hypot(a.x - b.x, a.y - b.y) || 1 };
  }

  function pan(dx, dy) {
    flight = null;
    view.x -= dx / view.scale;
    view.y -= dy / view.scale;
    hurry.move();
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    down.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (down.size === 1) moved = 0;
    pinch = down.size === 2 ? spread() : null;
    document.activeElement.blur?.();
    canvas.focus({ preventScroll: true });
  });

  canvas.addEventListener("pointermove", (event) => {
    const held = down.get(event.pointerId);
    if (!held) {
      last = event;
      hover(trackAt(event));
      return;
    }
    const [dx, dy] = [event.clientX - held.x, event.clientY - held.y];
    [held.x, held.y] = [event.clientX, event.clientY];
    moved += Math.hypot(dx, dy);
    if (down.size === 1 && moved > STILL) {
      hover(-1);
      canvas.classList.add("moving");
      pan(dx, dy);
    } else if (down.size === 2) {
      const now = spread();
      pan(now.x - pinch.x, now.y - pinch.y);
      zoomAt(now.x, now.y, now.distance / pinch.distance);
      pinch = now;
      moved = Infinity;
    }
  });

  function lift(event) {
    if (!down.delete(event.pointerId)) return;
    pinch = down.size === 2 ? spread() : null;
    canvas.classList.remove("moving");
    if (!down.size && moved <= STILL && event.type === "pointerup") click(event);
  }
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  canvas.addEventListener("pointerleave", () => {
    last = null;
    hover(-1);
  });
  canvas.addEventListener("dblclick", (event) => {
    if (trackAt(event) < 0) zoomAt(event.clientX, event.clientY, 2, 320);
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const pixels = event.deltaY * [1, 16, 400][event.deltaMode];
    const notch = Math.abs(pixels) >= 60 && !event.ctrlKey; // of a mouse; trackpads send many small ones
    const factor = Math.exp(-pixels * (event.ctrlKey ? 0.01 : 0.0022));
    zoomAt(event.clientX, event.clientY, factor, notch ? 180 : 0);
  }, { passive: false });

  for (const [id, factor] of [["zoom-in", 1.8], ["zoom-out", 1 / 1.8]]) {
    element(id).addEventListener("click", () => zoomAt(view.width / 2, view.height / 2, factor, 260));
  }
  element("zoom-fit").addEventListener("click", () => fly(fitting()));
  element("panel-close").addEventListener("click", unselect);

  /** Looks again at what is under the mouse, where the map has moved beneath it. */
  function follow() {
    if (last && !down.size) hover(trackAt(last));
  }
  return { follow };
})();
