"""The home's configuration, its marks and its roots."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from pathlib import Path

from audiosim.catalog.database import Database
from audiosim.catalog.rows import Configuration
from audiosim.types import EncoderSpec

# Keys of what is measured of all vectors together, and is void when they are replaced: where a
# similarity stands among those of random pairs, and how many tracks there were.
PERCENTILES, MEASURED = "percentiles", "measured_tracks"


class Settings(Database):
    """What a home was told, and what its runs note."""

    def meta(self, key: str) -> str | None:
        """A value set with `set_meta`."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def set_meta(self, key: str, value: str) -> None:
        """Keeps a value under a key."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    @property
    def configuration(self) -> Configuration | None:
        """The home's configuration, once the first `index` has fixed it."""
        text = self.meta("configuration")
        if text is None:
            return None
        data = json.loads(text)
        return Configuration(
            EncoderSpec.from_json(data["spec"]),
            data["pooling"],
            Path(data["cache"]),
            base64.b64decode(data.get("centre", "")),
        )

    def set_configuration(self, configuration: Configuration) -> None:
        """Fixes the configuration; vectors already there must fit it."""
        data = {
            "spec": configuration.spec.to_json(),
            "pooling": configuration.pooling,
            "cache": str(configuration.cache),
            "centre": base64.b64encode(configuration.centre).decode("ascii"),
        }
        self.set_meta("configuration", json.dumps(data))

    def roots(self) -> list[bytes]:
        """The folders and files that `index` without a path rescans."""
        return [row[0] for row in self._db.execute("SELECT path FROM roots ORDER BY path")]

    def set_roots(self, roots: Iterable[bytes]) -> None:
        """Replaces the roots."""
        with self.transaction():
            self._db.execute("DELETE FROM roots")
            self._db.executemany("INSERT INTO roots VALUES (?)", [(root,) for root in roots])
