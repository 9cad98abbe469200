"""Choosing answers: caps, diversity, folding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosim.core.errors import UsageError
from audiosim.core.tag_values import artist_keys
from audiosim.core.types import Float32, Tags, Track
from audiosim.library.catalog import Entry
from audiosim.library.hubness import HubScaling
from audiosim.library.whitening import AS_THEY_ARE, SearchSpace
from audiosim.search.ranking import (
    FOLLOWING,
    Candidate,
    Likeness,
    Pick,
    RankingOptions,
    SameTag,
    candidates,
    select,
    unlike,
)


def entry(
    name: str, vector: Sequence[float] | Float32, scale: float | None = None, tags: Tags | None = None
) -> Entry:
    row = np.array(vector, np.float32)
    track = Track(name.encode(), name, 60.0, tags or Tags())
    return Entry(name, track, row / np.float32(np.linalg.norm(row)), scale)


def alone(found: Sequence[Candidate]) -> list[Pick]:
    """Each file holds another recording."""
    return [Pick(one, [], artist_keys(one.entry.track.tags)) for one in found]


def by_letter(found: Sequence[Candidate]) -> list[Pick]:
    """Files whose names begin alike hold one recording."""
    folded: dict[str, Pick] = {}
    for pick in alone(found):
        entry = pick.candidate.entry
        if folded.setdefault(entry.id[0], pick) is not pick:
            folded[entry.id[0]].duplicates.append(entry)
    return list(folded.values())


def found(*entries: Entry) -> list[Candidate]:
    """Candidates in this order."""
    return [Candidate(one, one.vector, 1 - rank / 100, 1 - rank / 100) for rank, one in enumerate(entries)]


def names(picks: Sequence[Pick]) -> list[str]:
    return [pick.candidate.entry.id for pick in picks]


@st.composite
def entries(draw: st.DrawFn) -> list[Entry]:
    count = draw(st.integers(1, 30))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    rows = rng.standard_normal((count, 4))
    artists = [draw(st.sampled_from([None, "A", "a ", "B", "Various Artists"])) for _ in range(count)]
    return [
        entry(f"{n:03}", row, tags=Tags(artist=artist))
        for n, (row, artist) in enumerate(zip(rows, artists, strict=True))
    ]


DIRECTION = np.array([1, 0, 0, 0], np.float32)


@given(entries())
def test_candidates_come_by_cosine_and_ties_by_path(some: list[Entry]) -> None:
    doubled = [*some, *(Entry("x" + one.id, one.track, one.vector) for one in some)]
    order = candidates(doubled[::-1], AS_THEY_ARE, Likeness(DIRECTION))
    keys = [(-one.similarity, one.entry.track.path) for one in order]
    assert keys == sorted(keys)
    for one in order:
        assert one.similarity == one.score == pytest.approx(float(one.entry.vector[0]), abs=1e-6)


def test_a_hub_stands_behind_a_track_with_room_around_it() -> None:
    hub, lone = entry("hub", [0.8, 0.6], 0.01), entry("lone", [0.79, 0.613], 0.4)
    direction = np.array([1, 0], np.float32)
    for scaling, order in ((HubScaling(0.2, 0.0), ["lone", "hub"]), (None, ["hub", "lone"])):
        ordered = candidates([hub, lone], AS_THEY_ARE, Likeness(direction, scaling))
        assert [one.entry.id for one in ordered] == order


@given(entries(), st.integers(1, 10), st.integers(1, 3))
def test_no_artist_has_more_tracks_than_the_cap(some: list[Entry], count: int, cap: int) -> None:
    order = candidates(some, AS_THEY_ARE, Likeness(DIRECTION))
    picks = select(order, count, RankingOptions(max_per_artist=cap), alone)
    tally = Counter(artist_keys(pick.candidate.entry.track.tags) for pick in picks)
    assert all(number <= cap for artist, number in tally.items() if artist)
    fitting = [
        min(cap, n) if artist else n for artist, n in Counter(artist_keys(e.track.tags) for e in some).items()
    ]
    assert len(picks) == min(count, sum(fitting))
    assert [pick.candidate.score for pick in picks] == sorted(
        (p.candidate.score for p in picks), reverse=True
    )


def naive_mmr(some: list[Candidate], count: int, diversity: float) -> list[str]:
    left, chosen = list(some), list[Candidate]()
    while left and len(chosen) < count:
        values = [
            (1 - diversity) * c.score
            - diversity * max((float(c.entry.vector @ p.entry.vector) for p in chosen), default=0.0)
            for c in left
        ]
        chosen.append(left.pop(int(np.argmax(values))))
    return [one.entry.id for one in chosen]


@settings(deadline=None)
@given(entries(), st.integers(1, 10), st.floats(0, 1))
def test_diversity_is_maximal_marginal_relevance(some: list[Entry], count: int, diversity: float) -> None:
    order = candidates(some, AS_THEY_ARE, Likeness(DIRECTION))
    picks = select(order, count, RankingOptions(diversity=diversity), alone)
    assert names(picks) == naive_mmr(order[: 5 * count], count, diversity)


def test_answers_differ_where_they_are_searched() -> None:
    """In the space, what the second and third differ in from the first hardly counts, or much."""
    space = SearchSpace(np.diag([1, 0.1, 3]).astype("<f4").tobytes())
    some = [entry("a", [1, 0, 0]), entry("b", [1, 0.9, 0]), entry("c", [1, 0, 0.5])]
    direction = np.array([1, 0, 0], np.float32)
    for where, second in ((AS_THEY_ARE, "b"), (space, "c")):
        order = candidates(some, where, Likeness(direction))
        picks = select(order, 2, RankingOptions(diversity=0.7), alone)
        assert names(picks) == ["a", second]


def test_files_of_one_recording_are_one_answer_and_the_number_wanted_is_still_reached() -> None:
    some = found(*(entry(name, [1, 0]) for name in ("a1", "b1", "a2", "a3", "c1", "b2", "d1")))
    picks = select(some, 3, RankingOptions(), by_letter)
    assert names(picks) == ["a1", "b1", "c1"]
    assert [[one.id for one in pick.duplicates] for pick in picks] == [["a2", "a3"], ["b2"], []]


def test_a_duplicate_is_looked_for_among_the_next_twenty_only() -> None:
    between = [entry(f"{chr(ord('b') + n)}1", [1, 0]) for n in range(FOLLOWING - 1)]
    near = select(found(entry("a1", [1, 0]), *between, entry("a2", [1, 0])), 1, RankingOptions(), by_letter)
    assert [one.id for one in near[0].duplicates] == ["a2"]
    between.append(entry("z1", [1, 0]))
    far = select(found(entry("a1", [1, 0]), *between, entry("a2", [1, 0])), 1, RankingOptions(), by_letter)
    assert far[0].duplicates == []


def test_where_most_are_held_back_more_are_looked_at() -> None:
    many = [entry(f"{n:03}", [1, 0], tags=Tags(artist="A")) for n in range(300)]
    some = found(*many, entry("b", [1, 0], tags=Tags(artist="B")))
    assert names(select(some, 2, RankingOptions(max_per_artist=1), alone)) == ["000", "b"]


def test_a_duplicate_folds_into_its_answer_though_its_artist_has_enough() -> None:
    by = Tags(artist="A")
    some = found(*(entry(name, [1, 0], tags=by) for name in ("a1", "b1", "a2")), entry("c1", [1, 0]))
    picks = select(some, 2, RankingOptions(max_per_artist=1), by_letter)
    assert names(picks) == ["a1", "c1"]
    assert [one.id for one in picks[0].duplicates] == ["a2"]


def test_a_track_by_several_counts_for_each_of_them() -> None:
    artists = {"both": "A; B", "a": "A", "b": "b", "c": "C"}
    some = found(*(entry(name, [1, 0], tags=Tags(artist=artist)) for name, artist in artists.items()))
    assert names(select(some, 4, RankingOptions(max_per_artist=1), alone)) == ["both", "c"]


def test_artists_of_one_tag_are_compared_one_by_one() -> None:
    query = Track(b"q", "q", 1.0, Tags(artist="First; Second", album="X", album_artist="Various Artists"))
    second = Track(b"1", "1", 1.0, Tags(artist="SECOND"))
    sampler = Track(b"2", "2", 1.0, Tags(artist="Third", album="X", album_artist="Various Artists"))

    def left(tag: SameTag) -> list[Track]:
        return list(filter(unlike([query], (tag,)), [second, sampler]))

    assert left("artist") == [sampler]
    assert left("album") == [second]


def test_no_answer_is_by_an_artist_or_of_an_album_of_the_queries() -> None:
    query = Track(b"q", "q", 1.0, Tags(artist="Björk", album="Post"))
    same_artist = Track(b"1", "1", 1.0, Tags(artist="BJÖRK ", album="Debut"))
    same_album = Track(b"2", "2", 1.0, Tags(artist="Another", album="post", album_artist="Björk"))
    namesake = Track(b"3", "3", 1.0, Tags(artist="Other", album="Post"))
    bare = Track(b"4", "4", 1.0, Tags())
    tracks = [same_artist, same_album, namesake, bare]

    def left(*tags: SameTag) -> list[Track]:
        return list(filter(unlike([query], tags), tracks))

    assert left("artist") == [same_album, namesake, bare]
    assert left("album") == [same_artist, namesake, bare]
    assert left("artist", "album") == [namesake, bare]
    assert left() == tracks


def test_a_query_without_tags_or_with_blank_ones_excludes_nothing() -> None:
    blank = Track(b"q", "q", 1.0, Tags(artist=" ", album=" "))
    other = Track(b"1", "1", 1.0, Tags())
    assert unlike([blank], ("artist", "album"))(other)


@pytest.mark.parametrize("diversity", [-0.1, 1.1, float("nan")])
def test_a_diversity_out_of_range_is_refused(diversity: float) -> None:
    with pytest.raises(UsageError, match="out of range"):
        RankingOptions(diversity=diversity)


def test_less_than_one_track_an_artist_is_refused() -> None:
    with pytest.raises(UsageError, match="at least 1"):
        RankingOptions(max_per_artist=0)
