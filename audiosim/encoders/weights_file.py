"""What an encoder's entry tells of its weights: which there are, and whether they are good."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from audiosim.core.errors import WeightsError


@dataclass(frozen=True)
class WeightsFile:
    """Weights that an encoder can have, and whether they are here.

    Parameters
    ----------
    name : str
        Which they are, of those that the encoder can have.
    source : str
        Where they are fetched from; empty where they were brought.
    path : Path, optional
        Where they are kept.
    proven : bool
        Whether they were held to a digest that is published or written in audiosim's source; those of a
        description, to its self-test.
    """

    name: str
    source: str
    path: Path | None = None
    proven: bool = False


@dataclass(frozen=True)
class Checked:
    """One thing that was checked of an encoder.

    Parameters
    ----------
    what : str
        What was checked, and by what.
    fault : str
        What is wrong; empty where nothing is.
    outcome : str
        What it is then.
    """

    what: str
    fault: str = ""
    outcome: str = "good"


def fault_of(check: Callable[[], object]) -> str:
    """Say what is wrong with weights: the `WeightsError` that a check raises; empty where it raises none."""
    try:
        check()
    except WeightsError as error:
        return f"{error.what}: {error.why}" if error.why else error.what
    return ""
