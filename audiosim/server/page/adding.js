// Adding files to the library, and looking for what is new in its folders; left out where the server changes nothing.
import { change, get, pause, send, toldOf } from "./api.js";
import { element, make } from "./dom.js";
import { addRow, became, follow, isOver, share } from "./jobs.js";
import { show as showMap } from "./map.js";
import { removal } from "./removing.js";

const AHEAD = 20; // jobs that wait at a time; the server tells of the last 50
const SHOWN = 20; // faults and notes of a run
const panel = element("adding");
const place = element("place");
const chooser = element("new");
const tags = element("tags");
const removals = element("removals");
const OWN = ["title", "track"]; // tags of one file
const waiting = new Set(); // jobs that are not over
let unsent = 0;
let sending = Promise.resolve();

function open(wanted) {
  panel.hidden = !wanted;
  document.body.classList.toggle("adding", wanted);
  element("add").setAttribute("aria-expanded", wanted);
  tidy();
  (wanted ? chooser : element("add")).focus();
}

function tidy() {
  const rows = [...element("jobs").children];
  element("changes").hidden = panel.hidden && !rows.length;
  element("tidy").hidden = !rows.some((row) => row.dataset.over);
}

function addAll(files) {
  element("tagging").open ||= !tags.checkValidity();
  if (!tags.reportValidity()) return;
  const given = [...new FormData(tags)].filter(([, value]) => value.trim());
  if (files.length > 1 && given.some(([name]) => OWN.includes(name))) {
    addRow(`${files.length} files`).end("not sent: title and track number are of one file. Empty these, or add the files one by one.", false);
    return;
  }
  for (const name of OWN) tags.elements[name].value = "";
  for (const file of files) {
    const row = addRow(file.name);
    unsent += 1;
    sending = sending.then(() => addOne(file, row, given)).finally(() => { unsent -= 1; });
  }
}

async function addOne(file, row, given) {
  try {
    while (waiting.size >= AHEAD) await Promise.race(waiting);
    const job = await sent(file, row, given);
    const ended = follow(row, job, (over) => added(row, over)).finally(() => waiting.delete(ended));
    waiting.add(ended);
  } catch (error) {
    row.end(`refused: ${toldOf(error)}`, false);
  }
}

async function sent(file, row, given) {
  for (;;) {
    try {
      return await send("/tracks", "", file, (part) => {
        if (part < 1) row.tell(part, `${share(part)} sent`);
        else row.tell(null, "is read through");
      }, undefined, given);
    } catch (error) {
      if (!error.again) throw error;
      row.tell(null, "waits: the server has much to do");
      await pause(error.again);
    }
  }
}

/** What became of files: a link that asks with each that is there now. */
function added(row, job) {
  const well = job.files.every((file) => file.state !== "failed");
  if (job.files.length === 1) {
    row.end(became(job.files[0]), well, ...links(job.files[0]));
    return;
  }
  const lines = job.files.map((file) => make("p", {}, `${file.name}: ${became(file)} `, ...links(file)));
  row.end(well ? "done" : "done; some are refused", well, ...lines);
}

function links(file) {
  if (file.state !== "indexed" && file.state !== "known") return [];
  const ask = make("a", { href: `#id=${file.id}&count=20`, "aria-label": `What sounds like it: ${file.name}`, onclick: () => showMap(false) }, "What sounds like it");
  return file.state === "known" ? [ask] : [ask, " ", removal({ id: file.id, title: file.name })];
}

function scanned(row, job) {
  const count = (name, word) => (job.counts[name] ? `${job.counts[name].toLocaleString("en")} ${word}` : "");
  const parts = [count("indexed", "added"), count("moved", "moved"), count("gone", "gone"), count("failed", "failed")].filter(Boolean);
  const faults = job.failures.map((failure) => `${failure.path}: ${failure.reason}`);
  const lines = [...faults, ...job.notes.map((note) => note.replace("use `accept_removals`", "tick “and take out what is missing”"))];
  const told = lines.map((line) => make("p", { className: "soft" }, line));
  const more = told.splice(SHOWN);
  if (more.length) told.push(make("details", {}, make("summary", {}, `and ${more.length} more`), ...more));
  row.end(parts.join(", ") || "nothing is new", !job.counts.failed, ...told);
}

async function rescan() {
  element("rescan").disabled = true;
  const row = addRow("New and changed files");
  try {
    const wish = { accept_removals: removals.checked };
    removals.checked = false;
    await follow(row, await change("POST", "/rescan", wish), (job) => scanned(row, job));
  } catch (error) {
    row.end(toldOf(error), false);
  }
  element("rescan").disabled = false;
}

/** What the server has still to do, as asked for before this page was opened. */
async function takeUp() {
  const { jobs } = await get("/jobs").catch(() => ({ jobs: [] }));
  for (const job of jobs.filter((one) => !isOver(one)).reverse()) {
    const names = job.files.length === 1 ? job.files[0].name : `${job.files.length} files`;
    const row = addRow({ add: names, forget: `Remove ${names}`, rescan: "New and changed files" }[job.kind]);
    follow(row, job, (over) => (over.kind === "rescan" ? scanned : added)(row, over));
  }
}

element("add").addEventListener("click", () => open(panel.hidden));
element("close").addEventListener("click", () => open(false));
panel.addEventListener("keydown", (event) => event.key === "Escape" && open(false));
element("rescan").addEventListener("click", rescan);
element("tidy").addEventListener("click", () => {
  for (const row of [...element("jobs").children]) if (row.dataset.over) row.remove();
  tidy();
  element("add").focus();
});
tags.addEventListener("submit", (event) => event.preventDefault());
chooser.addEventListener("change", () => {
  addAll(chooser.files);
  chooser.value = "";
});
place.addEventListener("dragover", () => place.classList.add("over"));
place.addEventListener("dragleave", () => place.classList.remove("over"));
place.addEventListener("drop", (event) => {
  event.preventDefault();
  event.stopPropagation(); // elsewhere it is asked with
  place.classList.remove("over");
  document.body.classList.remove("dropping");
  addAll(event.dataTransfer.files);
});
addEventListener("beforeunload", (event) => unsent && event.preventDefault());
takeUp();
