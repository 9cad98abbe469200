"""Files that changed though size and time of modification are those they had, and files that only seem to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mutagen
import numpy as np
import pytest
import soundfile
from conftest import SAMPLE_RATE, make_music, tone
from kept_folder import KeptFolder
from libraries import Library, counts, edit

from audiosim.audio.events import Failed, Probed
from audiosim.audio.supervisor import DecodeSupervisor
from audiosim.core.types import TrackOutcome
from audiosim.indexing.estimate import estimate
from audiosim.indexing.options import IndexOptions
from audiosim.indexing.relocation import relocate
from audiosim.indexing.report import Notice, Planned
from audiosim.indexing.verify import verify_home

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> KeptFolder:
    def make(folder: Path) -> None:
        music = make_music(folder / "music")
        for path in music.rglob("*.flac"):
            retitle(path, "first")  # and room for more
        Library(folder / "home").index(music)

    return KeptFolder(tmp_path_factory.mktemp("kept"), make)


@pytest.fixture
def library(kept: KeptFolder) -> Library:
    """A home that knows the folder `music`, whose files are in padded FLAC."""
    return Library(kept.restored() / "home")


@pytest.fixture
def music(library: Library) -> Path:
    return library.music


def flac(music: Path) -> Path:
    return sorted(music.rglob("*.flac"))[0]


def quietly(path: Path, change: Callable[[], object]) -> None:
    """Changes a file as Mp3tag and rsync can: size and time of modification stay."""
    before = path.stat()
    change()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def retitle(path: Path, title: str) -> None:
    file: Any = mutagen.File(path)
    file["title"] = [title]
    file.save()


def other_sound(path: Path) -> None:
    """The same length at another pitch: a WAV file of the same size."""
    info = soundfile.info(path)
    soundfile.write(path, tone(info.frames / SAMPLE_RATE, 3000), SAMPLE_RATE, subtype=info.subtype)


def title(library: Library, path: Path) -> str | None:
    with library.catalog() as catalog:
        track = catalog.tracks.at(os.fsencode(path))
    assert track is not None
    return track.tags.title


def touch_all(music: Path) -> None:
    for path in music.rglob("*.*"):
        path.chmod(0o600)
        path.chmod(0o644)


def test_new_tags_are_seen_where_size_and_time_stay(library: Library, music: Path) -> None:
    quietly(flac(music), lambda: retitle(flac(music), "other"))
    report = library.index()
    assert counts(report) == {"found": 6, "reused": 1, "unchanged": 5, "reread": 1}
    assert (title(library, flac(music)), library.encoder.windows) == ("other", 0)
    assert counts(library.index()) == {"found": 6, "unchanged": 6}


def test_new_sound_is_seen_where_size_and_time_stay(library: Library, music: Path) -> None:
    changed = music / "low" / "00 track.wav"
    quietly(changed, lambda: other_sound(changed))
    assert counts(library.index()) == {"found": 6, "indexed": 1, "unchanged": 5, "reread": 1}
    assert library.encoder.windows > 0
    assert "00 track.wav" not in library.similar(music / "low" / "01 track.flac", count=1)


def test_a_full_verification_tells_how_many_files_changed(library: Library, music: Path) -> None:
    assert verify_home(library.home.path, full=True).changed == 0
    changed = music / "low" / "00 track.wav"
    quietly(changed, lambda: other_sound(changed))
    health = verify_home(library.home.path, full=True)
    assert (health.changed, health.sound) == (1, True)
    library.index()
    assert verify_home(library.home.path, full=True).changed == 0


def test_similar_asks_with_what_is_in_the_file_now(library: Library, music: Path) -> None:
    changed = music / "low" / "00 track.wav"
    quietly(changed, lambda: other_sound(changed))
    library.encoder.windows = 0
    library.similar(changed, count=1)
    assert library.encoder.windows > 0


def test_rights_that_change_cost_one_look_and_no_network(library: Library, music: Path) -> None:
    touch_all(music)
    assert estimate(home=library.home.path, encoder=library.encoder).reread == 6
    assert counts(library.index()) == {"found": 6, "unchanged": 6, "reread": 6}
    assert library.encoder.windows == 0
    assert sum(isinstance(event, TrackOutcome) for event in library.events) == 6
    assert [event for event in library.events if isinstance(event, Planned)] == [Planned(6, 0, 6)]
    assert counts(library.index()) == {"found": 6, "unchanged": 6}


def test_what_there_is_no_time_for_answers_meanwhile_and_is_read_by_later_runs(
    library: Library, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quietly(flac(music), lambda: retitle(flac(music), "other"))
    touch_all(music)
    monkeypatch.setattr("audiosim.indexing.run.REREAD_LIMIT", 0.0)
    report = library.index()
    assert counts(report) == {"found": 6, "unchanged": 6, "reread_left": 6}
    assert not report.needs_a_look
    assert len(library.stored()) == 6
    monkeypatch.undo()
    assert counts(library.index()) == {"found": 6, "unchanged": 5, "reused": 1, "reread": 6}


def test_new_files_come_first_and_files_that_are_missing_are_judged(
    library: Library, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch_all(music)
    (music / "low" / "00 track.wav").unlink()
    soundfile.write(music / "new.wav", tone(3, 500), SAMPLE_RATE)
    monkeypatch.setattr("audiosim.indexing.run.REREAD_LIMIT", 0.0)
    report = library.index()
    assert counts(report) == {"found": 6, "unchanged": 5, "indexed": 1, "gone": 1, "reread_left": 5}
    assert library.index(max_hours=0.0).reread_left == 5


def test_a_home_without_ctimes_notes_them_and_opens_nothing(library: Library, music: Path) -> None:
    edit(library, "DELETE FROM ctimes")
    touch_all(music)
    assert counts(library.index()) == {"found": 6, "unchanged": 6}
    touch_all(music)
    assert library.index().reread == 6


def test_ctimes_that_are_not_to_be_trusted_count_no_more(library: Library, music: Path) -> None:
    touch_all(music)
    options = IndexOptions(ctime=False)
    assert estimate(home=library.home.path, options=options, encoder=library.encoder).reread == 0
    assert counts(library.index(ctime=False)) == {"found": 6, "unchanged": 6}
    touch_all(music)
    soundfile.write(music / "new.wav", tone(3, 500), SAMPLE_RATE)
    assert counts(library.index()) == {"found": 7, "unchanged": 6, "indexed": 1}  # it is kept
    touch_all(music)
    assert counts(library.index(ctime=True)) == {"found": 7, "unchanged": 7}
    touch_all(music)
    assert library.index().reread == 7


def test_a_rebuild_keeps_that_ctimes_are_not_to_be_trusted(library: Library, music: Path) -> None:
    library.index(ctime=False)
    library.index(rebuild=True, pooling="max")
    touch_all(music)
    assert counts(library.index()) == {"found": 6, "unchanged": 6}


def test_a_file_that_failed_is_tried_again_where_its_bytes_are_others(library: Library, music: Path) -> None:
    good = (music / "low" / "00 track.wav").read_bytes()
    bad = music / "bad.wav"
    bad.write_bytes(b"x" * len(good))
    assert library.index().failed == 1
    bad.chmod(0o600)
    assert counts(library.index()) == {"found": 7, "unchanged": 6, "failed_before": 1, "reread": 1}
    quietly(bad, lambda: bad.write_bytes(good))
    assert counts(library.index()) == {"found": 7, "unchanged": 6, "reused": 1, "reread": 1}


def test_a_file_that_is_damaged_where_size_and_time_stay_is_a_failure(library: Library, music: Path) -> None:
    wav = music / "low" / "00 track.wav"
    quietly(wav, lambda: wav.write_bytes(b"x" * wav.stat().st_size))
    report = library.index()
    assert counts(report) == {"found": 6, "unchanged": 5, "failed": 1, "reread": 1}
    assert report.needs_a_look


def test_a_file_out_of_reach_keeps_what_is_known_of_it_and_is_tried_by_the_next_run(
    library: Library, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = DecodeSupervisor.events

    def closed(self: DecodeSupervisor, paths: Any) -> Any:
        for event in real(self, paths):
            yield (
                Failed(event.path, "no permission to read it", "file") if isinstance(event, Probed) else event
            )

    touch_all(music / "low")
    monkeypatch.setattr(DecodeSupervisor, "events", closed)
    report = library.index()
    assert counts(report) == {"found": 6, "unchanged": 6, "reread": 3}
    assert not report.needs_a_look
    (notice,) = (event.text for event in library.events if isinstance(event, Notice))
    assert notice.startswith("3 files could not be read again")
    monkeypatch.undo()
    assert library.index().reread == 3


def test_a_rescan_reads_every_file_whatever_its_times_and_computes_nothing(
    library: Library, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (music / "bad.mp3").write_text("no music")
    library.index()
    edit(library, "UPDATE files SET title = 'wrong' WHERE title = 'first'")
    monkeypatch.setattr("audiosim.indexing.run.REREAD_LIMIT", 0.0)  # which is not for this
    report = library.index(rescan=True)
    flacs = len(list(music.rglob("*.flac")))
    assert counts(report) == {
        "found": 7, "unchanged": 6 - flacs, "reused": flacs, "failed_before": 1, "reread": 7,
    }  # fmt: skip
    assert library.encoder.windows == 0
    assert title(library, flac(music)) == "first"


def test_a_rescan_that_was_cut_short_goes_on(library: Library, music: Path) -> None:
    first = flac(music)
    edit(library, "UPDATE files SET title = 'wrong' WHERE title = 'first'")
    assert library.index(rescan=True, max_hours=0.0).reread_left == 6
    library.encoder.windows = 0
    library.similar(first, count=1)
    assert library.encoder.windows == 0
    assert verify_home(library.home.path, full=True).changed == 0
    (music / "low" / "00 track.wav").rename(music / "low" / "new.wav")
    assert library.index(rescan=True).reread == 5  # all but the one that a run has just opened
    assert title(library, first) == "first"
    assert library.index(rescan=True).reread == 6
    assert library.index(rescan=True, max_hours=0.0).reread_left == 6
    assert library.index(ctime=False).reread == 6
    assert counts(library.index()) == {"found": 6, "unchanged": 6}


def test_a_rescan_tries_files_again_that_failed(library: Library, music: Path) -> None:
    soundfile.write(music / "silent.wav", np.zeros(SAMPLE_RATE, np.float32), SAMPLE_RATE)
    assert library.index().failed == 1
    report = library.index(rescan=True)
    assert library.encoder.windows > 0
    assert counts(report) == {"found": 7, "unchanged": 6, "failed_before": 1, "reread": 7}


@pytest.mark.parametrize("copied", [False, True])
def test_a_library_that_moved_keeps_its_ctimes_and_a_copy_notes_its_own(
    library: Library, music: Path, tmp_path: Path, copied: bool
) -> None:
    quietly(flac(music), lambda: retitle(flac(music), "other"))
    here = tmp_path / "elsewhere"
    (shutil.copytree if copied else shutil.move)(music, here)
    relocate(music, here, home=library.home.path)
    reread = {} if copied else {"reused": 1, "reread": 1}
    expected = {"found": 6, "unchanged": 6 - len(reread) // 2, **reread}
    assert counts(library.index()) == expected
    touch_all(here)
    assert library.index().reread == 6
