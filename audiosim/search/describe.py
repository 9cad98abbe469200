"""What files sound like, in words: as wholes, and as they go on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiosim.core.errors import AudiosimError
from audiosim.core.types import Encoder, Float32, FrameEmbeddings, Precision, Track
from audiosim.encoders.frames import audible
from audiosim.library.index import Index, open_index
from audiosim.search.query import LEFT_OUT, Paths, Query, Resolver, Source, as_source
from audiosim.search.told_failures import need_a_look
from audiosim.search.track_words import TrackWords, Word

WORDS = 8  # of a file
CHANGE = 9.0  # standard deviations times s that another word must gain, for a stretch to end
STRETCH_WORDS = 3  # of a stretch of it


@dataclass(frozen=True)
class Stretch:
    """A part of a file in which one word stands out most, or none, where it is silent.

    Parameters
    ----------
    start, end : float
        Where it lies, in s from the beginning.
    words : tuple of Word
        Those that it stands out by most, compared with whole tracks.
    """

    start: float
    end: float
    words: tuple[Word, ...]


@dataclass(frozen=True)
class Description:
    """What a file sounds like.

    Parameters
    ----------
    track : Track
        The file.
    indexed : bool
        Whether it is in the index under this path.
    words : tuple of Word
        Those that it stands out by most, best first.
    timeline : tuple of Stretch
        Its parts, one after the other, where that was asked for.
    """

    track: Track
    indexed: bool
    words: tuple[Word, ...]
    timeline: tuple[Stretch, ...] = ()


@dataclass(frozen=True)
class Descriptions:
    """What files sound like.

    Parameters
    ----------
    files : list of Description
        In their order.
    notes : tuple of str
        What else a user should know, a sentence each.
    failed : tuple of bytes
        Files that were left out, as they can't be used.
    needs_a_look : bool
        Whether one of these was named itself, or no run has told that it can't be used.
    """

    files: list[Description]
    notes: tuple[str, ...] = ()
    failed: tuple[bytes, ...] = ()
    needs_a_look: bool = False


def describe_files(
    paths: Paths | Source,
    *,
    count: int = WORDS,
    timeline: bool = False,
    home: str | os.PathLike[str] | None = None,
    precision: Precision = "auto",
    encoder: Encoder | None = None,
) -> Descriptions:
    """Say what files sound like, in the words that the home's encoder knows.

    Words are compared with the home's own tracks: what all of them are says little of one. Where the
    encoder reads any text, it is asked for MusiCNN's tags.

    Parameters
    ----------
    paths : str, path-like, iterable of these, or Source
        Audio files, indexed or not. Of several, those that can't be used are left out, with a note.
    count : int
        How many words a file.
    timeline : bool
        Whether to say how it goes on, too; for that, an indexed file needs its cache.
    home : str or path-like, optional
        The home folder; by default ``AUDIOSIM_HOME`` or the platform's user data folder.
    precision : {"auto", "float32"}
        The network's, where a file has to be embedded.
    encoder : Encoder, optional
        Embeds files, instead of one loaded for them; it must be the home's.

    Returns
    -------
    Descriptions
        One a file, in their order, and what should be known of them.

    Raises
    ------
    UsageError
        If a file does not exist, or the home's encoder knows no words.
    AudiosimError
        If there is no index, or no file can be used.
    """
    source = as_source(paths)
    with open_index(home, encoder) as index:
        words = TrackWords(index)
        _ = words.scores  # where there are none, nothing is decoded
        resolver = Resolver(index, precision, encoder)
        outcomes = dict(resolver.resolve_each(source))
        failed = {path: error for path, error in outcomes.items() if isinstance(error, AudiosimError)}
        found = [outcomes[path] for path in source.paths]
        queries = [outcome for outcome in found if isinstance(outcome, Query)]
        if failed and not queries:
            raise next(iter(failed.values()))
        described = [_described(index, words, query, count, timeline) for query in queries]
        left_out = [f"{error.what}: {error.why}{LEFT_OUT}" for error in failed.values()]
        look = need_a_look((*failed, *source.unread), {*source.listed, *source.unread}, index.catalog)
        return Descriptions(described, (*source.notes, *resolver.notes, *left_out), tuple(failed), look)


def _described(index: Index, words: TrackWords, query: Query, count: int, timeline: bool) -> Description:
    best = words.best(words.values(query), count)
    stretches = _timeline(index, words, query) if timeline else ()
    return Description(query.track, query.indexed, tuple(best), tuple(stretches))


def _timeline(index: Index, words: TrackWords, query: Query) -> Iterator[Stretch]:
    """Windows one after the other: stretches that stand out most by one word, short slips aside."""
    frames = words.frames(query)
    values, heard = words.windows(frames), audible(frames.level)
    standing = words.scores.standard(values) * heard[:, None]
    tops = steady(standing, CHANGE / index.spec.hop)
    tops[~heard] = -1
    starts = [0, *(np.flatnonzero(np.diff(tops)) + 1).tolist()]
    for first, end in zip(starts, [*starts[1:], len(tops)], strict=True):
        best = () if tops[first] < 0 else words.best(words.together(_part(frames, first, end)), STRETCH_WORDS)
        yield Stretch(*_span(index, frames, query.track, first, end), tuple(best))


def _part(frames: FrameEmbeddings, first: int, end: int) -> FrameEmbeddings:
    """Some windows, one after the other."""
    level = frames.level[first:end]
    return FrameEmbeddings(frames.embedding[first:end], frames.timestamps[first:end], level)


def steady(standing: Float32, cost: float) -> NDArray[np.intp]:
    """Choose a word for each window such that they stand out most in all, less a cost for each change.

    Parameters
    ----------
    standing : Float32
        By how much each window stands out by each word (n, words).
    cost : float
        Of going over to another word.

    Returns
    -------
    NDArray[np.intp]
        Its number for each window (n,): by dynamic programming, as Viterbi's.
    """
    total = np.zeros(standing.shape[1])
    before = np.zeros(standing.shape, np.intp)  # the word of the window before, by the word of this one
    for place, row in enumerate(standing):
        best, stays = int(total.argmax()), np.arange(len(total))
        changes = total[best] - cost > total
        before[place] = np.where(changes, best, stays)
        total = np.maximum(total, total[best] - cost) + row
    chosen = np.zeros(len(standing), np.intp)
    word = int(total.argmax())
    for place in reversed(range(len(standing))):
        chosen[place], word = word, before[place][word]
    return chosen


def _span(index: Index, frames: FrameEmbeddings, track: Track, first: int, end: int) -> tuple[float, float]:
    """From where to where windows lie, in s; each ends where the next one begins."""
    spec = index.spec
    lead = spec.framing.lead / spec.sample_rate
    length = track.duration or float(frames.timestamps[-1]) + spec.window
    start = 0.0 if first == 0 else max(0.0, float(frames.timestamps[first]) - lead)
    last = length if end == len(frames) else max(0.0, float(frames.timestamps[end]) - lead)
    return start, min(last, length)
