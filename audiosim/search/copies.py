"""One recording is one thing: which of many files hold the same one, and which of these stands for it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from itertools import islice

import numpy as np

from audiosim.audio.fingerprint import Landmarks
from audiosim.core.tag_values import folded
from audiosim.core.types import Float32, Track
from audiosim.library.catalog import Entry
from audiosim.library.filters import Filter
from audiosim.library.neighbours import blocks, side_by_side
from audiosim.search.few_landmarks import worth_comparing
from audiosim.search.fingerprints import MIN_LANDMARKS
from audiosim.search.names_of_copies import copy_names
from audiosim.search.promising import as_fast, faster
from audiosim.search.recordings import KEPT, SIMILAR, Evidence, Recordings, slack

NEAREST = 10  # tracks of about the same length that each is compared with
READ = 256  # fingerprints at a time
FRAGMENT = 0.2  # share of a track from which a part is it, cut off, and no song of an album in a file
HEARD = 5  # of these, where fingerprints tell: copies at one speed have been found by their landmarks

Pairs = Iterator[tuple[int, int]]


@dataclass(frozen=True)
class Joint:
    """Why two rows are one recording; ``offset`` of the evidence is of the second."""

    first: int
    second: int
    evidence: Evidence


@dataclass(frozen=True)
class Copies:
    """Rows by the recordings they hold.

    Parameters
    ----------
    groups : list of list of int
        All rows, in order of each recording's first; those that have no copy are groups of one.
    joints : list of Joint
        What holds them together.
    """

    groups: list[list[int]]
    joints: list[Joint]


def find_copies(
    entries: Sequence[Entry], recordings: Recordings, focus: Iterable[int] | None = None
) -> Copies:
    """Put the files of each recording together.

    Parameters
    ----------
    entries : sequence of Entry
        The files.
    recordings : Recordings
        Tells whether two files hold one recording.
    focus : iterable of int, optional
        The rows whose recordings are wanted; others are compared with these only.

    Returns
    -------
    Copies
        The rows of each recording; those of other recordings than wanted may stand alone.
    """
    candidates = _Candidates(entries, recordings)
    groups = _Groups(len(entries))
    joints = []
    fresh = None if focus is None else set(focus)
    done: set[int] = set()
    while fresh is None or fresh:
        for first, second in candidates.pairs(fresh):
            if groups.of[first] is groups.of[second]:
                continue
            if evidence := recordings.same(entries[first], entries[second]):
                groups.merge(first, second)
                joints.append(Joint(first, second, evidence))
        if fresh is None:
            break
        done |= fresh  # and then the copies of copies
        fresh = {row for known in done for row in groups.of[known]} - done
    return Copies(groups.all(), joints)


class _Groups:
    """Rows that are put together; ``of`` is each one's group."""

    def __init__(self, count: int) -> None:
        self.of = [[row] for row in range(count)]

    def merge(self, first: int, second: int) -> None:
        kept, gone = self.of[first], self.of[second]
        kept += gone
        for row in gone:
            self.of[row] = kept

    def all(self) -> list[list[int]]:
        return [sorted(group) for row, group in enumerate(self.of) if min(group) == row]


class _Candidates:
    """The pairs of rows worth comparing."""

    def __init__(self, entries: Sequence[Entry], recordings: Recordings) -> None:
        self._entries, self._recordings = entries, recordings
        self._holders: dict[str, int] = {}  # of each audio, the first row
        self._alike = []
        for row, entry in enumerate(entries):
            first = self._holders.setdefault(entry.track.digest, row)
            if first != row:
                self._alike.append((first, row))
        self._unheard: set[int] = set()  # rows without a fingerprint
        rows = list(self._holders.values())
        common = worth_comparing(self._heard(rows))
        self._common = [(rows[first], rows[second]) for first, second in common]

    def _heard(self, rows: Iterable[int]) -> Iterator[Landmarks | None]:
        each = iter(rows)
        while some := list(islice(each, READ)):
            digests = [self._entries[row].track.digest for row in some]
            for row, found in zip(some, self._recordings.landmarks_of(digests), strict=True):
                if found is None:
                    self._unheard.add(row)
                yield found

    def pairs(self, rows: Iterable[int] | None) -> Pairs:
        """Those with one of these rows, None for all.

        First those of the same audio, then those whose fingerprints have most in common, then the nearest
        of about the same length, if they are promising.
        """
        yield from self._alike
        focus = None
        if rows is not None:
            focus = frozenset(self._holders[self._entries[row].track.digest] for row in rows)
        for pair in self._common:
            if focus is None or not focus.isdisjoint(pair):
                yield pair
        near = list(self._near(focus))
        if (
            len(near) > KEPT
        ):  # in order of length, hardly any fingerprint would be in memory when it is needed
            vectors = np.stack([self._entries[row].vector for row, _ in near])
            near = [near[place] for place in side_by_side(vectors).tolist()]
        for row, others in near:
            for other in self._promising(row, others):
                yield min(row, other), max(row, other)

    def _promising(self, row: int, others: Sequence[int]) -> list[int]:
        """Which of some rows may be of one recording with a row: all where a fingerprint is missing."""
        if row in self._unheard:
            return list(others)
        chosen = [other for other in others if other in self._unheard]
        heard = ((other, self._landmarks(other)) for other in others)
        known = ((other, one) for other, one in heard if one is not None and len(one) >= MIN_LANDMARKS)
        own, told = self._landmarks(row), dict(islice(known, HEARD))
        if told and own is not None and len(own) >= MIN_LANDMARKS:
            marks = as_fast(own, list(told.values())) | faster(own, list(told.values()))
            chosen += [other for other, mark in zip(told, marks.tolist(), strict=True) if mark]
        return chosen

    def _near(self, focus: frozenset[int] | None) -> Iterator[tuple[int, list[int]]]:
        """Each row with the nearest of those as long, or shorter by no more than re-encoding takes."""
        lengths = {row: self._entries[row].track.duration or 0.0 for row in self._holders.values()}
        rows = sorted(lengths, key=lambda row: (lengths[row], self._entries[row].track.path))
        if not rows:
            return
        durations = np.array([lengths[row] for row in rows])
        firsts = np.searchsorted(durations, [length - slack(length) for length in durations.tolist()])
        vectors = np.stack([self._entries[row].vector for row in rows])
        for block in blocks(len(rows)):  # products of matrices: those of single rows take many times as long
            low = int(firsts[block.start])
            if focus is not None and focus.isdisjoint(rows[low : block.stop]):
                continue
            cosines, others = vectors[block] @ vectors[low : block.stop].T, np.arange(low, block.stop)
            places = np.arange(block.start, block.stop)[:, None]
            cosines[(others < firsts[block, None]) | (others >= places)] = -np.inf
            for place, near in _most_alike(cosines):
                row, twins = rows[block.start + place], [rows[low + other] for other in near]
                yield row, [twin for twin in twins if focus is None or row in focus or twin in focus]

    def _landmarks(self, row: int) -> Landmarks | None:
        return self._recordings.landmarks(self._entries[row].track.digest)


