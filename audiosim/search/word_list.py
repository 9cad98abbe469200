"""Tracks chosen by words alone: those that fit, and those to begin a playlist with."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from audiosim.core.errors import AudiosimError, UsageError
from audiosim.core.types import Match
from audiosim.library.asked_words import asked_for
from audiosim.library.filters import Filter
from audiosim.library.index import open_index
from audiosim.library.suggestions import nothing_fits
from audiosim.search.pool import SHORTEST
from audiosim.search.similar import find_similar
from audiosim.search.track_words import STANDS_OUT
from audiosim.search.wish import Texts, as_texts
from audiosim.search.word_fit import fitting

SURE = 0.5  # a mean score from which the network says so itself, whatever the library
SEEDS = 3


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
        What tracks must be to be listed.
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
    if not as_texts(text):
        raise UsageError("Nothing says what tracks should sound like", "", "Give words as `text`.")
    with open_index(home) as index:
        scores, (wanted, unwanted) = asked_for(index, [as_texts(text), as_texts(not_text)])
        raw, fit = fitting(scores, wanted, unwanted)
        sure = (raw >= SURE) & (scores.odds and not unwanted)
        rows = np.flatnonzero((fit >= STANDS_OUT) | sure).tolist()
        fits = {scores.digests[row]: (float(raw[row]), float(fit[row])) for row in rows}
        admits = index.located(only).admits
        entries = index.catalog.tracks.entries(lambda track: track.digest in fits and admits(track))
        tracks = sorted((entry.track for entry in entries), key=lambda track: -fits[track.digest][1])
        return [
            Match(rank, similarity, track, score=score)
            for rank, track in enumerate(tracks, 1)
            for similarity, score in [fits[track.digest]]
        ]


def find_seeds(
    text: Texts,
    *,
    length: int,
    not_text: Texts = (),
    only: Filter | None = None,
    home: str | os.PathLike[str] | None = None,
) -> list[Path]:
    """Find the tracks that words fit best, to begin a playlist of some length with: three, or fewer.

    What is shorter than half a minute is no seed, unless the filter gives a least duration, or nothing
    else fits.

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
    asked = only or Filter()
    least = SHORTEST if asked.max_duration is None or asked.max_duration >= SHORTEST else None
    longer = asked if asked.min_duration is not None else replace(asked, min_duration=least)
    count = max(1, min(SEEDS, length - 1))
    found = find_similar(text=text, not_text=not_text, count=count, only=longer, home=home)
    if not found.matches and longer != asked:  # a library of short pieces
        found = find_similar(text=text, not_text=not_text, count=count, only=asked, home=home)
    if not found.matches:
        with open_index(home) as index:
            raise AudiosimError("There is nothing to begin with", *nothing_fits(index.catalog, asked))
    return [Path(os.fsdecode(match.track.path)) for match in found.matches]
