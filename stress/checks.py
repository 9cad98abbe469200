"""What must be true of a home after a kill: its catalog, its answers, Chroma and the files lying about."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audiosim.core.config import Home
from audiosim.core.errors import AudiosimError
from audiosim.core.types import Float32
from audiosim.library.catalog import Catalog, FileState, path_id
from audiosim.library.whitening import AS_THEY_ARE, SearchSpace

ANSWER_LIMIT = 120.0  # s
ROUNDING = 2e-6  # of similarities in JSON


@dataclass(frozen=True)
class Snapshot:
    """What a catalog holds: (state, digest) by path, and the vectors by digest, searched in a space.

    ``current`` tells whether the store was written last with vectors of that space.
    """

    files: dict[bytes, tuple[FileState, str | None]]
    vectors: dict[str, Float32]
    dirty: bool
    space: SearchSpace = AS_THEY_ARE
    current: bool = True

    def indexed(self) -> dict[bytes, Float32]:
        """The vectors in the index, as they are searched, by path."""
        return {
            path: self.space(self.vectors[digest])
            for path, (state, digest) in self.files.items()
            if state == "indexed" and digest is not None
        }


@dataclass(frozen=True)
class Answer:
    """What `similar` did: what is wrong with it, and whether exact search answered."""

    fault: str | None
    exact: bool = False


@dataclass(frozen=True)
class ChromaContent:
    """What Chroma holds: how many vectors, those of the catalog's ids, recall@10 of a sample."""

    count: int
    vectors: dict[str, Float32]
    recall: float


def snapshot(home: Path) -> Snapshot:
    """The catalog as a reader sees it; empty where there is none yet."""
    path = Home(home).catalog
    if not path.exists():
        return Snapshot({}, {}, dirty=False)
    try:
        with Catalog(path, read_only=True) as catalog:
            files = {row.path: (row.state, row.digest) for row in catalog.files.all()}
            found = {digest: catalog.tracks.vector(digest) for digest in catalog.tracks.known_digests()}
            vectors = {digest: vector for digest, vector in found.items() if vector is not None}
            state, configuration = catalog.store_state, catalog.settings.configuration
            if configuration is None:
                return Snapshot(files, vectors, state.dirty)
            current = state.identity in (None, configuration.collection)
            return Snapshot(files, vectors, state.dirty, configuration.space, current)
    except AudiosimError as error:
        if "its first run was cut short" in str(error.why):
            return Snapshot({}, {}, dirty=False)
        raise


def ask(home: Path, known: Snapshot, query: bytes | None, count: int = 5) -> Answer:
    """Asks `similar` for an indexed file and compares with exact search; without one, for the remedy."""
    name = os.fsdecode(query) if query is not None else "/no/such/file"
    plain = ["--no-hub-correction", "--show-duplicates"]
    command = ["similar", name, "-k", str(count), "--json", "--home", str(home), *plain]
    done = subprocess.run(
        [sys.executable, "-m", "audiosim", *command],
        capture_output=True,
        text=True,
        timeout=ANSWER_LIMIT,
        check=False,
    )
    if query is None:
        refused = done.returncode in (1, 2) and done.stderr.startswith("audiosim: ")
        return Answer(None if refused else f"no index: exit {done.returncode}, {done.stderr[-300:]!r}")
    exact = "exact search" in done.stderr
    if done.returncode != 0:
        return Answer(f"exit {done.returncode}: {done.stderr[-300:]!r}", exact)
    matches = {os.fsencode(m["path"]): m["similarity"] for m in json.loads(done.stdout)["matches"]}
    return Answer(_disagreement(matches, known, query, count), exact)


def _disagreement(matches: dict[bytes, float], known: Snapshot, query: bytes, count: int) -> str | None:
    vectors = known.indexed()
    own = known.files[query][1]
    others = [path for path in vectors if known.files[path][1] != own]
    similarities = dict(zip(others, np.stack([vectors[p] for p in others]) @ vectors[query], strict=True))
    best = sorted(similarities.values(), reverse=True)[:count]
    if len(matches) != len(best):
        return f"{len(matches)} answers instead of {len(best)}"
    for (path, similarity), expected in zip(matches.items(), best, strict=True):
        errors = (similarities.get(path, np.inf) - similarity, expected - similarity)
        if max(map(abs, errors)) > ROUNDING:
            return f"{os.fsdecode(path)} at {similarity}, exact search has {expected:.6f} there"
    return None


def chroma(home: Path, out: Path, queries: int = 0) -> ChromaContent:
    """Reads Chroma in a process of its own."""
    program = Path(__file__).parent / "read_chroma.py"
    command = [sys.executable, str(program), str(home), str(out), "--queries", str(queries)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_LIMIT, check=False)
    if done.returncode != 0:
        raise AudiosimError("Chroma can't be read", f"exit {done.returncode}: {done.stderr[-300:]!r}")
    with np.load(out) as data:
        vectors = dict(zip(data["ids"].tolist(), data["vectors"], strict=True))
        return ChromaContent(int(data["count"]), vectors, float(data["recall"]))


def chroma_faults(known: Snapshot, content: ChromaContent, tolerance: float) -> list[str]:
    """How Chroma differs from the catalog: ids, and vectors by more than `tolerance` anywhere."""
    expected = {path_id(path): vector for path, vector in known.indexed().items()}
    faults = []
    if content.count != len(expected):
        faults.append(f"Chroma holds {content.count} vectors, the catalog {len(expected)}")
    missing = expected.keys() - content.vectors.keys()
    if missing:
        faults.append(f"{len(missing)} vectors are missing from Chroma")
    wrong = sum(
        bool(np.abs(vector - expected[id_]).max() > tolerance) for id_, vector in content.vectors.items()
    )
    if wrong:
        faults.append(f"{wrong} vectors in Chroma are not the catalog's")
    return faults


def database_faults(home: Path) -> list[str]:
    """What SQLite finds wrong with the catalog and with Chroma's own database."""
    faults = []
    for path in (Home(home).catalog, *home.rglob("chroma.sqlite3")):
        with closing(sqlite3.connect(path)) as database:
            result = database.execute("PRAGMA integrity_check").fetchone()[0]
        if result != "ok":
            faults.append(f"{path.name}: {result}")
    return faults
