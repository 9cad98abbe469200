// Taking a track out of the library, after a question; where the server changes nothing there is no button for it.
import { change, get, newest, toldOf } from "./api.js";
import { element, make, titleOf } from "./dom.js";
import { addRow, became, follow } from "./jobs.js";

const dialog = element("removing");
const turn = newest();
let asked = null; // the track that the question is about

export function removal(track) {
  if (!dialog) return null;
  return make("button", { type: "button", className: "plain", "aria-haspopup": "dialog", "aria-label": `Remove ${titleOf(track)} from the library`, onclick: () => question(track) }, "Remove from the library");
}

async function question(track) {
  try {
    const { upload, path } = await get(`/tracks/${encodeURIComponent(track.id)}`, null, turn());
    element("removed").textContent = `Remove ${titleOf(track)}?`;
    element("removal").textContent = upload
      ? "It was added here: its file is deleted, too. That can't be taken back."
      : `It is taken out of the index, and later runs leave it out. Its file stays where it is: ${path}`;
    asked = track;
    dialog.showModal();
  } catch (error) {
    if (error.name !== "AbortError") addRow(titleOf(track)).end(toldOf(error), false);
  }
}

async function remove(track) {
  const row = addRow(`Remove ${titleOf(track)}`);
  row.item.focus();
  try {
    await follow(row, await change("DELETE", `/tracks/${encodeURIComponent(track.id)}`), (job) => {
      row.end(became(job.files[0]), true);
      dispatchEvent(new CustomEvent("removed", { detail: track.id }));
    });
  } catch (error) {
    row.end(toldOf(error), false);
  }
}

if (dialog) {
  element("remain").addEventListener("click", () => dialog.close());
  element("remove").addEventListener("click", () => {
    dialog.close();
    remove(asked);
  });
}
