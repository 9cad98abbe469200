"""What described encoders answered on this machine: a file for each, by the weights of its spec."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

from audiosim.core.files import replacing
from audiosim.encoders.described.description import SelfTest

RUNTIME = "onnxruntime"


class Proofs:
    """The folder of what was proven.

    Parameters
    ----------
    folder : Path
        Where the files are, there or not.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def passed(self, weights: str, test: SelfTest) -> bool:
        """Tell whether an encoder passed its test here, with the ONNX Runtime that is installed."""
        passed = self._passed(weights)
        return any(one["test"] == _key(test) and one["runtime"] == version(RUNTIME) for one in passed)

    def proven(self, model: Path, test: SelfTest | None) -> bool:
        """Tell whether a model's file, as it is now, passed its test here; it is not read."""
        if test is None or not model.exists():
            return False
        found = chain.from_iterable(self._passed(path.stem) for path in self._folder.glob("*.json"))
        return any(one["test"] == _key(test) and _state(model) in one["files"] for one in found)

    def recorded(self, weights: str) -> SelfTest | None:
        """Give what an encoder answered when that was recorded."""
        found = _read(self._path(weights)).get("recorded")
        return None if found is None else SelfTest(found[0], tuple(found[1]), found[2])

    def keep_passed(self, weights: str, test: SelfTest, models: Sequence[Path]) -> None:
        """Keep that an encoder passed, with these copies of its file; other tests that it passed stay."""
        one = {"test": _key(test), "runtime": version(RUNTIME), "files": [_state(model) for model in models]}
        others = [each for each in self._passed(weights) if each["test"] != one["test"]]
        self._keep(weights, passed=[*others, one])

    def keep_recorded(self, weights: str, test: SelfTest) -> None:
        """Keep what an encoder answers."""
        self._keep(weights, recorded=_key(test))

    def _passed(self, weights: str) -> list[dict[str, Any]]:
        found = _read(self._path(weights)).get("passed", [])
        return found if isinstance(found, list) else [found]

    def _keep(self, weights: str, **news: Any) -> None:
        whole = _read(self._path(weights)) | news
        with replacing(self._path(weights)) as file:
            file.write(json.dumps(whole).encode())

    def _path(self, weights: str) -> Path:
        return self._folder / f"{weights}.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _key(test: SelfTest) -> list[Any]:
    return [test.signal, list(test.vector), test.tolerance]


def _state(path: Path) -> list[Any]:
    """A file as it is: its place, size and time of change."""
    told = path.stat()
    return [str(path), told.st_size, told.st_mtime_ns]
