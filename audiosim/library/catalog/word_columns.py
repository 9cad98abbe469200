"""Scores of words as columns, one for each label: where very many tracks are asked in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from audiosim.library.catalog.words import Words

SCORED, LACKING = "word audio", "words lacking"
WORDS = (SCORED, LACKING)


def label_column(number: int) -> str:
    """Name the column of a label."""
    return f"word {number}"


def write_words(
    file: IO[bytes], place: Callable[[str, str, Sequence[int]], int], words: Words
) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Write the log-odds of each label; give the other columns, by name.

    Parameters
    ----------
    file : IO
        Open for writing.
    place : callable
        Gives the place of a column in it, by name, type and shape.
    words : Words
        What is written.
    """
    count, audio = words.scored_count(), list[str]()
    places = [place(label_column(number), "<f2", (count,)) for number in range(len(words.labels))]
    for digests, odds in words.pages():
        for begin, column in zip(places, odds.T, strict=True):
            file.seek(begin + len(audio) * column.itemsize)
            file.write(column.tobytes())
        audio += digests
    yield SCORED, np.array(audio, "S")
    yield LACKING, np.array([words.lacking_count()], "<i8")
