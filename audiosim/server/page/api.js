// Calls of the server; what it refuses is an error that says what failed, why, and what to do.
export class Refused extends Error {
  constructor(problem) {
    super([problem.title, problem.detail].filter(Boolean).join(": "));
    this.status = problem.status;
    this.remedy = problem.remedy || "";
    this.again = Number(problem.again) || 0; // s after which it may be asked again
  }
}

export const toldOf = (error) => [error.message, error.remedy].filter(Boolean).join(". ");
export const pause = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));

/** Calls of which only the newest counts: each is given a signal, and ends the one before it. */
export function newest() {
  let last = new AbortController();
  return () => {
    last.abort();
    last = new AbortController();
    return last.signal;
  };
}

async function refused(response) {
  const problem = await response.json().catch(() => ({}));
  return new Refused({ title: "The server did not answer", ...problem, status: response.status });
}

function unheard(error) {
  if (error.name === "AbortError") throw error;
  throw new Refused({ title: "The server does not answer", detail: "it was ended, perhaps" });
}

export async function get(path, parameters, signal) {
  const query = parameters && String(parameters) ? `?${parameters}` : "";
  const response = await fetch(`/api/v1${path}${query}`, { signal }).catch(unheard);
  if (!response.ok) throw await refused(response);
  return response.json();
}

/** Has something changed; the answer is a job. */
export async function change(method, path, wish) {
  const sent = wish && { headers: { "Content-Type": "application/json" }, body: JSON.stringify(wish) };
  const response = await fetch(`/api/v1${path}`, { method, ...sent }).catch(unheard);
  if (!response.ok) throw await refused(response);
  return response.json();
}

/** Asks until what takes long is there; `waiting` is called before each further try. */
export async function getInTime(url, waiting, signal) {
  for (;;) {
    const response = await fetch(url, { signal });
    if (response.ok) return response;
    const again = response.headers.get("Retry-After");
    if (response.status !== 503 || !again) throw await refused(response);
    waiting();
    await pause(again);
  }
}

/** Tracks as an M3U8 file. */
export async function playlist(ids) {
  const response = await fetch("/api/v1/playlists/queue", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ids }),
  });
  if (!response.ok) throw await refused(response);
  return response.blob();
}

/** Sends a file, with further fields; `progress` is told the share that has been sent. */
export function send(path, parameters, file, progress, signal, fields = []) {
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append("file", file);
    for (const [name, value] of fields) form.append(name, value);
    request.open("POST", `/api/v1${path}?${parameters}`);
    request.responseType = "json";
    request.upload.onprogress = (event) => progress(event.lengthComputable ? event.loaded / event.total : 0);
    request.onload = () => {
      const again = request.getResponseHeader("Retry-After");
      if (request.status < 300) done(request.response);
      else fail(new Refused({ title: "The server did not answer", ...request.response, status: request.status, again }));
    };
    request.onerror = () => fail(new Refused({ title: "The file could not be sent", detail: "the server refused it, or was ended" }));
    request.onabort = () => fail(new DOMException("", "AbortError"));
    signal?.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

export const audioUrl = (track) => track.url || `/api/v1/tracks/${track.id}/audio`;
