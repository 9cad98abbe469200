"""One side of before.py: the audiosim that PYTHONPATH names, ours or one of before, in a process of its own.

usage: python benchmarks/before_side.py home HOME CACHE MUSIC
       python benchmarks/before_side.py files HOME MUSIC

`home` makes a home of the tracks that before.py sends it, and measures neighbourhoods when ten of eleven
parts are there, and of all. `files` indexes MUSIC for the first time, with an encoder without a network.
Prints one JSON document.
"""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Iterable, Iterator
from dataclasses import fields
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from common import Figures, measured

# Where 0.1.0 had what these modules have now
MOVED = {
    "core.types": "types",
    "core.config": "config",
    "library.catalog": "catalog",
    "library.catalog.models": "catalog.rows",
    "library.statistics": "landscape",
}


def stand_in() -> None:
    """In a checkout of before, gives modules the names that they have now as well."""
    if find_spec("audiosim.core") is None:
        for name, before in MOVED.items():
            sys.modules[f"audiosim.{name}"] = import_module(f"audiosim.{before}")


def received() -> Iterator[list[Any]]:
    """Batches of tracks' values, until there are no more."""
    while batch := pickle.load(sys.stdin.buffer):
        yield batch


def record(path: bytes, info: dict[str, Any], tags: list[Any], vector: bytes, more: dict[str, Any]) -> Any:
    """A track, with as much of it as this audiosim keeps."""
    from audiosim.core.types import AudioInfo, Tags
    from audiosim.library.catalog.models import Record

    known = {field.name for field in fields(Record)}
    kept = {name: value for name, value in more.items() if name in known}
    return Record(path, AudioInfo(**info, tags=Tags(*tags)), np.frombuffer(vector, np.float32), **kept)


def enter(catalog: Any, batches: Iterable[list[Any]]) -> None:
    take = catalog.take if hasattr(catalog, "take") else catalog.records.take
    for batch in batches:
        take([record(*values) for values in batch])


def make(home: Path, cache: Path, music: Path) -> dict[str, Figures]:
    from audiosim.core.config import Home
    from audiosim.core.types import EncoderSpec
    from audiosim.library.catalog import Catalog, Configuration
    from audiosim.library.statistics import refresh

    home.mkdir(parents=True)
    place, found = Home(home), {}
    with Catalog(place.catalog) as catalog:
        settings: Any = getattr(catalog, "settings", catalog)
        spec, labels, parts = pickle.load(sys.stdin.buffer)
        spec = EncoderSpec.from_json(spec)
        settings.set_configuration(Configuration(spec, "mean", cache, bytes(4 * spec.dimension)))
        settings.set_roots([bytes(music)])
        if settings is not catalog:  # ours
            settings.want_whitening(wanted=False)
            catalog.words.set_labels(labels)
        for name in parts:
            enter(catalog, received())
            found[name] = measured(lambda: list(refresh(catalog)))
        found["store filled"] = measured(store(place, catalog).flush)
    return found


def store(home: Any, catalog: Any) -> Any:
    """What keeps the vector store in step."""
    now = getattr(import_module("audiosim.store"), "Store", None)
    return (now or import_module("audiosim.sync").StoreSync)(home, catalog)


def first_index(home: Path, music: Path) -> Figures:
    from startup import Free

    from audiosim import index_folder

    def run() -> None:
        found: Any = index_folder([music], home=home, encoder=Free())
        for _ in (
            found if isinstance(found, Iterator) else ()
        ):  # before, a run went on as its events were taken
            pass

    return measured(run)


def main() -> None:
    stand_in()
    kind, *places = sys.argv[1:]
    given = [Path(place) for place in places]
    print(json.dumps(make(*given) if kind == "home" else first_index(*given)))


if __name__ == "__main__":
    main()
