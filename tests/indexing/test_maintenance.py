"""Upkeep: what is dropped, what is forgotten, what follows a library that moved; and what is not touched."""

from __future__ import annotations

import os
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
from conftest import SAMPLE_RATE, Cli, tone
from fake_encoder import FakeEncoder
from libraries import (
    Library,
    Original,
    a_run_ended_in_a_burst,
    assert_chroma_is_the_catalogs,
    cache_of,
    catalog_content,
    configuration_of,
    counts,
    digest_of,
    edit,
    track,
    vectors,
)

from audiosim.backends.chroma_embedded import NEW, EmbeddedChroma
from audiosim.commands.maintenance import _seconds
from audiosim.core.errors import HomeError, LockedError, UsageError
from audiosim.core.files import hold
from audiosim.indexing.forgetting import forget
from audiosim.indexing.maintenance import DAY, Collected, collect_garbage
from audiosim.indexing.relocation import relocate
from audiosim.library.catalog import Catalog
from audiosim.search.ranking import RankingOptions
from audiosim.search.similar import find_similar

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    return Original(tmp_path_factory.mktemp("original"))


@pytest.fixture
def library(original: Original) -> Library:
    return original.restored()


def music_of(library: Library) -> Path:
    return library.home.path.parent / "music"


def age(path: Path, days: float) -> None:
    """Has a file look as if it had been written some days ago."""
    moment = time.time() - days * DAY
    os.utime(path, (moment, moment))


def lose(library: Library, number: int, *, days: float) -> Path:
    """Removes a track, which has been gone for some days; its cache is as old."""
    path = track(library, number)
    path.unlink()
    library.index()
    edit(library, "UPDATE files SET changed = ? WHERE path = ?", time.time() - days * DAY, os.fsencode(path))
    age(cache_of(library).path(digest_of(library, path)), days)
    return path


def caches(library: Library) -> set[str]:
    return {path.stem for path in library.home.path.rglob("*.npz")}


def known_paths(library: Library) -> set[Path]:
    with library.catalog() as catalog:
        return {Path(os.fsdecode(row.path)) for row in catalog.files.all()}


def state(folder: Path) -> dict[Path, tuple[int, int]]:
    """Size and time of everything in a folder but locks and what SQLite keeps beside an open database."""
    passing = (".lock", "-wal", "-shm")
    return {
        path: (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(passing)
    }


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("90", 90),
        ("90s", 90),
        ("5m", 300),
        ("12h", 43_200),
        ("30d", 30 * DAY),
        ("1.5d", 1.5 * DAY),
        (" 2w ", 14 * DAY),
    ],
)
def test_an_age_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert _seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "d", "-1d", "1 d", "1y", "1M", "nan", "inf", "1e3", "1d2h", ".5d"])
def test_anything_else_is_no_age(text: str) -> None:
    with pytest.raises(UsageError, match="is not an age"):
        _seconds(text)


@pytest.mark.slow
def test_what_is_long_gone_is_forgotten_with_its_cache_and_the_rest_stays(library: Library) -> None:
    lost, recent = lose(library, 0, days=31), lose(library, 1, days=29)
    digest = digest_of(library, lost)
    others = caches(library) - {digest}
    freed = cache_of(library).path(digest).stat().st_size
    for path in library.home.cache.rglob("*.npz"):
        age(path, 31)
    assert collect_garbage(home=library.home.path) == Collected(gone=1, vectors=1, caches=1, bytes=freed)
    assert lost not in known_paths(library)
    assert recent in known_paths(library)
    assert caches(library) == others
    assert collect_garbage(home=library.home.path) == Collected()
    soundfile.write(recent, tone(3 + 1 / 6, 115), SAMPLE_RATE)
    soundfile.write(lost, tone(3, 110), SAMPLE_RATE)
    assert counts(library.index()) == {"found": 7, "indexed": 1, "reused": 1, "unchanged": 5}
    assert_chroma_is_the_catalogs(library)


