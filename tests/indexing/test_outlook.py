"""How far a run is and how long it goes on: arithmetic, with a clock of its own."""

from __future__ import annotations

import math

import numpy as np
import pytest

from audiosim.audio.events import Advanced, Embedded, Failed, FileEvent, Loading, Probed
from audiosim.core.types import AudioInfo, FrameEmbeddings
from audiosim.indexing.outlook import ENOUGH, LOSSY, MEMORY, USUAL, Expected, Kind, Outlook, expectations
from audiosim.indexing.plan import plan
from audiosim.library.catalog import FileRow, FileState
from audiosim.library.scan import FoundFile, Scan

MINUTE, HOUR = 60.0, 3600.0
SONG = 200 * LOSSY  # bytes of an MP3 of 200 s
NOTHING = FrameEmbeddings(np.empty((0, 1), np.float32), np.empty(0), np.empty(0, np.float16))


def files(sizes: dict[str, int], kind: Kind = "new") -> list[Expected]:
    return [Expected(name.encode(), size, kind) for name, size in sizes.items()]


def probed(name: str, size: int, seconds: float, *, wanted: bool = True) -> Probed:
    return Probed(name.encode(), AudioInfo("0" * 32, seconds, 44_100, 2, "mp3", size, 1), wanted)


def embedded(name: str, seconds: float) -> Embedded:
    return Embedded(name.encode(), NOTHING, seconds, "float32", {})


def told(outlook: Outlook, *events: tuple[float, FileEvent]) -> Outlook:
    """Tells events at their times; what ends a file settles it."""
    for now, event in events:
        outlook.take(event, now)
        if isinstance(event, Embedded | Failed) or (isinstance(event, Probed) and not event.wanted):
            outlook.settle(event.path)
    return outlook


def test_before_anything_is_known_sizes_tell_how_much_there_is_and_nothing_how_long_it_takes() -> None:
    outlook = Outlook(files({"a.mp3": 24_000_000, "b.wav": 176_400 * 100}), 0.0)
    progress = outlook.progress()
    assert progress.audio_total == pytest.approx(1000 + 100)
    assert (progress.done, progress.total, progress.audio_seconds, progress.share) == (0, 2, 0, 0)
    assert not progress.total_known
    assert progress.path == b"a.mp3"
    assert progress.seconds_left is None


def test_each_kind_of_file_is_taken_to_be_as_long_as_such_files_most_often_are() -> None:
    """In s of 1,000,000 bytes; those of other kinds than MP3 were taken for it, DSD for 29 times as long."""
    there = {".MP3": 42, ".ogg": 62, ".opus": 83, ".flac": 9, ".wav": 6, ".dsf": 1, ".m4b": 125, ".m4a": 42}
    for extension, seconds in there.items():
        outlook = Outlook(files({f"a{extension}": 1_000_000}), 0.0)
        assert outlook.audio_left == pytest.approx(seconds, abs=0.5)


def test_the_time_left_is_audio_by_the_rate_that_was_measured() -> None:
    outlook = Outlook(files({f"{n}.mp3": SONG for n in range(10)}), 0.0)
    told(outlook, (0.0, probed("0.mp3", SONG, 200)), (10.0, embedded("0.mp3", 200)))
    assert outlook.audio_left == pytest.approx(9 * 200)
    assert outlook.seconds_left == pytest.approx(90)
    assert outlook.progress().share == pytest.approx(0.1)


def test_a_long_file_counts_as_its_windows_are_embedded() -> None:
    outlook = Outlook(files({"mix.mp3": 250_000_000, "song.mp3": 4_000_000}), 0.0)
    told(outlook, (0.0, probed("mix.mp3", 250_000_000, 3 * HOUR)))
    shares, left = [], []
    for minute in range(1, 4):
        told(outlook, (minute * MINUTE, Advanced(b"mix.mp3", minute * HOUR)))
        shares.append(outlook.progress().share)
        left.append(outlook.seconds_left)
    whole = 3 * HOUR * (1 + 4 / 250)
    assert shares == pytest.approx([HOUR * n / whole for n in (1, 2, 3)], rel=0.05)
    assert left == pytest.approx([2.05 * MINUTE, 1.05 * MINUTE, 0.05 * MINUTE], rel=0.1)
    assert outlook.progress().path == b"mix.mp3"


