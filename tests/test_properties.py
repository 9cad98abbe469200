"""What holds for any input of the pure stages; framing, poolings and caches have theirs beside them."""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from audiosim.core.paths import contains, identity
from audiosim.core.types import AudioInfo, FrameEmbeddings, Pooling, TrackVector
from audiosim.encoders.pooling import POOLINGS, pool
from audiosim.indexing.plan import Plan, plan
from audiosim.library.catalog import DROPPED, Catalog, FileRow, path_id
from audiosim.library.scan import FoundFile, Globs, Scan

pytestmark = pytest.mark.slow

ROOT = b"/m"
PATHS = [
    b"/m/%s%s" % (folder, name) for folder in (b"", b"a/", b"a/b/", b"ab/") for name in (b"x.mp3", b"y.ogg")
]
FOLDERS = [b"/m", b"/m/a", b"/m/a/b", b"/m/ab"]
NEVER_OPENED = (-1, -1)  # size and time of what could not even be looked at

path_bytes = st.binary(min_size=1, max_size=40).filter(lambda path: b"\0" not in path)
stamps = st.sampled_from([(1, 1), (1, 2), (2, 1)])  # size and time: few, so that files come back as they were


@dataclass(frozen=True)
class World:
    """What lies below a root, and what the catalog says of it."""

    scan: Scan
    rows: list[FileRow]

    @property
    def unlisted(self) -> list[bytes]:
        return [folder for folder, _ in self.scan.unlisted]


@st.composite
def rows(draw: st.DrawFn, path: bytes) -> FileRow:
    """A row as an index run leaves it."""
    size, mtime_ns = draw(stamps)
    return draw(
        st.sampled_from(
            [
                FileRow(path, "indexed", size, mtime_ns, "d", None),
                FileRow(path, "failed", size, mtime_ns, "d", "silent"),
                FileRow(path, "failed", size, mtime_ns, None, "damaged"),
                FileRow(path, "failed", *NEVER_OPENED, None, "not a regular file"),
                FileRow(path, "failed", *NEVER_OPENED, None, "it changed while it was read"),
                FileRow(path, "gone", size, mtime_ns, "d", None),
                FileRow(path, "gone", size, mtime_ns, "d", DROPPED),
                FileRow(path, "gone", size, mtime_ns, None, "damaged"),
            ]
        )
    )


@st.composite
def worlds(draw: st.DrawFn, excluded: tuple[str, ...] = ()) -> World:
    globs = Globs(exclude=excluded)
    unlisted = draw(st.sets(st.sampled_from(FOLDERS[1:]), max_size=1))
    scan = Scan(ROOT, globs=globs, unlisted=[(folder, "folder not readable") for folder in sorted(unlisted)])
    for path in PATHS:
        if not globs.admit(path, ROOT) or any(contains(folder, path) for folder in unlisted):
            continue
        kind = draw(st.sampled_from(["file", "problem", "absent"]))
        if kind == "file":
            scan.files.append(FoundFile(path, *draw(stamps)))
        elif kind == "problem":
            reason = draw(st.sampled_from(["not a regular file", "a link that leads nowhere"]))
            scan.problems.append((path, reason))
    known = draw(st.sets(st.sampled_from(PATHS + FOLDERS)))
    return World(scan, [draw(rows(path)) for path in sorted(known)])


def found_paths(scan: Scan) -> list[bytes]:
    return [file.path for file in scan.files] + [path for path, _ in scan.problems + scan.unlisted]


def placed(result: Plan) -> Counter[bytes]:
    """How often each path found is in one of the lists that say what becomes of it."""
    return Counter(
        [file.path for file in result.process]
        + result.unchanged
        + result.returned
        + result.failed_before
        + [path for path, _ in result.problems]
    )


@settings(deadline=None)
@given(worlds(), st.booleans())
def test_all_that_is_found_ends_in_exactly_one_list(world: World, retry_failed: bool) -> None:
    result = plan(world.scan, world.rows, retry_failed=retry_failed)
    assert placed(result) == Counter(found_paths(world.scan))
    assert set(result.failed_again) <= set(result.failed_before)


@settings(deadline=None)
@given(worlds(excluded=("*.ogg",)))
def test_every_row_that_is_not_found_is_missing_or_settled_or_left_alone(world: World) -> None:
    result = plan(world.scan, world.rows)
    lost = {row.path: row for row in world.rows if row.path not in found_paths(world.scan)}
    missing, settled = {row.path for row in result.missing}, set(result.settled)
    assert missing | settled <= set(lost)
    assert not missing & settled
    for path in set(lost) - missing - settled:
        row = lost[path]
        hidden = any(contains(folder, path) for folder in world.unlisted)
        assert row.state == "gone" or hidden or not world.scan.globs.admit(path, ROOT)


@settings(deadline=None)
@given(worlds())
def test_nothing_below_a_folder_that_could_not_be_listed_is_missing(world: World) -> None:
    for row in plan(world.scan, world.rows).missing:
        assert not any(contains(folder, row.path) for folder in world.unlisted)


@settings(deadline=None)
@given(worlds(excluded=("*.ogg",)))
def test_nothing_that_globs_leave_out_is_touched(world: World) -> None:
    result = plan(world.scan, world.rows)
    touched = placed(result).keys() | {row.path for row in result.missing}
    assert not any(path.endswith(b".ogg") for path in touched)


@settings(deadline=None)
@given(worlds(excluded=("*.ogg",)), st.booleans())
def test_what_never_could_be_opened_is_settled_only_where_the_run_looked(world: World, mounted: bool) -> None:
    scan = world.scan if mounted else Scan(ROOT, present=False)
    for path in plan(scan, world.rows).settled:
        assert scan.present
        hidden = any(contains(folder, path) for folder in world.unlisted)
        assert not hidden or scan.globs.excludes(path, ROOT)


