"""The home's configuration, its marks and its roots."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from audiosim.core.config import Home
from audiosim.core.types import EncoderSpec
from audiosim.library.catalog.database import Connection
from audiosim.library.catalog.models import Configuration
from audiosim.library.store_url import EMBEDDED, Leftover, StoreUrl, parse_store_url

# Keys of what is measured of all vectors together, and is void when they are replaced: where a
# similarity stands among those of random pairs, and how many tracks there were.
PERCENTILES, MEASURED = "percentiles", "measured_tracks"
WHITENING = "whitening"  # a key of blobs: the matrix; and of meta: "off" where the user wants none
MARKED = "measured_audio"  # a key of meta: a hash of the audio whose neighbourhoods were measured
NEIGHBOURHOODS = "neighbourhoods"  # a key of blobs: of all tracks, as they were measured last
OWN_CACHE = "own_cache"  # a key of the configuration: whether caches are in the home itself
DOUBTED = "doubted"  # a key of meta
LEARNT = "whitening_tracks"  # a key of meta: how many tracks there were when it was learnt


class Settings:
    """What a home was told, and what its runs note."""

    def __init__(self, database: Connection) -> None:
        self._db = database

    def meta(self, key: str) -> str | None:
        """A value set with `set_meta`."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def all_meta(self) -> dict[str, str]:
        """All values set with `set_meta`, by their keys."""
        return dict(self._db.execute("SELECT key, value FROM meta").fetchall())

    def set_meta(self, key: str, value: str) -> None:
        """Keep a value under a key."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def blob(self, key: str) -> bytes | None:
        """Bytes set with `set_blob`."""
        row = self._db.execute("SELECT value FROM blobs WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def set_blob(self, key: str, value: bytes) -> None:
        """Keep bytes under a key."""
        self._db.execute("INSERT OR REPLACE INTO blobs VALUES (?, ?)", (key, value))

    @property
    def configuration(self) -> Configuration | None:
        """The home's configuration, once the first `index` has fixed it."""
        text = self.meta("configuration")
        if text is None:
            return None
        data = json.loads(text)
        spec = EncoderSpec.from_json(data["spec"])
        return Configuration(
            spec,
            data["pooling"],
            self._cache(Path(data["cache"]), spec, is_own=data.get(OWN_CACHE)),
            base64.b64decode(data.get("centre", "")),
            self._whitening(data.get("whitening")),
        )

    def set_configuration(self, configuration: Configuration) -> None:
        """Fix the configuration; vectors already there must fit it."""
        data = {
            "spec": configuration.spec.to_json(),
            "pooling": configuration.pooling,
            "cache": str(configuration.cache),
            OWN_CACHE: configuration.cache == Home(self._db.path.parent).cache,
            "centre": base64.b64encode(configuration.centre).decode("ascii"),
        }
        if configuration.whitening:
            data["whitening"] = _digest(configuration.whitening)
        with self._db.transaction():
            self.set_meta("configuration", json.dumps(data))
            self.set_blob(WHITENING, configuration.whitening)

    def _cache(self, folder: Path, spec: EncoderSpec, *, is_own: bool | None) -> Path:
        """Where caches are: those of the home itself go where it goes, by `mv` or as a copy.

        An earlier version did not write down whether they are; then the home's own are taken where the folder
        is not there any more and they hold what the encoder computed.
        """
        own = Home(self._db.path.parent).cache
        if is_own is None:
            is_own = not folder.exists() and folder.name == own.name and (own / spec.fingerprint).is_dir()
        return own if is_own else folder

    @property
    def tells_whose_cache(self) -> bool:
        """Whether it is written down whether the caches are the home's own; earlier versions did not."""
        return OWN_CACHE in json.loads(self.meta("configuration") or "{}")

    def _whitening(self, digest: str | None) -> bytes:
        """The matrix of this digest; a version that knows of none leaves it out when it changes the rest."""
        found = self.blob(WHITENING)
        return found if found is not None and digest == _digest(found) else b""

    @property
    def wants_whitening(self) -> bool:
        """Whether vectors are to be whitened, where they can be."""
        return self.meta(WHITENING) != "off"

    @property
    def learnt(self) -> int:
        """From how many tracks' library the whitening was learnt; 0 where there is none."""
        return int(self.meta(LEARNT) or 0)

    def want_whitening(self, *, wanted: bool) -> None:
        """Say whether vectors are to be whitened; the run's end does it."""
        self.set_meta(WHITENING, "on" if wanted else "off")

    @property
    def exclude(self) -> tuple[str, ...]:
        """The patterns of files that are left out."""
        return tuple(json.loads(self.meta("exclude") or "[]"))

    def set_exclude(self, patterns: Iterable[str]) -> None:
        """Replace the patterns of files that are left out."""
        self.set_meta("exclude", json.dumps(list(patterns)))

    @property
    def forgotten(self) -> frozenset[bytes]:
        """The files and folders that stay forgotten, though they lie in known folders."""
        return frozenset(path for (path,) in self._db.execute("SELECT path FROM forgotten"))

    def set_forgotten(self, paths: Iterable[bytes]) -> None:
        """Replace the files and folders that stay forgotten."""
        with self._db.transaction():
            self._db.execute("DELETE FROM forgotten")
            self._db.executemany("INSERT INTO forgotten VALUES (?)", [(path,) for path in set(paths)])

    @property
    def ctime(self) -> bool:
        """Whether files of another ctime are read again."""
        return self.meta("ctime") != "no"

    def set_ctime(self, *, used: bool) -> None:
        """Say whether files of another ctime are read again."""
        self.set_meta("ctime", "yes" if used else "no")

    @property
    def store_url(self) -> StoreUrl:
        """Where vectors are searched."""
        return parse_store_url(self.meta("store_url") or EMBEDDED.text)

    @property
    def store_name(self) -> str | None:
        """The collection there; None before there is one, or where it always has the same."""
        return self.meta("store_name")

    def set_store(self, url: StoreUrl, name: str | None) -> None:
        """Say where vectors are searched."""
        with self._db.transaction():
            self.set_meta("store_url", url.text)
            if name is not None:
                self.set_meta("store_name", name)
            else:
                self._db.execute("DELETE FROM meta WHERE key = 'store_name'")

    def store_settings(self) -> dict[str, str]:
        """All that is kept of the store under keys of `meta`, apart from the mark of bursts."""
        rows = self._db.execute("SELECT key, value FROM meta WHERE key GLOB 'store_*'")
        return dict(rows.fetchall())

    def store_leftovers(self) -> list[Leftover]:
        """Collections that are to be removed."""
        return [
            Leftover(parse_store_url(url), name)
            for url, name in json.loads(self.meta("store_leftovers") or "[]")
        ]

    def set_store_leftovers(self, leftovers: Iterable[Leftover]) -> None:
        """Replace the list of collections to be removed."""
        self.set_meta("store_leftovers", json.dumps([[each.url.text, each.name] for each in leftovers]))

    def note_run(
        self, counts: Mapping[str, object], judged: Collection[bytes], doubted: Iterable[tuple[bytes, str]]
    ) -> None:
        """Keep what a run counted, and which of the roots that it judged look like disks not mounted."""
        now = time.time()
        found = {root: each for root, each in self.doubted.items() if root not in judged}
        found |= {root: (reason, now) for root, reason in doubted}
        with self._db.transaction():
            self.set_meta("last_run", json.dumps({"finished": now, **counts}))
            self.set_meta(DOUBTED, json.dumps([[root.hex(), *each] for root, each in found.items()]))

    @property
    def doubted(self) -> dict[bytes, tuple[str, float]]:
        """The roots that looked to runs like disks that are not mounted: why, and since 1970 when."""
        kept = json.loads(self.meta(DOUBTED) or "[]")
        return {bytes.fromhex(root): (reason, then) for root, reason, then in kept}

    def roots(self) -> list[bytes]:
        """The folders and files that `index` without a path rescans."""
        return [row[0] for row in self._db.execute("SELECT path FROM roots ORDER BY path")]

    def set_roots(self, roots: Iterable[bytes]) -> None:
        """Replace the roots."""
        with self._db.transaction():
            self._db.execute("DELETE FROM roots")
            self._db.executemany("INSERT INTO roots VALUES (?)", [(root,) for root in roots])


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
