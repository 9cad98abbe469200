// The start.
const scheme = matchMedia("(prefers-color-scheme: dark)");

function recolour() {
  state.dark = scheme.matches;
  sprites.clear();
  legend.colour();
  terrain.make();
  element("card").dataset.track = "";
  if (state.selected >= 0) select(state.selected, false);
  repaint();
}

function describe() {
  const number = (value) => value.toLocaleString("en");
  element("heading").textContent = `${number(SPOTS.length)} track${SPOTS.length === 1 ? "" : "s"}`;
  const hours = DATA.hours < 1 ? `${Math.round(DATA.hours * 60)} min` : `${number(+DATA.hours.toFixed(1))} hours`;
  element("subtitle").textContent = `${hours} · ${DATA.encoder}`;
  document.title = `Library map · ${element("heading").textContent}`;
}

describe();
scheme.addEventListener("change", recolour);
addEventListener("resize", resize);
resize();
recolour();