def test_loading_the_model_and_reading_known_audio_do_not_slow_the_rate() -> None:
    outlook = Outlook(files({f"{n}.mp3": SONG // 2 for n in range(4)}), 0.0)
    told(
        outlook,
        (100.0, probed("0.mp3", SONG // 2, 100, wanted=False)),  # known audio, from a slow disk
        (100.0, probed("1.mp3", SONG // 2, 100)),
        (100.0, Loading(b"1.mp3")),
        (130.0, Advanced(b"1.mp3", 0.0)),
        (140.0, embedded("1.mp3", 100)),
        (140.0, probed("2.mp3", SONG // 2, 100)),
    )
    assert outlook.audio == 100
    assert outlook.audio_left == pytest.approx(200)
    assert outlook.seconds_left == pytest.approx(20)


def test_known_audio_leaves_the_sum_and_what_is_only_read_is_timed_by_bytes() -> None:
    outlook = Outlook(files({f"{n}.mp3": 10**6 for n in range(100)}, "known"), 0.0)
    assert outlook.progress().audio_total == 0
    assert outlook.seconds_left is None
    for n in range(20):
        told(outlook, (n + 1.0, probed(f"{n}.mp3", 10**6, 100, wanted=False)))
    progress = outlook.progress()
    assert (progress.audio_seconds, progress.audio_total, progress.done) == (0, 0, 20)
    assert progress.share == pytest.approx(0.2)
    assert progress.seconds_left == pytest.approx(80)


def test_files_that_are_read_again_take_no_longer_than_they_may() -> None:
    outlook = Outlook(files({f"{n}.mp3": 10**6 for n in range(100)}, "again"), 0.0, again_limit=15)
    told(outlook, *((n + 1.0, probed(f"{n}.mp3", 10**6, 100, wanted=False)) for n in range(20)))
    assert outlook.seconds_left == 15


def test_a_file_that_was_thought_to_be_known_and_is_not_counts() -> None:
    outlook = Outlook(files({"a.mp3": SONG, "b.mp3": SONG}, "known"), 0.0)
    told(outlook, (0.0, probed("a.mp3", SONG, 500)))
    assert outlook.progress().audio_total == 500
    told(outlook, (10.0, embedded("a.mp3", 500)), (10.0, probed("b.mp3", SONG, 500, wanted=False)))
    assert outlook.seconds_left == 0.0


def test_lengths_of_files_not_opened_follow_from_those_of_their_kind() -> None:
    many = {f"{n}.mp3": SONG for n in range(100)} | {f"{n}.flac": SONG for n in range(100)}
    outlook = Outlook(files(many | {"c.mp3": 3 * SONG, "c.aac": SONG}), 0.0)
    for n in range(100):  # at half the usual bit rate
        told(outlook, (0.0, probed(f"{n}.mp3", SONG, 400)), (0.0, embedded(f"{n}.mp3", 400)))
    flac = 100 * SONG / 110_000
    assert outlook.audio_left == pytest.approx(3 * 400 + flac + 200, rel=0.01)


def test_the_first_files_of_a_kind_do_not_overthrow_what_is_usual() -> None:
    outlook = Outlook(files({f"{n}.mp3": SONG for n in range(100)}), 0.0)
    before = outlook.progress().audio_total
    told(outlook, (0.0, probed("0.mp3", SONG, 5)), (1.0, embedded("0.mp3", 5)))  # with a large picture
    assert outlook.progress().audio_total == pytest.approx(100 * 200 * (USUAL + 5) / (USUAL + 200), rel=0.02)
    assert 0.5 < outlook.progress().audio_total / before < 1


def test_how_much_there_is_is_told_when_a_tenth_or_an_hour_is_known() -> None:
    outlook = Outlook(files({f"{n}.mp3": SONG for n in range(100)}), 0.0)
    for n in range(9):
        told(outlook, (n, probed(f"{n}.mp3", SONG, 200)), (n + 1.0, embedded(f"{n}.mp3", 200)))
        assert (outlook.progress().total_known, outlook.seconds_left) == (False, None)
    told(outlook, (10.0, probed("9.mp3", SONG, 200)))
    assert (outlook.progress().total_known, outlook.seconds_left is not None) == (True, True)
    mixes = Outlook(files({f"{n}.mp3": 18 * SONG for n in range(100)}), 0.0)
    told(mixes, (0.0, probed("0.mp3", 18 * SONG, HOUR)))
    assert mixes.progress().total_known
    assert Outlook(files({"a.mp3": SONG}, "known"), 0.0).progress().total_known


def test_what_is_done_never_seems_to_become_less() -> None:
    outlook = Outlook(files({f"{n}.mp3": SONG for n in range(10)}), 0.0)
    told(outlook, (0.0, probed("0.mp3", SONG, 200)), (10.0, embedded("0.mp3", 200)))
    before = outlook.progress().share
    told(outlook, (10.0, probed("1.mp3", SONG, 8000)))
    assert outlook.share < before == outlook.progress().share


def test_a_file_without_a_length_is_taken_by_its_size_and_one_that_plays_on_by_what_was_decoded() -> None:
    outlook = Outlook(files({"a.mp3": 48_000, "b.mp3": 24_000}), 0.0)
    told(outlook, (0.0, probed("a.mp3", 48_000, 0.0)))
    assert outlook.audio_left == pytest.approx(2 + 1)
    told(outlook, (10.0, Advanced(b"a.mp3", 500.0)))
    assert outlook.audio_left == pytest.approx(1)
    assert outlook.progress().audio_total == pytest.approx(501)
    assert outlook.progress().share < 1


def test_files_that_fail_leave_the_sum() -> None:
    outlook = Outlook(files({"a.mp3": SONG // 2, "b.mp3": SONG // 2, "c.mp3": SONG // 2}), 0.0)
    told(outlook, (0.0, probed("a.mp3", SONG // 2, 100)), (1.0, Advanced(b"a.mp3", 50)))
    told(outlook, (2.0, Failed(b"a.mp3", "damaged", "audio")), (2.0, Failed(b"b.mp3", "gone", "file")))
    progress = outlook.progress()
    assert (progress.audio_seconds, progress.done, progress.path) == (0, 2, b"c.mp3")
    assert progress.audio_total == pytest.approx(100)


def test_a_file_that_is_begun_again_goes_back_and_one_that_waited_for_its_copy_comes_in() -> None:
    outlook = Outlook(files({"a.mp3": SONG // 2, "copy.mp3": SONG // 2}), 0.0)
    told(outlook, (0.0, probed("a.mp3", SONG // 2, 100)), (5.0, Advanced(b"a.mp3", 80)))
    told(outlook, (6.0, Advanced(b"a.mp3", 10)))
    assert outlook.audio == 10
    assert outlook.audio_left == pytest.approx(190)
    outlook.take(probed("copy.mp3", SONG // 2, 100, wanted=False), 7.0)
    assert outlook.audio_left == 90
    told(outlook, (8.0, Failed(b"a.mp3", "its decoder crashed", "decoder")))
    told(outlook, (9.0, probed("copy.mp3", SONG // 2, 100)))
    assert outlook.audio_left == 100


def test_the_rate_is_not_believed_at_once_and_forgets_a_slow_start() -> None:
    outlook = Outlook(files({"a.mp3": 10**9}), 0.0)
    told(outlook, (0.0, probed("a.mp3", 10**9, 100_000)), (ENOUGH / 2, Advanced(b"a.mp3", 10)))
    assert outlook.seconds_left is None
    now, heard = 10 * MINUTE, 100.0  # another program had the machine
    told(outlook, (now, Advanced(b"a.mp3", heard)))
    for _ in range(int(5 * MEMORY)):
        now, heard = now + 1, heard + 50
        told(outlook, (now, Advanced(b"a.mp3", heard)))
    assert outlook.seconds_left == pytest.approx((100_000 - heard) / 50, rel=0.05)


def test_when_time_is_up_is_passed_on() -> None:
    assert Outlook([], 0.0).progress(time_up=30.0).time_up == 30.0
    assert Outlook([], 0.0).progress().share == 0.0


def test_moved_and_retagged_files_are_expected_to_be_known() -> None:
    def row(name: str, size: int, state: FileState = "indexed", reason: str | None = None) -> FileRow:
        return FileRow(name.encode(), state, size, 1, "0" * 32, reason, 1)

    def found(name: str, size: int, mtime_ns: int = 1, ctime_ns: int = 1) -> FoundFile:
        return FoundFile(name.encode(), size, mtime_ns, ctime_ns)

    there = [
        found("/m/retagged", 11, 2), found("/m/moved", 20), found("/m/new", 30), found("/m/failed", 40, 2),
        found("/m/touched", 50, 1, 2), found("/m/crashed", 60),
    ]  # fmt: skip
    rows = [
        row("/m/retagged", 10), row("/m/before", 20), row("/m/failed", 41, "failed", "damaged"),
        row("/m/touched", 50), row("/m/crashed", 60, "failed", "its decoder crashed"),
    ]  # fmt: skip
    made = plan(Scan(b"/m", files=there), rows)
    assert {file.path.decode()[3:]: file.kind for file in expectations([made])} == {
        "retagged": "known", "moved": "known", "new": "new", "failed": "new",
        "touched": "again", "crashed": "new",
    }  # fmt: skip


@pytest.mark.parametrize("jobs", [1, 4])
def test_the_time_left_is_right_on_a_library_of_songs_and_mixes(jobs: int) -> None:
    """A simulated run: lengths from 2 minutes to 3 hours, bit rates that differ, 80 x real time."""
    rng = np.random.default_rng(3)
    lengths = {f"{n:03}.mp3": float(rng.uniform(120, 400)) for n in range(200)}
    lengths |= {f"{n:03}.mp3": 3 * HOUR for n in range(0, 200, 40)}
    sizes = {name: int(seconds * rng.choice([16_000, 24_000, 40_000])) for name, seconds in lengths.items()}
    outlook, now, waiting = Outlook(files(sizes), 0.0), 0.0, sorted(sizes)
    hands: dict[str, float] = {}
    said: list[tuple[float, float]] = []
    while waiting or hands:
        while waiting and len(hands) < jobs:
            name = waiting.pop(0)
            hands[name] = 0.0
            told(outlook, (now, probed(name, sizes[name], lengths[name])))
        now += 1.0
        share = 80 / len(hands)
        for name in list(hands):
            hands[name] += share
            if hands[name] >= lengths[name]:
                del hands[name]
                told(outlook, (now, embedded(name, lengths[name])))
            else:
                told(outlook, (now, Advanced(name.encode(), hands[name])))
        if (left := outlook.seconds_left) is not None:
            said.append((now, left))
    errors = [math.log2(left / (now - at)) for at, left in said if now - at > MINUTE]
    assert np.abs(errors[len(errors) // 10 :]).max() < 0.5  # within 1.4 times from a tenth on
    assert np.median(np.abs(errors)) < 0.2
