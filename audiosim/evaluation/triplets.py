"""Triplets judged by people: of two tracks, which one is more like a third.

Labels say what belongs together, not what sounds alike. Triplets are how listeners have been asked for
that, as they need no scale that listeners share: Wolff and Weyde, "Learning music similarity from
relative user ratings", Information Retrieval 17, 2014, on MagnaTagATune's comparisons.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audiosim.core.errors import UsageError
from audiosim.core.text import display_path
from audiosim.core.types import Float64, Track
from audiosim.evaluation.csv_file import path_in, read_rows
from audiosim.evaluation.home import EvaluatedHome
from audiosim.evaluation.labels import SHOWN
from audiosim.evaluation.relevance import codes
from audiosim.evaluation.results import EvalOptions
from audiosim.evaluation.significance import Difference, Figure, differences, proportion
from audiosim.evaluation.variants import Space, Variant
from audiosim.library.hubness import similarities
from audiosim.library.index import open_index
from audiosim.library.neighbours import Codes
from audiosim.search.titles import titled, told_as

COLUMNS = ("a", "b", "c")


@dataclass(frozen=True)
class Triplet:
    """People say that `b` is more like `a` than `c` is.

    Parameters
    ----------
    line : int
        The line of the file that says so.
    a, b, c : bytes
        The paths of the three tracks.
    """

    line: int
    a: bytes
    b: bytes
    c: bytes

    @property
    def paths(self) -> tuple[bytes, bytes, bytes]:
        """All three."""
        return self.a, self.b, self.c


@dataclass(frozen=True)
class Agreement:
    """How far one variant agrees with people.

    ``per_triplet`` float64 (triplets,) is 1 where it does, 0 where not, and 1/2 where ``b`` and ``c`` are
    equally near; ``share`` is the mean of it, its interval as for independent judgements.
    """

    variant: Variant
    share: Figure
    per_triplet: Float64


@dataclass(frozen=True)
class TripletEvaluation:
    """How far the variants of one home agree with people.

    Parameters
    ----------
    home : Path
        The home's folder.
    encoder : str
        Its encoder, in one phrase.
    file : Path
        Where the triplets are from.
    triplets : int
        How many were compared.
    unknown : tuple of Triplet
        Those left out, as the index lacks one of their tracks.
    without_vector : tuple of Triplet
        Those left out, as one of their tracks has no usable vector or cache.
    agreements : tuple of Agreement
        The figures of each variant.
    gains : tuple of Difference
        How much the share of each is above that of the first one.
    notes : tuple of str
        What titles were taken for, a sentence each.
    """

    home: Path
    encoder: str
    file: Path
    triplets: int
    unknown: tuple[Triplet, ...]
    without_vector: tuple[Triplet, ...]
    agreements: tuple[Agreement, ...]
    gains: tuple[Difference, ...]
    notes: tuple[str, ...] = ()


def judge_triplets(
    file: str | os.PathLike[str],
    home: str | os.PathLike[str] | None = None,
    options: EvalOptions | None = None,
) -> TripletEvaluation:
    """How often a home agrees with people about which of two tracks is more like a third.

    Parameters
    ----------
    file : str or path-like
        A CSV file with the columns a, b and c: paths, relative ones to the file's folder, or titles. Track b
        is more like a than c is; a judgement a line, and several may be of the same tracks.
    home : str or path-like, optional
        The home folder; by default ``AUDIOSIM_HOME`` or the platform's user data folder.
    options : EvalOptions, optional
        The variants to evaluate; labels and cutoffs don't matter.

    Returns
    -------
    TripletEvaluation
        The share of the triplets that each variant agrees with, and what was left out.

    Raises
    ------
    UsageError
        If the file can't be read, lacks its columns or a cell, names mostly what is not in the index, or has
        a title of several tracks.
    HomeError
        If there is no index, or over half of the caches that are needed are missing.
    """
    options, file = options or EvalOptions(), Path(file)
    library = EvaluatedHome.load(home)
    variants = library.variants(options)
    indexed = {track.path for track in library.tracks}
    given, notes = _resolved(file, read_triplets(file), library.home, indexed)
    known, unknown = _parted(given, indexed)
    if len(unknown) > len(known) or not known:
        raise _mostly_unknown(file, len(known), unknown, indexed)
    usable = library.space.usable(list(dict.fromkeys(track.digest for track in library.tracks)), variants)
    tracks = [track for track in library.tracks if track.digest in usable]
    triplets, without_vector = _parted(known, {track.path for track in tracks})
    if not triplets:
        raise UsageError(
            f"No triplet of {file} can be judged", "one track of each has no usable vector or cache"
        )
    numbers = library.recordings({track.digest for track in tracks})
    recordings = codes(numbers[track.digest] for track in tracks)
    agreements = [
        _agreement(library.space, one, tracks, recordings, triplets, options.neighbours) for one in variants
    ]
    plain = agreements[0].per_triplet[:, None]
    return TripletEvaluation(
        home=library.home,
        encoder=library.configuration.spec.describe(),
        file=file,
        triplets=len(triplets),
        unknown=tuple(unknown),
        without_vector=tuple(without_vector),
        agreements=tuple(agreements),
        gains=tuple(differences(plain, one.per_triplet[:, None])[0] for one in agreements),
        notes=tuple(notes),
    )


def _agreement(
    space: Space,
    variant: Variant,
    tracks: Sequence[Track],
    recordings: Codes,
    triplets: Sequence[Triplet],
    neighbours: int,
) -> Agreement:
    vectors = space.vectors([track.digest for track in tracks], variant)
    near = similarities(vectors, variant.hub_correction, recordings=recordings, neighbours=neighbours)
    rows = {track.path: row for row, track in enumerate(tracks)}
    per_triplet = np.zeros(len(triplets))
    for number, one in enumerate(triplets):  # a row each: a matrix of all pairs is never held
        a, b, c = (rows[path] for path in one.paths)
        row = near(slice(a, a + 1))[0]
        equal = recordings[b] == recordings[c] or row[b] == row[c]
        per_triplet[number] = 0.5 if equal else row[b] > row[c]
    return Agreement(variant, proportion(float(per_triplet.sum()), len(triplets)), per_triplet)


def read_triplets(file: Path) -> list[Triplet]:
    """Read the triplets of a CSV file.

    Raises
    ------
    UsageError
        If the file can't be read, has no columns ``a``, ``b`` and ``c``, or a line lacks one of them.
    """
    rows = read_rows(file, COLUMNS, "triplets")
    for row in rows:
        if not all(row.cells):
            raise _no_triplet(file, row.line)
    return [_triplet(file, row.line, [path_in(file, cell) for cell in row.cells]) for row in rows]


def _triplet(file: Path, line: int, paths: Sequence[bytes]) -> Triplet:
    if len(set(paths)) < len(COLUMNS):
        raise _no_triplet(file, line)
    return Triplet(line, *paths)


def _no_triplet(file: Path, line: int) -> UsageError:
    return UsageError(f"Line {line} of {file} is no triplet", "it does not name three different tracks")


def _resolved(
    file: Path, triplets: Sequence[Triplet], home: Path, indexed: Collection[bytes]
) -> tuple[list[Triplet], list[str]]:
    """The triplets, titles in them replaced by the paths of the tracks that they name, and notes of these."""
    folder = path_in(file, "").rstrip(b"/") + b"/"
    paths = dict.fromkeys(path for one in triplets for path in one.paths if path not in indexed)
    names = {path: os.fsdecode(path.removeprefix(folder)) for path in paths if not os.path.exists(path)}
    if not names:
        return list(triplets), []
    with open_index(home) as index:
        by_name = titled(index, names.values())
    found = {path: by_name[name] for path, name in names.items() if name in by_name}

    def place(line: int, path: bytes) -> bytes:
        taken = found.get(path, path)
        if isinstance(taken, UsageError):
            raise UsageError(f"Line {line} of {file}: {taken.what}", taken.why, taken.remedy)
        return taken

    resolved = [_triplet(file, one.line, [place(one.line, path) for path in one.paths]) for one in triplets]
    notes = [told_as(names[path], place) for path, place in found.items() if isinstance(place, bytes)]
    return resolved, notes


def _parted(triplets: Sequence[Triplet], paths: Collection[bytes]) -> tuple[list[Triplet], list[Triplet]]:
    """Those of these tracks only, and the others."""
    inside = [all(path in paths for path in one.paths) for one in triplets]
    parts = (
        [one for one, kept in zip(triplets, inside, strict=True) if kept == side] for side in (True, False)
    )
    return next(parts), next(parts)


def _mostly_unknown(
    file: Path, known: int, unknown: Sequence[Triplet], indexed: Collection[bytes]
) -> UsageError:
    missing = dict.fromkeys(path for one in unknown for path in one.paths if path not in indexed)
    return UsageError(
        f"{len(unknown)} of {known + len(unknown)} triplets of {file} name tracks that are not in the index",
        f"the first ones: {', '.join(map(display_path, list(missing)[:SHOWN]))}" if missing else "",
        "Give absolute paths, paths relative to the folder of the CSV file, or titles.",
    )
