from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosim.core.paths import contains, identity, outermost
from audiosim.library.scan import Globs, Scan, scan

AS_ROOT = pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")


def touch(folder: Path, *names: str | bytes) -> None:
    """Files of one byte, with the folders they lie in."""
    for name in names:
        path = os.path.join(bytes(folder), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(b"x")


def walk(folder: Path, globs: Globs | None = None) -> Scan:
    return scan(bytes(folder), globs)


def found(result: Scan) -> list[bytes]:
    """The files found, relative to the root."""
    return [os.path.relpath(file.path, result.root) for file in result.files]


def test_audio_files_of_all_folders_are_found_in_order_of_their_bytes(tmp_path: Path) -> None:
    touch(tmp_path, "b.mp3", "a/z.flac", "a/b/c.OGG", "B.wav", ".hidden/x.opus", "a.m4a")
    assert found(walk(tmp_path)) == [
        b".hidden/x.opus",
        b"B.wav",
        b"a.m4a",
        b"a/b/c.OGG",
        b"a/z.flac",
        b"b.mp3",
    ]


def test_a_found_file_has_its_size_and_time(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"12345")
    os.utime(tmp_path / "a.mp3", ns=(1, 1_234_567_890_123_456_789))
    (file,) = walk(tmp_path).files
    assert (file.path, file.size) == (bytes(tmp_path / "a.mp3"), 5)
    assert file.mtime_ns == (tmp_path / "a.mp3").stat().st_mtime_ns


def test_files_that_are_no_audio_are_passed_over(tmp_path: Path) -> None:
    touch(
        tmp_path, "cover.jpg", "notes.txt", "mp3", ".mp3", "song.mp3.part", "list.m3u8", "song.mp3~", "noext"
    )
    result = walk(tmp_path)
    assert (result.files, result.problems, result.unlisted) == ([], [], [])


MACHINE_FOLDERS = [
    *("@Recycle", "@Recently-Snapshot", "@Transcode", ".@__thumb", "@__thumb", ".@upload_cache", ".streams"),
    *("@eaDir", "@EADIR", "#recycle", "#snapshot", "@tmp", "@sharebin", ".qsync"),
    *(".recycle", ".Recycle.Bin", ".deleted", "@GMT-2024.01.31-02.00.00", "files_trashbin", "files_versions"),
    *(".snapshot", "~snapshot", ".snapshots", ".zfs", ".snap", ".stversions", ".stfolder"),
    *(".sync", ".SyncArchive", ".dropbox.cache", ".tmp.drivedownload", ".debris"),
    *(".Trash", ".Trash-1000", ".Trashes", ".fseventsd", ".Spotlight-V100", ".TemporaryItems", "__MACOSX"),
    *(".DocumentRevisions-V100", ".AppleDouble", "Network Trash Folder", "$RECYCLE.BIN", "FOUND.000"),
    *("RECYCLER/S-1-5-21-507921405-1214440339-1343024091-1003", "System Volume Information"),
    *("lost+found", ".thumbnails", ".git"),
]


@pytest.mark.parametrize("folder", MACHINE_FOLDERS)
def test_folders_that_machines_make_are_left_out_wherever_they_are(tmp_path: Path, folder: str) -> None:
    touch(tmp_path, f"{folder}/a.mp3", f"deep/{folder}/below/a.mp3", "deep/b.mp3")
    assert found(walk(tmp_path)) == [b"deep/b.mp3"]
    assert Globs().passes(bytes(tmp_path / folder / "below" / "a.mp3"), bytes(tmp_path))


@pytest.mark.parametrize(
    "folder",
    [
        *("Trash", "Recycler", "Recycled", "Recycle Bin", "Versions", "Snapshot", "Snapshots", "Thumbnails"),
        *(
            "@",
            "@Home",
            "#1s",
            "Found",
            "S-1",
            "Sync",
            "Deleted",
            "Temp",
            "...And Justice for All",
            ".hidden",
        ),
    ],
)
def test_folders_that_an_album_may_be_called_are_walked(tmp_path: Path, folder: str) -> None:
    touch(tmp_path, f"{folder}/a.mp3")
    assert found(walk(tmp_path)) == [os.fsencode(f"{folder}/a.mp3")]
    assert not Globs().passes(bytes(tmp_path / folder / "a.mp3"), bytes(tmp_path))


@pytest.mark.parametrize("folder", [".Trash", "@eaDir/below", ".stversions/Album"])
def test_a_root_is_never_left_out_for_its_own_path(tmp_path: Path, folder: str) -> None:
    touch(tmp_path, f"{folder}/a.mp3", f"{folder}/@Recycle/b.mp3")
    root = tmp_path / folder
    assert found(walk(root)) == [b"a.mp3"]
    assert not Globs().passes(bytes(root / "a.mp3"), bytes(root))
    assert Globs().outermost([bytes(tmp_path), bytes(root)]) == [bytes(tmp_path), bytes(root)]
    assert Globs().outermost([bytes(root), bytes(root / "deep")]) == [bytes(root)]


@pytest.mark.parametrize(
    ("exclude", "apart"), [(["b/*"], True), (["*.mp3"], False), (["*"], True), ([], False)]
)
def test_a_root_that_a_pattern_leaves_out_of_another_is_one_of_its_own(
    exclude: list[str], apart: bool
) -> None:
    roots = [b"/m", b"/m/b"]
    assert Globs(exclude=exclude).outermost(roots) == (roots if apart else roots[:1])


def test_a_file_that_a_walk_would_not_see_is_a_root_of_its_own(tmp_path: Path) -> None:
    touch(tmp_path, "a.unusual", "b.mp3")
    roots = [bytes(tmp_path), bytes(tmp_path / "a.unusual"), bytes(tmp_path / "b.mp3")]
    assert Globs().outermost(roots) == roots[:2]
    assert Globs(exclude=["*.mp3"]).outermost(roots) == roots


@pytest.mark.parametrize("name", [".trashed-1699999999-song.mp3", ".pending-1699999999-song.mp3"])
def test_files_in_the_bin_of_android_are_passed_over(tmp_path: Path, name: str) -> None:
    touch(tmp_path, name, ".trashed song.mp3", ".snapshot.mp3")
    assert found(walk(tmp_path)) == [b".snapshot.mp3", b".trashed song.mp3"]
    assert not Globs().passes(bytes(tmp_path / ".snapshot.mp3"), bytes(tmp_path))


def test_the_other_halves_that_macos_leaves_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "._song.mp3", "song.mp3", "_song.mp3")
    assert found(walk(tmp_path)) == [b"_song.mp3", b"song.mp3"]


