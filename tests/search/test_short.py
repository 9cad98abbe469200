"""What is under half a minute, where tracks are asked for in words."""

from __future__ import annotations

import os
from pathlib import Path

import fake_words
import numpy as np
import pytest
from conftest import Cli, Finished
from made_home import MadeHome, digest_of, frames_of, path_of, random_tracks

from audiosim.core.types import FrameEmbeddings
from audiosim.library.catalog import Catalog
from audiosim.library.word_scores import WordScorer
from audiosim.search.similar import find_similar

TOLD = "audiosim: what is under 30 s is left out, though some of it fits as well"
NOISES = [f"noise {number}.flac" for number in range(3)]


def home_of(folder: Path, tracks: dict[str, FrameEmbeddings]) -> MadeHome:
    made = MadeHome(folder)
    made.add(tracks)
    made.refresh()
    with Catalog(made.home.catalog) as catalog:
        catalog.words.set_labels(fake_words.LABELS)
        scorer = WordScorer(catalog, made.spec)
        scorer.__dict__["vocabulary"] = fake_words.vocabulary()
        for name, frames in tracks.items():
            assert scorer.enter(digest_of(name), frames)
    return made


def lower(frames: FrameEmbeddings, much: float, length: int) -> FrameEmbeddings:
    rows = frames.embedding.astype(np.float32)[:length]
    rows[:, 0] += much
    return frames_of(rows)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeHome:
    """Twenty tracks of 40 s, the first three of which are low, and three noises that are lower."""
    tracks = random_tracks(23, np.random.default_rng(3), windows=40)
    low = {f"t{number:03}.flac": lower(tracks[f"t{number:03}.flac"], 4, 40) for number in range(3)}
    noises = {name: lower(tracks.pop(f"t{20 + row:03}.flac"), 6, 2) for row, name in enumerate(NOISES)}
    return home_of(tmp_path_factory.mktemp("short") / "home", {**tracks, **low, **noises})


@pytest.fixture(autouse=True)
def _entry(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_words.built_in(monkeypatch)


def noises(done: Finished) -> int:
    assert done.code == 0, done.err
    return sum("noise" in line for line in done.out.splitlines())


def test_what_is_short_is_left_out_unless_lengths_are_spoken_of(made: MadeHome, cli: Cli) -> None:
    for command in (("similar", "--text", "low", "-k", "5"), ("list", "--text", "low")):
        words = (*command, "--home", made.home.path, "--format", "paths")
        left_out = cli(*words)
        assert (noises(left_out), f"{TOLD}: words say little of it. To have it too:" in left_out.err) == (
            0,
            True,
        )
        assert "--min-duration 0\n" in left_out.err
        for lengths in (("--min-duration", "0"), ("--min-duration", "1"), ("--max-duration", "20")):
            done = cli(*words, *lengths)
            assert (noises(done), TOLD in done.err) == (3, False)
        done = cli(*words, "--max-duration", "10m")
        assert (noises(done), TOLD in done.err) == (0, True)


def test_it_is_told_only_where_it_fits_as_well(made: MadeHome, cli: Cli) -> None:
    for command in (("similar", "--text", "high", "-k", "5"), ("list", "--text", "high")):
        done = cli(*command, "--home", made.home.path)
        assert (noises(done), TOLD in done.err) == (0, False)
    done = cli("similar", "--text", "high", "-k", "50", "--home", made.home.path)
    assert (noises(done), TOLD in done.err, done.out.count("\n")) == (0, True, 21)


def test_beside_a_query_its_own_length_counts_too(made: MadeHome) -> None:
    long, short = (os.fsdecode(path_of(name)) for name in ("t010.flac", NOISES[0]))
    for query, least in ((long, 30), (short, 0)):
        found = find_similar(query, text="low", count=5, home=made.home.path)
        lengths = [match.track.duration or 0.0 for match in found.matches]
        assert (min(lengths) >= 30, len(found.notes) > 1) == (least == 30, least == 30)
    found = find_similar(short, count=22, home=made.home.path)
    assert len(found.matches) == 22  # no words: nothing is left out


def test_each_query_is_answered_so(made: MadeHome, cli: Cli) -> None:
    queries = [path_of(f"t{number:03}.flac") for number in (10, 11)]
    done = cli("similar", "--each", *queries, "--text", "low", "--home", made.home.path)
    assert (noises(done), done.err.count(TOLD)) == (0, 1)


def test_a_library_of_short_pieces_is_asked_in_words_all_the_same(tmp_path: Path, cli: Cli) -> None:
    made = home_of(tmp_path / "home", random_tracks(12, np.random.default_rng(4), windows=2))
    for command in (("similar", "-k", "3"), ("list",)):
        done = cli(*command, "--text", "low", "--home", made.home.path)
        assert done.code == 0
        assert (done.out != "", TOLD in done.err) == (True, False)