@settings(deadline=None)
@given(worlds(), st.booleans())
def test_rows_that_stand_for_no_opened_file_do_not_count_as_known(world: World, retry_failed: bool) -> None:
    result = plan(world.scan, world.rows, retry_failed=retry_failed)
    counted = [row for row in world.rows if row.state != "gone" and row.size >= 0]
    assert result.known == len(counted)
    assert len(result.missing) <= result.known


@settings(deadline=None)
@given(worlds())
def test_asking_to_retry_moves_files_that_failed_and_nothing_else(world: World) -> None:
    usual, again = plan(world.scan, world.rows), plan(world.scan, world.rows, retry_failed=True)
    files = {file.path for file in world.scan.files}
    moved = {file.path for file in again.process} - {file.path for file in usual.process}
    assert moved == files & set(usual.failed_before)
    assert not files & set(again.failed_before)
    assert (again.unchanged, again.returned, again.missing) == (
        usual.unchanged,
        usual.returned,
        usual.missing,
    )


def carry_out(catalog: Catalog, result: Plan, unusable: Iterable[bytes]) -> None:
    """What an index run enters into the catalog for a plan; some files turn out to be unusable."""
    catalog.files.mark_returned(result.returned + result.failed_again)
    catalog.files.drop(result.settled)
    for path, reason in result.problems:
        catalog.files.record_failure(path, *NEVER_OPENED, reason)
    for file in result.process:
        info = AudioInfo(path_id(file.path), 1.0, 8000, 1, "flac", file.size, file.mtime_ns)
        if file.path in unusable:
            catalog.files.record_failure(file.path, file.size, file.mtime_ns, "silent", info)
        else:
            catalog.files.record(file.path, info, TrackVector(np.array([1, 0], np.float32), 1))
    catalog.files.mark_gone(row.path for row in result.missing)


@settings(deadline=None, max_examples=40)
@given(worlds(), worlds(), st.sets(st.sampled_from(PATHS)))
def test_after_a_plan_is_carried_out_there_is_nothing_left_to_do(
    before: World, between: World, unusable: set[bytes]
) -> None:
    history = [before, between, before]  # some files go, and some of these return as they were
    with tempfile.TemporaryDirectory() as folder, Catalog(Path(folder) / "catalog.db") as catalog:
        for world in history:
            carry_out(catalog, plan(world.scan, catalog.files.all(ROOT)), unusable)
            again = plan(world.scan, catalog.files.all(ROOT))
            files = {file.path for file in world.scan.files}
            problems = {path for path, _ in world.scan.problems + world.scan.unlisted}
            assert set(again.unchanged) == files - unusable
            assert set(again.failed_before) == (files & unusable) | problems
            assert again == Plan(
                world.scan,
                unchanged=again.unchanged,
                failed_before=again.failed_before,
                known=again.known,
            )
            states = {row.path: row.state for row in catalog.files.all(ROOT)}
            assert all(states[path] == "indexed" for path in files - unusable)
            assert all(states[path] == "failed" for path in (files & unusable) | problems)
            for path in states.keys() - files - problems:
                assert states[path] == "gone" or any(contains(folder, path) for folder in world.unlisted)


@settings(deadline=None)
@given(st.sets(path_bytes, min_size=2, max_size=50))
def test_ids_of_paths_are_ascii_and_no_two_paths_share_one(paths: set[bytes]) -> None:
    alike = {form for path in paths for form in (path, path.swapcase(), path + b"/", b" " + path)}
    ids = {path: path_id(path) for path in alike}
    assert len(set(ids.values())) == len(alike)
    assert all(re.fullmatch("[0-9a-f]{32}", id_) for id_ in ids.values())
    assert all(path_id(path) == id_ for path, id_ in ids.items())


def test_the_id_of_a_path_never_changes() -> None:
    assert path_id(b"/music/caf\xe9.mp3") == "8253e8701b922d1bc5255c462a374ce7"


@settings(deadline=None)
@given(st.sampled_from([b"", b"/", b"//", b"///"]), path_bytes)
def test_an_identity_is_absolute_and_its_own_identity(start: bytes, path: bytes) -> None:
    path = start + path
    known = identity(path)
    assert known.startswith(b"/")
    assert not known.startswith(b"//")
    assert identity(known) == identity(os.fsdecode(path)) == known


@settings(deadline=None)
@given(path_bytes, path_bytes)
def test_a_name_in_a_folder_has_an_identity_below_the_folders(folder: bytes, name: bytes) -> None:
    assume(b"/" not in name and name not in (b".", b".."))
    assert contains(identity(folder), identity(folder + b"/" + name))
    assert os.path.basename(identity(folder + b"/" + name)) == name


@settings(deadline=None)
@given(
    st.integers(2, 40),
    st.integers(0, 2**32 - 1),
    st.sampled_from(POOLINGS),
)
def test_the_order_of_windows_does_not_change_a_track(count: int, seed: int, pooling: Pooling) -> None:
    rng = np.random.default_rng(seed)
    embedding = (rng.random((count, 6)) + 0.1).astype(np.float16)
    level = rng.uniform(-90, 0, count).astype(np.float16)
    order = rng.permutation(count)
    times = np.arange(count, dtype=np.float64)
    straight = pool(FrameEmbeddings(embedding, times, level), pooling)
    shuffled = pool(FrameEmbeddings(embedding[order], times, level[order]), pooling)
    assert straight.windows == shuffled.windows
    np.testing.assert_allclose(straight.vector, shuffled.vector, atol=1e-5)
