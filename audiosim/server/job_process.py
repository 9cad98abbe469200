"""The process that does a server's jobs: one index run, or one forgetting, told of in lines of JSON.

It ends when its parent does, whatever becomes of that; what it has finished by then is kept.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audiosim.core.config import Home
from audiosim.core.errors import AudiosimError, HomeError, LockedError
from audiosim.core.paths import contains
from audiosim.core.text import display_path
from audiosim.core.types import Encoder, Precision, TrackOutcome
from audiosim.indexing.forgetting import discard, forget
from audiosim.indexing.options import IndexOptions
from audiosim.indexing.pipeline import index_events
from audiosim.indexing.report import (
    Activity,
    IndexEvent,
    IndexReport,
    NoAudio,
    Notice,
    Progress,
    RootDoubted,
    SpaceFailed,
    not_mounted,
)
from audiosim.library.catalog import Catalog, FileRow

PATIENCE = 3600.0  # s that another run is waited for, again and again
MANNERS = 10  # how nice the process is: answers come first
END_LIMIT = 5.0  # s for what is under way when the parent has gone
LEFT_OUT = "it is left out: see `exclude` of the home"
NOT_THERE = "it is not there any more"

Tell = Callable[[str, Any], None]


@dataclass(frozen=True)
class Request:
    """What the parent asks for.

    Parameters
    ----------
    kind : {"add", "rescan", "forget"}
        What to do.
    files : tuple of (bytes, bool)
        With these files; and whether they themselves are to be removed.
    roots : tuple of bytes
        Which folders to look through; all, without any.
    retry_failed, accept_removals : bool
        As of `IndexOptions`.
    uploads : bytes
        Where uploads are, whether or not a run has seen that folder.
    home : Path
        The home.
    precision : {"auto", "float32"}
        The network's.
    """

    kind: str
    files: tuple[tuple[bytes, bool], ...]
    roots: tuple[bytes, ...]
    retry_failed: bool
    accept_removals: bool
    uploads: bytes
    home: Path
    precision: Precision

    @classmethod
    def read(cls, line: bytes) -> Request:
        """Read what the parent wrote."""
        given = json.loads(line)
        given["files"] = tuple((bytes.fromhex(path), removes) for path, removes in given["files"])
        given["roots"] = tuple(map(bytes.fromhex, given["roots"]))
        given["uploads"], given["home"] = bytes.fromhex(given["uploads"]), Path(given["home"])
        return cls(**given)


def main(encoder: Encoder | None = None) -> None:
    """Do what the parent asks for on stdin, and tell it on stdout how that goes.

    Parameters
    ----------
    encoder : Encoder, optional
        To use instead of loading the home's.
    """
    source, out = sys.stdin.buffer, os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no message
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)

    def tell(kind: str, value: Any) -> None:
        out.write(json.dumps({kind: value}) + "\n")
        out.flush()

    line = source.readline()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(OSError, AttributeError):
        os.nice(MANNERS)
    try:
        _do(Request.read(line), encoder, tell)
    except BrokenPipeError:
        sys.exit(1)  # nobody listens any more
    except AudiosimError as error:
        tell("error", [error.what, error.why, error.remedy])
    except Exception as error:
        traceback.print_exc()
        tell("error", ["The run failed", " ".join(str(error).split()) or type(error).__name__, ""])


def _end(*_: object) -> None:
    """End where it is, finished work kept."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    sys.exit(1)


def _end_with_parent() -> None:
    while os.read(0, 4096):  # until the parent closes it, or has gone
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(END_LIMIT)
    os._exit(1)


def _do(request: Request, encoder: Encoder | None, tell: Tell) -> None:
    """Do it, as soon as no other run has the home."""
    act = _forget if request.kind == "forget" else _index
    wait = 0.0
    while True:
        try:
            act(request, encoder, tell, wait)
            return
        except LockedError:
            tell("waits", True)
            wait = PATIENCE


