// The search box: every word must occur somewhere in title, artist, album or path.
const search = (() => {
  const LISTED = 60;
  const box = element("search");
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  let texts = null;
  let found = [];
  let at = -1;

  function haystack() {
    texts ??= Array.from({ length: COUNT }, (_, t) =>
      plain([titleOf(t), DATA.artist[t], DATA.album[t], pathOf(t)].join("\n")));
    return texts;
  }

  function run() {
    const words = plain(box.value).split(/\s+/).filter(Boolean);
    at = -1;
    found = [];
    state.matches = null;
    if (words.length) {
      state.matches = new Uint8Array(COUNT);
      haystack().forEach((text, track) => {
        if (!words.every((word) => text.includes(word))) return;
        state.matches[track] = 1;
        found.push(track);
      });
    }
    show(words.length > 0);
    terrain.make();
    repaint();
  }

  function show(searching) {
    element("found").hidden = element("results").hidden = !searching;
    element("legend").hidden = element("legend-head").hidden = searching;
    element("found").textContent = found.length
      ? `${found.length.toLocaleString("en")} found · Enter zooms to ${found.length === 1 ? "it" : "them"}`
      : "Nothing found";
    element("results").replaceChildren(...found.slice(0, LISTED).map((track) => trackRow(track)));
    element("results").scrollTop = 0;
  }

  function step(by) {
    const rows = [...element("results").children];
    if (!rows.length) return;
    rows[at]?.classList.remove("at");
    at = Math.max(-1, Math.min(rows.length - 1, at + by));
    rows[at]?.classList.add("at");
    rows[at]?.scrollIntoView({ block: "nearest" });
    hover(at < 0 ? -1 : found[at]);
  }

  function clear() {
    box.value = "";
    hover(-1);
    run();
  }

  box.addEventListener("input", run);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && at >= 0) select(found[at]);
    else if (event.key === "Enter") zoomTo(found.slice());
    else if (event.key === "ArrowDown") step(1);
    else if (event.key === "ArrowUp") step(-1);
    else return;
    event.preventDefault();
  });
  return { clear, box };
})();