def test_linked_files_are_followed_and_keep_the_links_name(tmp_path: Path) -> None:
    touch(tmp_path, "store/x.bin", "music/own.mp3")
    (tmp_path / "store/x.bin").write_bytes(b"123")
    (tmp_path / "music/link.mp3").symlink_to("../store/x.bin")
    result = walk(tmp_path / "music")
    assert found(result) == [b"link.mp3", b"own.mp3"]
    assert result.files[0].size == 3


def test_linked_folders_are_not_followed(tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere/a.mp3", "music/b.mp3")
    (tmp_path / "music/more").symlink_to("../elsewhere")
    (tmp_path / "music/folder.mp3").symlink_to("../elsewhere")
    (tmp_path / "music/up").symlink_to("..")
    result = walk(tmp_path / "music")
    assert found(result) == [b"b.mp3"]
    assert result.problems == []


def test_a_linked_folder_given_as_the_root_is_walked_under_its_own_name(tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere/a.mp3")
    (tmp_path / "link").symlink_to("elsewhere")
    (file,) = walk(tmp_path / "link").files
    assert file.path == bytes(tmp_path / "link/a.mp3")


def test_links_that_lead_nowhere_or_in_a_loop_are_reported(tmp_path: Path) -> None:
    touch(tmp_path, "good.mp3")
    (tmp_path / "dangling.mp3").symlink_to("nothing.mp3")
    (tmp_path / "loop.mp3").symlink_to("loop.mp3")
    (tmp_path / "pass over").symlink_to("nothing")
    result = walk(tmp_path)
    assert found(result) == [b"good.mp3"]
    assert result.problems == [
        (bytes(tmp_path / "dangling.mp3"), "a link that leads nowhere"),
        (bytes(tmp_path / "loop.mp3"), "a link that leads nowhere"),
    ]


def test_a_fifo_is_reported(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    result = walk(tmp_path)
    assert result.files == []
    assert result.problems == [(bytes(tmp_path / "pipe.wav"), "not a regular file")]


def test_a_folder_with_an_audio_files_name_is_walked(tmp_path: Path) -> None:
    touch(tmp_path, "album.mp3/song.mp3")
    result = walk(tmp_path)
    assert found(result) == [b"album.mp3/song.mp3"]
    assert result.problems == []


def test_names_keep_their_bytes_whatever_they_are(tmp_path: Path) -> None:
    names = [
        b"caf\xe9 \xff.mp3",
        b"two\nlines.mp3",
        "🎵 emoji 👩‍👩‍👧.mp3".encode(),
        b"-rf.mp3",
        b" spaces .mp3",
        b"[bold]markup[/].mp3",
        b"back\\slash.mp3",
        b"n" * 251 + b".mp3",
    ]
    for name in names:
        try:
            touch(tmp_path, name)
        except OSError:
            pytest.skip("this file system does not take such names")
    assert found(walk(tmp_path)) == sorted(names)


def test_names_that_differ_only_in_normalisation_are_two_files(tmp_path: Path) -> None:
    twins = [unicodedata.normalize(form, "é.mp3").encode() for form in ("NFC", "NFD")]
    touch(tmp_path, *twins)
    if len(os.listdir(tmp_path)) < 2:
        pytest.skip("this file system normalises names")
    assert sorted(found(walk(tmp_path))) == sorted(twins)


def test_folders_nest_deeper_than_python_recurses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    depth = 1500
    monkeypatch.chdir(tmp_path)
    for _ in range(depth):
        os.mkdir("d")
        os.chdir("d")
    Path("a.mp3").touch()
    try:
        assert found(walk(tmp_path)) == [b"d/" * depth + b"a.mp3"]
    finally:  # pytest would recurse to remove them
        os.unlink("a.mp3")
        for _ in range(depth):
            os.chdir("..")
            os.rmdir("d")


def test_a_single_file_is_a_root_of_its_own(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp3", "b.mp3", "c.unusual")
    assert [file.path for file in walk(tmp_path / "a.mp3").files] == [bytes(tmp_path / "a.mp3")]
    assert [file.path for file in walk(tmp_path / "c.unusual").files] == [bytes(tmp_path / "c.unusual")]


def test_a_root_that_is_not_there_is_not_present(tmp_path: Path) -> None:
    result = walk(tmp_path / "nothing")
    assert not result.present
    assert result.files == []
    assert walk(tmp_path).present


def test_an_empty_root_is_present(tmp_path: Path) -> None:
    result = walk(tmp_path)
    assert result.present
    assert (result.files, result.problems, result.unlisted, result.left_out) == ([], [], [], 0)


@AS_ROOT
def test_a_folder_that_may_not_be_read_is_reported_and_the_rest_is_found(tmp_path: Path) -> None:
    touch(tmp_path, "closed/a.mp3", "open/b.mp3")
    (tmp_path / "closed").chmod(0)
    try:
        result = walk(tmp_path)
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert found(result) == [b"open/b.mp3"]
    assert result.unlisted == [(bytes(tmp_path / "closed"), "folder not readable (Permission denied)")]


@AS_ROOT
def test_files_of_a_folder_that_may_be_listed_but_not_entered_are_reported(tmp_path: Path) -> None:
    touch(tmp_path, "closed/a.mp3")
    (tmp_path / "closed").chmod(0o400)
    try:
        result = walk(tmp_path)
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert result.files == []
    assert result.problems == [(bytes(tmp_path / "closed/a.mp3"), "not readable (Permission denied)")]


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (("*.flac",), (), [b"rock/b.flac"]),
        (("*.FLAC", "jazz/*"), (), [b"jazz/Deep/a.mp3", b"rock/b.flac"]),
        ((), ("jazz/*",), [b"c.mp3", b"rock/b.flac"]),
        (("*.mp3",), ("c.*",), [b"jazz/Deep/a.mp3"]),
        (("jazz",), (), [b"jazz/Deep/a.mp3"]),
        (("Jazz/",), (), [b"jazz/Deep/a.mp3"]),
        (("deep", "c.*"), (), [b"c.mp3", b"jazz/Deep/a.mp3"]),
        (("**/jazz/**",), (), [b"jazz/Deep/a.mp3"]),
        (("**/deep",), ("jazz",), []),
        (("jaz", "*/rock/*"), (), []),
        ((), ("**/jazz/**", "rock/"), [b"c.mp3"]),
        (("*/deep/*",), (), [b"jazz/Deep/a.mp3"]),
        (("[bc].*",), (), [b"c.mp3", b"rock/b.flac"]),
        ((), ("*",), []),
        ((), ("jazz",), [b"c.mp3", b"rock/b.flac"]),
        ((), ("Deep", "c"), [b"c.mp3", b"rock/b.flac"]),
        ((), ("jaz",), [b"c.mp3", b"jazz/Deep/a.mp3", b"rock/b.flac"]),
        ((), (), [b"c.mp3", b"jazz/Deep/a.mp3", b"rock/b.flac"]),
    ],
)
def test_globs_choose_by_relative_path_or_name_whatever_the_case(
    tmp_path: Path, include: tuple[str, ...], exclude: tuple[str, ...], expected: list[bytes]
) -> None:
    touch(tmp_path, "jazz/Deep/a.mp3", "rock/b.flac", "c.mp3")
    result = walk(tmp_path, Globs(include, exclude))
    assert found(result) == expected
    assert result.left_out == 3 - len(expected)


def test_a_glob_that_begins_with_a_slash_is_over_whole_paths(tmp_path: Path) -> None:
    touch(tmp_path, "jazz/Deep/a.mp3", "rock/b.flac")
    for pattern in (f"{tmp_path}/jazz", f"{tmp_path}/JAZZ/*"):
        assert found(walk(tmp_path, Globs(exclude=[pattern]))) == [b"rock/b.flac"]
        assert Globs(exclude=[pattern]).passes(bytes(tmp_path / "jazz/gone.mp3"), bytes(tmp_path))
    assert found(walk(tmp_path, Globs(include=[f"{tmp_path}/jazz/*"]))) == [b"jazz/Deep/a.mp3"]
    assert len(walk(tmp_path, Globs(exclude=[str(tmp_path), str(tmp_path.parent)])).files) == 2
    assert len(walk(tmp_path, Globs(exclude=["/jazz/*"])).files) == 2


def test_globs_choose_a_root_that_is_a_file_by_its_name(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp3")
    assert len(walk(tmp_path / "a.mp3", Globs(include=["a.*"])).files) == 1
    assert len(walk(tmp_path / "a.mp3", Globs(exclude=["*.mp3"])).files) == 1  # a root is never left out
    forgotten = Globs(forgotten={bytes(tmp_path / "a.mp3")})
    assert (walk(tmp_path, forgotten).files, walk(tmp_path, forgotten).left_out) == ([], 1)
    assert len(walk(tmp_path / "a.mp3", forgotten).files) == 1


def test_globs_match_names_with_newlines_and_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    root = bytes(tmp_path)
    assert Globs(include=["*two*"]).admit(root + b"/two\nlines.mp3", root)
    assert Globs(include=["caf*.mp3"]).admit(root + b"/caf\xe9.mp3", root)
    assert not Globs(exclude=["*.mp3"]).admit(root + b"/caf\xe9\n.mp3", root)


def test_what_globs_leave_out_is_no_problem(tmp_path: Path) -> None:
    (tmp_path / "dangling.mp3").symlink_to("nothing")
    assert walk(tmp_path, Globs(exclude=["*.mp3"])).problems == []


def test_an_identity_is_absolute_and_otherwise_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    base = bytes(tmp_path)
    assert identity("a.mp3") == base + b"/a.mp3"
    assert identity(Path("link/a.mp3")) == base + b"/link/a.mp3"
    assert identity("./x//y/../a.mp3") == base + b"/x/a.mp3"
    assert identity(b"caf\xe9") == base + b"/caf\xe9"
    assert identity("e\u0301") == base + b"/e\xcc\x81"


@pytest.mark.parametrize(
    ("root", "path", "inside"),
    [
        (b"/a", b"/a", True),
        (b"/a", b"/a/b", True),
        (b"/a/", b"/a/b", True),
        (b"/a", b"/ab", False),
        (b"/a/b", b"/a", False),
        (b"/", b"/a", True),
        (b"/", b"/", True),
        (b"/a", b"/A/b", False),
    ],
)
def test_a_root_contains_itself_and_what_lies_below(root: bytes, path: bytes, inside: bool) -> None:
    assert contains(root, path) is inside


def test_outermost_roots_lie_in_no_other() -> None:
    roots = [b"/m/a/b", b"/m/a", b"/m/ab", b"/m/a", b"/n", b"/m/a-b/c", b"/n/x.mp3"]
    assert outermost(roots) == [b"/m/a", b"/m/a-b/c", b"/m/ab", b"/n"]
    assert outermost([b"/x", b"/"]) == [b"/"]
    assert outermost([]) == []


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.lists(st.sampled_from([b"a", b"b", b"a-", b"a!"]), min_size=1, max_size=4), max_size=8))
def test_every_root_lies_in_exactly_one_outermost_root(parts: list[list[bytes]]) -> None:
    roots = [b"/" + b"/".join(names) for names in parts]
    kept = outermost(roots)
    assert set(kept) <= set(roots)
    for root in roots:
        assert sum(contains(outer, root) for outer in kept) == 1


def test_a_folder_link_given_inside_another_root_is_a_root_of_its_own(tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere/a.mp3", "music/b.mp3", "music/sub/c.mp3")
    (tmp_path / "music" / "link").symlink_to(tmp_path / "elsewhere")
    music, link, sub = (bytes(tmp_path / "music" / name) for name in ("", "link", "sub"))
    assert outermost([music.rstrip(b"/"), link, sub]) == [music.rstrip(b"/"), link]