def _index(request: Request, encoder: Encoder | None, tell: Tell, wait: float) -> None:
    files = [path for path, _ in request.files]
    paths = list(_paths(request))
    if paths or not files:
        options = IndexOptions(
            precision=request.precision,
            retry_failed=request.retry_failed or bool(files),
            accept_removals=request.accept_removals,
            wait=wait,
        )
        events = index_events(map(os.fsdecode, paths), home=request.home, options=options, encoder=encoder)
        with closing(events):
            for event in events:
                for kind, value in _messages(event):
                    tell(kind, value)
    if files:
        became = list(_became(files, request.home))
        failed = [path for path, state, _ in became if state == "failed"]
        if failed:
            discard(failed, home=request.home, wait=PATIENCE)
        tell("files", [(path.hex(), state, reason) for path, state, reason in became])


def _paths(request: Request) -> Iterator[bytes]:
    """What the run is to be given; nothing for all that the home knows."""
    there = [path for path, _ in request.files if os.path.exists(path)]
    if request.roots or (request.files and not there):
        yield from request.roots
        return
    with Catalog(Home(request.home).catalog, read_only=True) as catalog:
        roots = catalog.settings.roots()
    if os.path.isdir(request.uploads) and not any(contains(root, request.uploads) for root in roots):
        yield request.uploads
        yield from () if there else roots
    yield from there


def _messages(event: IndexEvent) -> Iterator[tuple[str, Any]]:
    """What is told of an event."""
    match event:
        case Activity(name):
            yield "at", name
        case Progress():
            yield "progress", _progress(event)
        case Notice(text):
            yield "note", text
        case TrackOutcome(path, "failed", reason):
            yield "failed", (path.hex(), reason or "")
        case NoAudio(root):
            yield "note", f"No audio files in {display_path(root)}."
        case RootDoubted(root, reason):
            yield "note", not_mounted(root, reason)
        case SpaceFailed(space, reason):
            yield "note", f"The space {space} could not be brought up to date. {reason}"
        case IndexReport():
            yield "counts", event.counts()


def _progress(event: Progress) -> dict[str, Any]:
    known = event.seconds_left is not None
    return {
        "share": round(event.share, 4),
        "done": event.done,
        "total": event.total,
        "audio_seconds": round(event.audio_seconds, 1),
        "audio_total": round(event.audio_total, 1),
        "seconds_left": round(event.seconds_left or 0.0, 1) if known else None,
    }


def _became(files: Sequence[bytes], home: Path) -> Iterator[tuple[bytes, str, str]]:
    """What became of files that were to be added, by what the catalog says."""
    with Catalog(Home(home).catalog, read_only=True) as catalog:
        for path in files:
            yield path, *_state(path, catalog.files.get(path))


def _state(path: bytes, row: FileRow | None) -> tuple[str, str]:
    if not os.path.exists(path):
        return "failed", NOT_THERE
    if row is not None and row.state == "indexed":
        return "indexed", ""
    return "failed", (row.reason if row is not None else None) or LEFT_OUT


def _forget(request: Request, encoder: Encoder | None, tell: Tell, wait: float) -> None:
    removed = [path for path, removes in request.files if removes]
    if removed:
        discard(removed, home=request.home, wait=wait)
    others = [path for path, removes in request.files if not removes]
    known = list(_known(others, request.home))
    if known:
        forget(map(os.fsdecode, known), home=request.home, wait=wait)
    became = {path: "removed" if removes else "forgotten" for path, removes in request.files}
    tell("files", [(path.hex(), state, "") for path, state in became.items()])


def _known(paths: Sequence[bytes], home: Path) -> Iterator[bytes]:
    """Those that were not forgotten meanwhile."""
    with suppress(HomeError), Catalog(Home(home).catalog, read_only=True) as catalog:
        for path in paths:
            if catalog.files.get(path) is not None:
                yield path
