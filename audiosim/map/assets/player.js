// The player: one audio element, which loads a file only when it is asked to play it.
const player = (() => {
  const audio = element("audio");
  const seek = element("seek");
  let current = -1;
  let dragging = false;

  const playing = () => current >= 0 && !audio.paused && !audio.ended;

  function play(track) {
    if (parent !== window && DATA.ids) { // the page around this one has a player of its own
      parent.postMessage({ play: DATA.ids[track] }, location.origin);
      return;
    }
    if (track !== current) {
      current = track;
      audio.src = urlOf(track);
    }
    element("player").hidden = false;
    element("player").style.setProperty("--accent", colourOf(groupOf(track)));
    element("now-title").textContent = titleOf(track);
    element("now-artist").textContent = DATA.artist[track];
    audio.play().catch((error) => {
      if (error.name === "NotSupportedError" && track === current) failed();
    });
    progress();
  }

  function toggle() {
    if (current < 0) return;
    if (playing()) audio.pause();
    else play(current);
  }

  function failed() {
    element("now-artist").textContent = "Missing, or not playable here";
  }

  function progress() {
    const length = Number.isFinite(audio.duration) ? audio.duration : DATA.seconds[current];
    element("total").textContent = clock(length);
    if (dragging) return;
    const share = length ? audio.currentTime / length : 0;
    element("elapsed").textContent = clock(Math.floor(audio.currentTime));
    seek.value = share * 1000;
    seek.style.setProperty("--done", `${share * 100}%`);
    seek.setAttribute("aria-valuetext", `${clock(Math.floor(audio.currentTime))} of ${clock(length)}`);
  }

  function changed() {
    element("player").classList.toggle("playing", playing());
    element("play").setAttribute("aria-label", playing() ? "Pause" : "Play");
    repaintOver();
  }

  for (const name of ["play", "pause", "ended"]) audio.addEventListener(name, changed);
  for (const name of ["timeupdate", "durationchange", "seeked"]) audio.addEventListener(name, progress);
  audio.addEventListener("error", failed);
  element("play").addEventListener("click", toggle);
  seek.addEventListener("input", () => {
    dragging = true;
    seek.style.setProperty("--done", `${seek.value / 10}%`);
  });
  seek.addEventListener("change", () => {
    dragging = false;
    if (Number.isFinite(audio.duration)) audio.currentTime = (seek.value / 1000) * audio.duration;
  });
  return { play, toggle, playing };
})();
