"""Tracks chosen by words alone: those that fit, and those to begin a playlist with."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audiosim.core.errors import AudiosimError, UsageError
from audiosim.core.types import Match
from audiosim.library.asked_words import asked_for
from audiosim.library.filters import Filter
from audiosim.library.index import open_index
from audiosim.library.suggestions import nothing_fits
from audiosim.search.short import LEFT_OUT, longer
from audiosim.search.similar import find_similar
from audiosim.search.track_words import STANDS_OUT
from audiosim.search.wish import Texts, as_texts
from audiosim.search.word_fit import fitting

SURE = 0.5  # a mean score from which the network says so itself, whatever the library
SEEDS = 3


@dataclass(frozen=True)
class Fitting:
    """The tracks that words fit, best first; and what else a user should know, a sentence each."""

    matches: list[Match]
    notes: tuple[str, ...]


def tracks_that_fit(
    text: Texts,
    *,
    not_text: Texts = (),
    only: Filter | None = None,
    home: str | os.PathLike[str] | None = None,
) -> list[Match]:
    """List the tracks that words fit: they stand out by them, or the encoder is sure of them.

    Those stand out whose fit (search/word_fit.py) is one standard deviation or more above the library's mean.
    The encoder is sure where its mean score is one half or more; that does not count beside `not_text`.

    Parameters
    ----------
    text, not_text : str or iterable of str
        What tracks should sound like, and what not, in words that the home's encoder knows.
    only : Filter, optional
        What tracks must be to be listed. What is under half a minute is left out, unless it speaks of such
        lengths, or words fit nothing else.
    home : str or path-like, optional
        The home folder; by default ``AUDIOSIM_HOME`` or the platform's user data folder.

    Returns
    -------
    list of Match
        Best first, by score, which is the fit; similarity is the network's mean score, or a cosine.

    Raises
    ------
    UsageError
        If no text is given, or the home's encoder knows no words, or not these.
    HomeError
        If there is no index, or no track has scores yet.
    """
    return list_fitting(text, not_text=not_text, only=only, home=home).matches


def list_fitting(
    text: Texts,
    *,
    not_text: Texts = (),
    only: Filter | None = None,
    home: str | os.PathLike[str] | None = None,
) -> Fitting:
    """List what `tracks_that_fit` does, and say what was left out."""
    if not as_texts(text):
        raise UsageError("Nothing says what tracks should sound like", "", "Give words as `text`.")
    with open_index(home) as index:
        scores, (wanted, unwanted) = asked_for(index, [as_texts(text), as_texts(not_text)])
        raw, fit = fitting(scores, wanted, unwanted)
        sure = (raw >= SURE) & (scores.odds and not unwanted)
        rows = np.flatnonzero((fit >= STANDS_OUT) | sure).tolist()
        fits = {scores.digests[row]: (float(raw[row]), float(fit[row])) for row in rows}
        asked = index.located(only)
        entries = index.catalog.tracks.entries(lambda t: t.digest in fits and asked.admits(t))
        every = sorted((entry.track for entry in entries), key=lambda track: -fits[track.digest][1])
    tracks = list(filter(longer(asked).admits, every)) or every
    matches = [
        Match(rank, similarity, track, score=score)
        for rank, track in enumerate(tracks, 1)
        for similarity, score in [fits[track.digest]]
    ]
    return Fitting(matches, (LEFT_OUT,) if len(tracks) < len(every) else ())


def find_seeds(
    text: Texts,
    *,
    length: int,
    not_text: Texts = (),
    only: Filter | None = None,
    home: str | os.PathLike[str] | None = None,
) -> list[Path]:
    """Find the tracks that words fit best, to begin a playlist of some length with: three, or fewer.

    What is shorter than half a minute is no seed, unless the filter speaks of such lengths, or nothing else
    fits.

    Parameters
    ----------
    text, not_text : str or iterable of str
        As of `tracks_that_fit`.
    length : int
        Of the playlist.
    only : Filter, optional
        What tracks must be.
    home : str or path-like, optional
        The home folder.

    Returns
    -------
    list of Path
        Best first.

    Raises
    ------
    UsageError
        If the home's encoder knows no words, or not these.
    AudiosimError
        If there is no index, or no track fits the filter.
    """
    count = max(1, min(SEEDS, length - 1))
    found = find_similar(text=text, not_text=not_text, count=count, only=only, home=home)
    if not found.matches:
        with open_index(home) as index:
            why = nothing_fits(index.catalog, only or Filter())
            raise AudiosimError("There is nothing to begin with", *why)
    return [Path(os.fsdecode(match.track.path)) for match in found.matches]