def _most_alike(cosines: Float32) -> Iterator[tuple[int, list[int]]]:
    """Each row with the NEAREST columns, nearest first, of those that are alike, where any are."""
    count = min(NEAREST, cosines.shape[1])
    some = np.flatnonzero(cosines.max(axis=1) >= SIMILAR)
    best = np.argpartition(-cosines[some], count - 1, axis=1)[:, :count]
    for place, columns in zip(some.tolist(), best, strict=True):
        row = cosines[place]
        alike = columns[row[columns] >= SIMILAR]
        yield place, alike[np.argsort(-row[alike], kind="stable")].tolist()


def find_fitting(entries: Sequence[Entry], recordings: Recordings, only: Filter) -> Copies:
    """The recordings that fit a filter, with all of their files, which share their tags."""
    focus = None
    if only:
        fits = (lambda track: only.fits_tags([track])) if only.of_tags else only.fits_file
        focus = [row for row, entry in enumerate(entries) if fits(entry.track)]
    found = find_copies(entries, recordings, focus)
    groups = [g for g in found.groups if only.admits_recording([entries[row].track for row in g])]
    return Copies(groups, found.joints)


def one_each(
    entries: Sequence[Entry], recordings: Recordings, only: Filter, without: Sequence[Entry]
) -> list[Entry]:
    """The file that stands for each recording that fits a filter, but for the recordings of some others."""
    files = [*entries, *without]
    found = []
    for group in find_copies(files, recordings).groups:
        fit = [files[row] for row in group if only.fits_file(files[row].track)]
        is_other = group[-1] >= len(entries)
        if fit and not is_other and only.fits_tags([files[row].track for row in group]):
            found.append(min(fit, key=lambda entry: standing(entry.track, only)))
    return found


def without_fragments(entries: Sequence[Entry], recordings: Recordings) -> list[Entry]:
    """Leave out, of some recordings, those that are a fragment of another: a download that broke off."""
    fragments: set[int] = set()
    heard = recordings.landmarks_of([entry.track.digest for entry in entries])
    for first, second in worth_comparing(heard):
        evidence = recordings.same(entries[first], entries[second], parts=True)
        if evidence is not None and min(evidence.shares) >= FRAGMENT:
            of_first, of_second = evidence.shares
            fragments.add(first if of_first > of_second else second)
    return [entry for row, entry in enumerate(entries) if row not in fragments]


def standing(track: Track, only: Filter) -> tuple[bool, bool, int, int, int, int, int, bytes]:
    """Which file stands for its recording: the first in this order.

    One that is there; that fits a filter by itself; whose title, artist and album are told; with most tags;
    that lies in folders called like its artist and album; with fewest names that copies and folders of them
    get; with the shortest path, as other names of copies are longer.
    """
    tags = track.tags
    told = (tags.title, tags.artist or tags.album_artist, tags.album)
    folder = folded(os.fsdecode(os.path.dirname(track.path)))
    filed = sum(folded(name) in folder for name in told[1:] if name)
    return (
        not os.path.exists(track.path),
        not only.admits(track),
        -sum(map(bool, told)),
        -sum(map(bool, astuple(tags))),
        -filed,
        copy_names(track.path),
        len(track.path),
        track.path,
    )