def test_audio_that_another_file_holds_stays(library: Library) -> None:
    lost = lose(library, 5, days=31)
    digest = digest_of(library, lost)
    assert collect_garbage(home=library.home.path) == Collected(gone=1)
    assert digest in caches(library)
    assert counts(library.index()) == {"found": 6, "unchanged": 6}


def test_a_dry_run_tells_what_would_go_and_changes_nothing(library: Library) -> None:
    lose(library, 0, days=31)
    age(make(library.home.cache / "ab" / ".xyz.partial"), 2)
    make(library.home.path / f"{NEW}killed" / "chroma.sqlite3")
    a_run_ended_in_a_burst(library)
    content, files = catalog_content(library), state(library.home.path)
    told = collect_garbage(home=library.home.path, dry_run=True)
    assert (told.gone, told.vectors, told.caches, told.leftovers) == (1, 1, 1, 1)
    assert catalog_content(library) == content
    assert state(library.home.path) == files
    assert collect_garbage(home=library.home.path) == told
    assert EmbeddedChroma(library.home).leftovers() == []
    assert len(caches(library)) == 5
    assert not list(library.home.path.rglob("*.partial"))
    assert_chroma_is_the_catalogs(library)


def make(path: Path) -> Path:
    """A file with something in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"something")
    return path


def test_caches_that_nothing_uses_are_removed_only_when_they_are_old(library: Library) -> None:
    used = caches(library)
    place = cache_of(library)
    for name, days in (("a" * 32, 31.0), ("b" * 32, 29.0)):
        age(make(place.path(name)), days)
        age(make(library.home.cache / "of another encoder" / name[:2] / f"{name}.npz"), days)
    same_audio = library.home.cache / "of another encoder" / "12" / f"{min(used)}.npz"
    age(make(same_audio), 31)
    for digest in used:
        age(place.path(digest), 31)
    assert collect_garbage(home=library.home.path) == Collected(caches=3, bytes=27)
    assert caches(library) == used | {"b" * 32}
    assert not same_audio.parent.exists()
    assert collect_garbage(home=library.home.path, age=0).caches == 2
    assert caches(library) == used
    assert counts(library.index()) == {"found": 7, "unchanged": 7}


def test_a_home_that_was_moved_keeps_its_caches(library: Library, tmp_path: Path) -> None:
    for path in library.home.cache.rglob("*.npz"):
        age(path, 31)
    moved = Library(tmp_path / "moved home")
    library.home.path.rename(moved.home.path)
    (tmp_path / "link").symlink_to(moved.home.path)
    for home in (moved.home.path, tmp_path / "link"):
        assert collect_garbage(home=home).caches == 0
    assert len(caches(moved)) == 6


def test_caches_outside_the_home_are_left_alone(library: Library, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    library.home.cache.rename(shared)
    with Catalog(library.home.catalog) as catalog:
        catalog.settings.set_configuration(replace(configuration_of(library), cache=shared))
    age(make(shared / "of another home" / "12" / "3.npz"), 31)
    lose(library, 0, days=31)
    files = state(shared)
    told = collect_garbage(home=library.home.path)
    assert (told.gone, told.vectors, told.caches, told.left_alone) == (1, 1, 0, shared)
    assert state(shared) == files


def test_what_a_killed_run_was_writing_is_removed_after_a_day(library: Library) -> None:
    old = make(cache_of(library).folder / "12" / ".old.partial")
    young = make(library.home.path / ".young.partial")
    age(old, 1.1)
    age(young, 0.9)
    assert collect_garbage(home=library.home.path) == Collected(leftovers=1, bytes=9)
    assert (old.exists(), young.exists()) == (False, True)


@pytest.mark.slow
def test_a_rebuild_that_is_not_complete_keeps_its_caches(library: Library) -> None:
    library.encoder = FakeEncoder(weights="others")
    assert library.index(rebuild=True, max_hours=0.0).left == 7
    of_the_rebuild = make(library.home.cache / library.encoder.spec.fingerprint / "12" / "3.npz")
    age(of_the_rebuild, 31)
    assert collect_garbage(home=library.home.path) == Collected()
    assert of_the_rebuild.exists()
    assert counts(library.index(rebuild=True)) == {"found": 7, "indexed": 6, "reused": 1}
    assert configuration_of(library).spec.weights == "others"
    assert len(caches(library)) == 7
    assert (
        collect_garbage(home=library.home.path, age=0).caches == 7
    )  # of the old encoder, and the one made here
    assert counts(library.index()) == {"found": 7, "unchanged": 7}


def test_a_rebuild_that_is_not_complete_forgets_and_follows_too(library: Library, tmp_path: Path) -> None:
    music, new = music_of(library), tmp_path / "new"
    (music / "high").rename(tmp_path / "away")
    library.encoder = FakeEncoder(weights="others")
    assert library.index(rebuild=True).needs_a_look
    (tmp_path / "away").rename(music / "high")
    assert forget([track(library, 0)], home=library.home.path) == 1
    track(library, 0).unlink()
    music.rename(new)
    assert relocate(music, new, home=library.home.path) == 6
    assert counts(library.index(rebuild=True)) == {"found": 6, "indexed": 3, "reused": 1, "unchanged": 2}
    assert known_paths(library) == set(new.rglob("*.wav"))
    with library.catalog() as catalog:
        assert catalog.settings.roots() == [os.fsencode(new)]


def test_times_in_the_future_are_not_old(library: Library) -> None:
    lose(library, 0, days=-31)
    unused = make(library.home.cache / "of another encoder" / "12" / "3.npz")
    partial = make(library.home.cache / ".later.partial")
    for path in (unused, partial):
        age(path, -31)
    files = state(library.home.cache)
    assert collect_garbage(home=library.home.path, age=0) == Collected()
    assert state(library.home.cache) == files
    assert track(library, 0) in known_paths(library)


def test_queries_are_answered_while_garbage_is_collected(library: Library) -> None:
    lose(library, 0, days=31)
    a_run_ended_in_a_burst(library)  # so that Chroma is checked too
    answers: list[set[str]] = []

    def ask() -> None:
        for _ in range(3):
            result = find_similar(
                track(library, 3),
                count=3,
                home=library.home.path,
                ranking=RankingOptions(show_duplicates=True),
                encoder=FakeEncoder(),
            )
            answers.append({os.path.basename(os.fsdecode(match.track.path)) for match in result.matches})

    asking = threading.Thread(target=ask)
    asking.start()
    while asking.is_alive():
        collect_garbage(home=library.home.path, age=DAY)
    asking.join()
    assert answers == [{"4.wav", "5.wav", "copy of 5.wav"}] * 3
    assert track(library, 0) not in known_paths(library)
    assert_chroma_is_the_catalogs(library)


def test_a_reader_that_keeps_chroma_costs_no_more_than_another_run(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audiosim.store.LOCK_WAIT", 0.1)
    with hold(library.home.store_lock, wait=0, what="testing"), pytest.raises(HomeError, match="is in use"):
        forget([track(library, 0)], home=library.home.path)
    assert "0.wav" not in library.similar(track(library, 1), count=9)
    collect_garbage(home=library.home.path)
    assert_chroma_is_the_catalogs(library)


@pytest.mark.parametrize(("what", "count"), [("low/0.wav", 1), ("high", 4), (".", 7)])
def test_what_is_forgotten_leaves_answers_and_chroma_and_returns_without_computing(
    library: Library, what: str, count: int
) -> None:
    before, music = vectors(library), music_of(library)
    assert forget([music / what], home=library.home.path) == count
    gone = {music / what} if what.endswith(".wav") else set((music / what).rglob("*.wav"))
    assert known_paths(library) == set(music.rglob("*.wav")) - gone
    assert library.stored() == set(vectors(library))
    assert len(library.stored()) == 7 - count
    if count < 7:
        assert len(library.similar(track(library, 1), count=9)) == 7 - count - 1
        assert counts(library.index()) == {"found": 7 - count, "unchanged": 7 - count}
    else:
        with pytest.raises(UsageError, match="Nothing to index"):
            library.index()
    assert counts(library.index(music / what)) == {"found": count, "reused": count}
    assert library.encoder.windows == 0
    assert vectors(library) == before
    assert_chroma_is_the_catalogs(library)


def test_failed_and_gone_files_are_forgotten_too(library: Library) -> None:
    track(library, 0).write_bytes(b"no music at all" * 100)
    track(library, 1).unlink()
    library.index()
    assert forget([music_of(library) / "low"], home=library.home.path) == 3
    report = library.index(music_of(library) / "low")
    assert counts(report) == {"found": 2, "reused": 1, "failed": 1}


def test_forgetting_what_is_not_known_is_refused_and_changes_nothing(library: Library) -> None:
    before = catalog_content(library)
    for path in ("lo", "low/0", "low/0.wav/x", "../elsewhere"):
        with pytest.raises(UsageError, match="Nothing is known of"):
            forget([track(library, 1), music_of(library) / path], home=library.home.path)
    assert catalog_content(library) == before


def test_a_root_without_files_can_be_forgotten(library: Library, tmp_path: Path) -> None:
    with Catalog(library.home.catalog) as catalog:
        catalog.settings.set_roots([*catalog.settings.roots(), os.fsencode(tmp_path)])
    assert forget([tmp_path], home=library.home.path) == 0
    with library.catalog() as catalog:
        assert catalog.settings.roots() == [os.fsencode(music_of(library))]


def test_a_library_that_moved_is_followed_and_no_file_is_opened(library: Library, tmp_path: Path) -> None:
    music, new = music_of(library), tmp_path / "new"
    before = sorted(vectors(library).values())
    music.rename(new)
    assert relocate(music, new, home=library.home.path) == 7
    assert known_paths(library) == set(new.rglob("*.wav"))
    assert sorted(vectors(library).values()) == before
    assert_chroma_is_the_catalogs(library)
    assert set(library.similar(new / "low" / "0.wav", count=2)) == {"1.wav", "2.wav"}
    for path in new.rglob("*.wav"):  # who opened one would find no music
        status = path.stat()
        path.write_bytes(bytes(status.st_size))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert counts(library.index()) == {"found": 7, "unchanged": 7}
    with library.catalog() as catalog:
        assert catalog.settings.roots() == [os.fsencode(new)]


@pytest.mark.parametrize("inside", [True, False])
def test_a_part_of_a_library_can_move(library: Library, tmp_path: Path, inside: bool) -> None:
    music = music_of(library)
    new = (music if inside else tmp_path) / "deep" / "down"
    new.parent.mkdir()
    (music / "low").rename(new)
    assert relocate(music / "low", new, home=library.home.path) == 3
    assert counts(library.index()) == {"found": 7, "unchanged": 7}
    with library.catalog() as catalog:
        roots = catalog.settings.roots()
    assert roots == sorted({os.fsencode(music)} if inside else {os.fsencode(music), os.fsencode(new)})
    assert_chroma_is_the_catalogs(library)


def test_files_that_were_gone_before_are_not_counted_at_the_new_place(
    library: Library, tmp_path: Path, cli: Cli
) -> None:
    music = music_of(library)
    track(library, 0).unlink()
    library.index()
    music.rename(tmp_path / "elsewhere")
    done = cli("relocate", music, tmp_path / "elsewhere", "--home", library.home.path)
    assert (done.code, done.out) == (0, "6 files are known at the new place.\n"), done.err


def test_what_is_known_at_the_new_place_stays_as_it_is(library: Library, tmp_path: Path) -> None:
    music, new = music_of(library), tmp_path / "new"
    (new / "low").mkdir(parents=True)
    soundfile.write(new / "low" / "0.wav", tone(3, 300), SAMPLE_RATE)
    library.index(new)
    with library.catalog() as catalog:
        kept = catalog.files.get(os.fsencode(new / "low" / "0.wav"))
    for path in [*music.rglob("*.wav")]:
        target = new / path.relative_to(music)
        target.parent.mkdir(exist_ok=True)
        if not target.exists():
            path.rename(target)
    shutil.rmtree(music)
    assert relocate(music, new, home=library.home.path) == 7
    with library.catalog() as catalog:
        assert catalog.files.get(os.fsencode(new / "low" / "0.wav")) == kept
    assert counts(library.index()) == {"found": 7, "unchanged": 7}
    assert_chroma_is_the_catalogs(library)


def test_names_that_are_not_utf8_and_failed_and_gone_files_move_too(library: Library, tmp_path: Path) -> None:
    music, new = music_of(library), Path(os.fsdecode(os.fsencode(tmp_path) + b"/n\xebu"))
    odd = os.fsencode(music) + b"/caf\xe9.wav"
    os.rename(track(library, 0), odd)
    bad, lost = track(library, 1), track(library, 2)
    bad.write_bytes(b"no music at all" * 100)
    lost.rename(tmp_path / "away.wav")
    library.index()
    music.rename(new)
    assert relocate(music, new, home=library.home.path) == 6
    with library.catalog() as catalog:
        rows = {
            row.path[len(os.fsencode(new)) + 1 :]: row.state for row in catalog.files.all(os.fsencode(new))
        }
        assert len(list(catalog.files.all())) == 7
    assert rows[b"caf\xe9.wav"] == "indexed"
    assert (rows[b"low/1.wav"], rows[b"low/2.wav"]) == ("failed", "gone")
    (tmp_path / "away.wav").rename(new / "low" / "2.wav")
    assert counts(library.index()) == {"found": 7, "reused": 1, "unchanged": 5, "failed_before": 1}
    assert library.encoder.windows == 0
    assert_chroma_is_the_catalogs(library)


def test_a_move_that_makes_no_sense_is_refused_and_changes_nothing(library: Library, tmp_path: Path) -> None:
    music = music_of(library)
    (tmp_path / "new").mkdir()
    before = catalog_content(library)
    for old, new, reason in (
        (tmp_path / "never", tmp_path / "new", "Nothing is known of"),
        (music / "lo", tmp_path / "new", "Nothing is known of"),
        (music, tmp_path / "typo", "No such file or folder"),
        (music, music / "low", "One of the two places lies in the other"),
        (music / "low", music, "One of the two places lies in the other"),
        (music, music, "One of the two places lies in the other"),
    ):
        with pytest.raises(UsageError, match=reason):
            relocate(old, new, home=library.home.path)
    assert catalog_content(library) == before


def test_a_place_without_the_files_is_refused_and_one_without_some_is_told_of(
    library: Library, cli: Cli, tmp_path: Path
) -> None:
    music, here = music_of(library), ("--home", library.home.path)
    before = catalog_content(library)
    (tmp_path / "Downloads" / "low" / "0.wav").mkdir(parents=True)  # a folder is no file
    for place in ("Downloads", "Downloads/low"):
        refused = cli("relocate", music, place, *here)
        assert (refused.code, refused.out) == (2, "")
        assert "0 of 7 files are there" in refused.err
        assert "mount" in refused.err
    refused = cli("relocate", track(library, 0), tmp_path / "Downloads", *here)
    assert (refused.code, "0 of 1 file is there" in refused.err) == (2, True)
    assert catalog_content(library) == before

    music.rename(tmp_path / "new")
    (tmp_path / "new" / "low" / "0.wav").rename(tmp_path / "away.wav")
    moved = cli("relocate", music, "new", *here)
    assert (moved.code, moved.out) == (0, "7 files are known at the new place.\n")
    assert f"warning: 6 of 7 files are there; 1 file is missing: {tmp_path}/new/low/0.wav." in moved.err
    library.index()
    (tmp_path / "new").rename(music)
    again = cli("relocate", "new", music, *here)
    assert (again.code, again.err) == (0, "")  # what is gone is not looked for


def test_a_folder_whose_name_begins_alike_does_not_move(library: Library, tmp_path: Path) -> None:
    music = music_of(library)
    (music / "high").rename(music / "lower")
    library.index()
    (music / "low").rename(tmp_path / "new")
    assert relocate(music / "low", tmp_path / "new", home=library.home.path) == 3
    assert known_paths(library) == {*music.rglob("*.wav"), *(tmp_path / "new").rglob("*.wav")}


def test_there_must_be_an_index(tmp_path: Path) -> None:
    for work in (
        lambda: collect_garbage(home=tmp_path),
        lambda: forget([tmp_path], home=tmp_path),
        lambda: relocate(tmp_path / "a", __file__, home=tmp_path),
    ):
        with pytest.raises(HomeError, match="There is no index"):
            work()


@pytest.mark.slow
def test_the_commands_say_what_they_did(library: Library, cli: Cli, tmp_path: Path) -> None:
    home = ("--home", library.home.path)
    lose(library, 0, days=31)
    told = cli("gc", "--dry-run", *home)
    assert (told.code, told.err) == (0, "")
    assert told.out.startswith(
        "Would forget 1 file that is gone and 1 vector; would remove 1 cache and 0 unfinished files, "
    )
    done = cli("gc", "--older-than", "4w", "--json", *home)
    assert (done.code, done.err) == (0, "")
    assert {**done.json, "bytes": 0} == {
        "gone": 1, "vectors": 1, "caches": 1, "leftovers": 0, "bytes": 0, "left_alone": None,
        "spaces": {},
    }  # fmt: skip
    wrong = cli("gc", "--older-than", "soon", *home)
    assert (wrong.code, wrong.out) == (2, "")
    assert "Give a number and s, m, h, d or w: 30d." in wrong.err

    forgot = cli("forget", "low", *home, cwd=music_of(library))
    assert (forgot.code, forgot.err) == (0, "")
    assert forgot.out.startswith("Forgot 2 files.")
    assert cli("forget", "low", *home, cwd=music_of(library)).code == 2

    music_of(library).rename(tmp_path / "new")
    moved = cli("relocate", music_of(library), "new", *home)
    assert (moved.code, moved.out, moved.err) == (0, "4 files are known at the new place.\n", "")
    for arguments in ((music_of(library), "new"), ("new", "typo"), ("new", "new/high")):
        assert cli("relocate", *arguments, *home).code == 2
    assert counts(library.index()) == {"found": 4, "unchanged": 4}
    assert counts(library.index(tmp_path / "new" / "low")) == {"found": 2, "reused": 2}


def test_commands_that_write_give_way_to_another_run_or_wait_for_it(
    library: Library, cli: Cli, cli_process: Cli
) -> None:
    home, before = ("--home", library.home.path), catalog_content(library)
    moved = shutil.copy(track(library, 0), music_of(library).with_name("moved.wav"))
    commands = (("gc",), ("forget", track(library, 0)), ("relocate", track(library, 0), moved))
    with hold(library.home.index_lock, wait=0, what="testing"):
        for command in commands:
            refused = cli(*command, *home)
            assert (refused.code, refused.out) == (4, "")
            assert "Another audiosim is indexing this home" in refused.err
        with pytest.raises(LockedError):
            collect_garbage(home=library.home.path, wait=0.01)
        assert catalog_content(library) == before
        codes: list[int] = []
        waiting = threading.Thread(target=lambda: codes.append(cli_process("gc", "--wait", 300, *home).code))
        waiting.start()
        waiting.join(timeout=2)
        assert waiting.is_alive()
    waiting.join()
    assert codes == [0]
