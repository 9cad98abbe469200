// Elements made of texts only: nothing in a name or tag becomes markup.
export const element = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && !name.startsWith("aria") && name !== "role") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** As the commands tell it: rounded, and what is shorter than a second by its first digit. */
export function clock(seconds) {
  if (seconds > 0 && seconds < 0.95) return `0:0${Number(Math.max(seconds, 0.01).toPrecision(1))}`;
  const up = Math.max(0, Math.round(seconds || 0));
  const whole = up - seconds === 0.5 ? up - (up % 2) : up; // of two that are as near, the even one
  const two = (number) => String(number).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes}:${two(whole % 60)}`
    : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

const fileOf = (path) => path.split("/").pop().replace(/(.)\.\w{1,5}$/, "$1");
export const titleOf = (track) => track.title || fileOf(track.path);
export const artistOf = (track) => track.artist || track.album_artist || "";
export const aboutOf = (track) => [artistOf(track), track.album, track.year].filter(Boolean).join(" · ");

/** Says something to people who listen to the page. */
export function say(text) {
  element("said").textContent = text;
}
