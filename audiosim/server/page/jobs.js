// What the server was asked to change: each a row that tells how far it is, and what became of it.
import { get, pause, toldOf } from "./api.js";
import { element, make, say } from "./dom.js";

const LOOK = 1; // s between two looks, where events do not come
const BECAME = {
  waiting: "not done", indexed: "added", known: "already there", failed: "refused", forgotten: "taken out of the index; its file stays",
  removed: "removed, and its file with it",
};
let turn = Promise.resolve(); // jobs are done one after the other, and so followed

export const isOver = (job) => job.state === "done" || job.state === "failed";
export const share = (part) => `${Math.floor(100 * part)} %`;

/** Adds a row to the list, and shows that. */
export function addRow(title) {
  const bar = make("progress", { max: 1, "aria-label": title });
  const state = make("span", { className: "state soft" }, "waits its turn");
  const item = make("li", { tabIndex: -1 }, make("b", {}, title), bar, state);
  element("jobs").append(item);
  element("changes").hidden = false;
  return {
    title,
    item,
    tell(part, text) {
      if (part === null) bar.removeAttribute("value");
      else bar.value = part;
      state.textContent = text;
    },
    end(text, well, ...more) {
      bar.remove();
      state.textContent = text;
      item.classList.toggle("fault", !well);
      item.append(...more.filter(Boolean));
      item.dataset.over = "yes";
      element("tidy").hidden = false;
      say(`${title}: ${text}`);
    },
  };
}

/** Follows a job to its end in a row, which tells of a fault by itself; `became` is told a job that is done. */
export function follow(row, job, became) {
  row.tell(...stateOf(job));
  const told = (now) => row.tell(...stateOf(now));
  const followed = isOver(job) ? Promise.resolve(job) : turn.then(() => byEvents(job.id, told));
  const ended = followed.then((over) => {
    if (over.error) row.end(toldOf({ message: [over.error.title, over.error.detail].filter(Boolean).join(": "), remedy: over.error.remedy }), false);
    else became(over);
  }).catch((error) => row.end(toldOf(error), false));
  if (!isOver(job)) turn = ended;
  return ended;
}

function stateOf(job) {
  if (job === null) return [null, "the server does not answer; it is asked again"];
  if (job.state === "queued") return [null, "waits its turn"];
  if (job.state === "waiting") return [null, "waits for another run of audiosim"];
  const { at, share: part, seconds_left: left } = job.progress;
  if (at || !part) return [null, at ? at.toLowerCase() : "is listened to"];
  return [part, share(part) + (left ? `, about ${left < 90 ? `${Math.ceil(left)} s` : `${Math.round(left / 60)} min`} left` : "")];
}

/** The job at its end: by events as they come, or by asking now and then where they do not. */
async function byEvents(id, told) {
  const over = await new Promise((done) => {
    const events = new EventSource(`/api/v1/jobs/${id}/events`);
    const end = (job) => {
      events.close();
      done(job);
    };
    events.addEventListener("job", (event) => {
      const job = JSON.parse(event.data);
      told(job);
      if (isOver(job)) end(job);
    });
    events.addEventListener("error", () => end(null));
  });
  return over || byAsking(id, told);
}

async function byAsking(id, told) {
  for (;;) {
    const job = await get(`/jobs/${id}`).catch((error) => {
      if ([401, 403, 404].includes(error.status)) throw error;
      return null;
    });
    told(job);
    if (job && isOver(job)) return job;
    await pause(LOOK);
  }
}

/** What became of a file, in words. */
export const became = (file) => [BECAME[file.state] || file.state, file.reason].filter(Boolean).join(": ");
