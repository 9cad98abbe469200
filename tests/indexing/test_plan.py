from __future__ import annotations

from dataclasses import replace

import pytest

from audiosim.indexing.plan import CONVICTED, FEW, ON_TRIAL, Plan, doubt, keep_many, plan
from audiosim.library.catalog import PENDING, FileRow, FileState
from audiosim.library.scan import FoundFile, Globs, Scan

SIZE, TIME = 100, 5000


def row(path: bytes, state: FileState = "indexed", reason: str | None = None) -> FileRow:
    return FileRow(path, state, SIZE, TIME, "00" if state == "indexed" else None, reason)


def file(path: bytes, size: int = SIZE, mtime_ns: int = TIME) -> FoundFile:
    return FoundFile(path, size, mtime_ns)


def seen(*files: FoundFile) -> Scan:
    return Scan(b"/m", files=list(files))


def test_a_new_file_is_processed() -> None:
    assert plan(seen(file(b"/m/a")), []) == Plan(seen(file(b"/m/a")), process=[file(b"/m/a")])


def test_an_indexed_file_of_the_same_size_and_time_is_unchanged() -> None:
    assert plan(seen(file(b"/m/a")), [row(b"/m/a")]) == Plan(
        seen(file(b"/m/a")), unchanged=[b"/m/a"], known=1
    )


@pytest.mark.parametrize("changed", [file(b"/m/a", size=SIZE + 1), file(b"/m/a", mtime_ns=TIME - 1)])
@pytest.mark.parametrize("state", ["indexed", "failed", "gone"])
def test_a_file_of_another_size_or_time_is_processed(changed: FoundFile, state: FileState) -> None:
    result = plan(seen(changed), [row(b"/m/a", state, "text" if state == "failed" else None)])
    assert result.process == [changed]
    assert (result.unchanged, result.returned, result.failed_before, result.missing) == ([], [], [], [])


def noted(
    path: bytes, ctime_ns: int | None, state: FileState = "indexed", reason: str | None = None
) -> FileRow:
    return replace(row(path, state, reason), ctime_ns=ctime_ns)


def touched(path: bytes, ctime_ns: int | None = 2) -> FoundFile:
    return FoundFile(path, SIZE, TIME, ctime_ns)


@pytest.mark.parametrize(
    ("state", "reason", "standing"),
    [("indexed", None, "unchanged"), ("gone", None, "reused"), ("failed", "damaged", "failed_before")],
)
def test_a_known_file_of_another_ctime_is_read_again_and_counts_as_known_meanwhile(
    state: FileState, reason: str | None, standing: str
) -> None:
    result = plan(seen(touched(b"/m/a")), [noted(b"/m/a", 1, state, reason)])
    assert (result.process, result.reread, result.unnoted) == ([], [touched(b"/m/a")], [])
    assert result.standing == {b"/m/a": standing}


def test_a_file_of_the_same_ctime_is_not_read_again_but_to_rescan() -> None:
    files, rows = (
        seen(touched(b"/m/a"), touched(b"/m/b")),
        [noted(b"/m/a", 2), noted(b"/m/b", 2, "failed", "x")],
    )
    assert plan(files, rows).reread == []
    assert plan(files, rows, rescan=True).reread == files.files


def test_a_rescan_goes_on_with_what_is_left_of_it_in_every_run() -> None:
    files = seen(touched(b"/m/a"), touched(b"/m/b"))
    rows = [noted(b"/m/a", PENDING), noted(b"/m/b", 2), noted(b"/m/gone", PENDING)]
    for rescan in (False, True):
        result = plan(files, rows, rescan=rescan)
        assert (result.reread, result.rescan) == (files.files[:1], True)
    over = [noted(b"/m/a", 2), *rows[1:]]
    assert plan(files, over, rescan=True).reread == files.files
    assert not plan(files, over).rescan


def test_a_ctime_that_was_not_noted_is_noted_and_nothing_read() -> None:
    result = plan(seen(touched(b"/m/a")), [noted(b"/m/a", None)])
    assert (result.unchanged, result.reread, result.unnoted) == ([b"/m/a"], [], [touched(b"/m/a")])


def test_where_there_are_no_ctimes_none_is_missed() -> None:
    result = plan(seen(touched(b"/m/a", None)), [noted(b"/m/a", 1)])
    assert (result.unchanged, result.reread, result.unnoted) == ([b"/m/a"], [], [])


@pytest.mark.parametrize("size", [SIZE, SIZE + 1])
def test_a_file_that_is_to_be_processed_is_not_read_twice(size: int) -> None:
    found = FoundFile(b"/m/a", size, TIME, 2)
    result = plan(seen(found), [noted(b"/m/a", 1, "gone", "moved")], rescan=True)
    assert (result.process, result.reread) == ([found], [])


def test_a_gone_file_that_is_back_as_it_was_has_returned() -> None:
    assert plan(seen(file(b"/m/a")), [row(b"/m/a", "gone")]) == Plan(
        seen(file(b"/m/a")), returned=[b"/m/a"], known=0
    )


def test_a_moved_file_that_is_back_is_processed() -> None:
    assert plan(seen(file(b"/m/a")), [row(b"/m/a", "gone", "moved")]).process == [file(b"/m/a")]


@pytest.mark.parametrize("state", ["failed", "gone"])
def test_a_file_that_failed_and_is_unchanged_is_not_tried_again(state: FileState) -> None:
    result = plan(seen(file(b"/m/a")), [row(b"/m/a", state, "damaged")])
    assert (result.failed_before, result.process) == ([b"/m/a"], [])
    assert result.failed_again == ([b"/m/a"] if state == "gone" else [])


@pytest.mark.parametrize("state", ["failed", "gone"])
@pytest.mark.parametrize(
    ("reason", "retry_failed", "alone"),
    [
        ("its decoder crashed (SIGKILL)" + ON_TRIAL, False, True),
        ("its decoder crashed (SIGKILL)", False, True),  # by an earlier version
        ("the decoder failed (it ran out of memory)", False, True),
        ("its worker was lost 3 times", False, True),
        ("its decoder crashed (SIGKILL)" + CONVICTED, False, False),
        ("its decoder crashed (SIGKILL)" + CONVICTED, True, True),
    ],
)
def test_a_file_whose_decoder_failed_once_is_tried_once_more_alone(
    state: FileState, reason: str, retry_failed: bool, alone: bool
) -> None:
    found = file(b"/m/a")
    result = plan(seen(found), [row(b"/m/a", state, reason)], retry_failed=retry_failed)
    assert (result.alone, result.process) == ([found] if alone else [], [])
    assert result.failed_before == ([] if alone else [b"/m/a"])
    changed = file(b"/m/a", size=SIZE + 1)
    assert plan(seen(changed), [row(b"/m/a", state, reason)]).process == [changed]


def test_a_missing_file_that_globs_would_leave_out_is_not_missing() -> None:
    scan = Scan(b"/m", globs=Globs(exclude=["*.mp3"]))
    assert plan(scan, [row(b"/m/gone.mp3"), row(b"/m/gone.ogg")]).missing == [row(b"/m/gone.ogg")]


def test_what_never_could_be_opened_is_settled_when_it_is_no_more() -> None:
    problem = FileRow(b"/m/folder", "failed", -1, -1, None, "folder not readable")
    result = plan(seen(file(b"/m/folder/a")), [problem])
    assert (result.settled, result.missing, result.known) == ([b"/m/folder"], [], 0)


def test_a_file_that_failed_is_tried_again_when_asked_for() -> None:
    rows = [row(b"/m/a", "failed", "damaged"), row(b"/m/b")]
    result = plan(seen(file(b"/m/a"), file(b"/m/b")), rows, retry_failed=True)
    assert (result.failed_before, result.process) == ([], [file(b"/m/a")])
    assert result.unchanged == [b"/m/b"]


def test_a_known_file_that_is_not_found_is_missing() -> None:
    rows = [row(b"/m/a"), row(b"/m/b", "failed", "damaged")]
    assert plan(seen(), rows) == Plan(seen(), missing=rows, known=2)


def test_a_gone_file_is_not_missing_again_and_not_counted_as_known() -> None:
    assert plan(seen(), [row(b"/m/a", "gone"), row(b"/m/b", "gone", "moved")]) == Plan(seen(), known=0)


def test_a_known_file_that_is_not_included_is_left_alone() -> None:
    scan = Scan(b"/m", globs=Globs(include=["b"]), left_out=1)
    assert plan(scan, [row(b"/m/a")]) == Plan(scan, known=1)


@pytest.mark.parametrize("path", [b"/m/a.ogg", b"/m/@Recycle/a.mp3", b"/m/b/.stversions/deep/a.mp3"])
@pytest.mark.parametrize("state", ["indexed", "failed"])
def test_a_known_file_that_is_left_out_is_unwanted_and_does_not_count_as_known(
    path: bytes, state: FileState
) -> None:
    scan = Scan(b"/m", globs=Globs(exclude=["*.ogg"]), left_out=1)
    assert plan(scan, [row(path, state)]) == Plan(scan, unwanted=[path], known=0)
    assert plan(scan, [row(path, "gone")]) == Plan(scan)
    assert plan(replace(scan, present=False), [row(path, state)]).unwanted == []


def test_a_root_below_a_folder_that_machines_make_keeps_its_files() -> None:
    scan = Scan(b"/m/@Recycle/b")
    assert plan(scan, [row(b"/m/@Recycle/b/a")]).missing == [row(b"/m/@Recycle/b/a")]


def test_a_problem_that_is_left_out_is_settled() -> None:
    scan = Scan(b"/m", globs=Globs(exclude=["closed/*"]))
    problem = FileRow(b"/m/closed", "failed", -1, -1, None, "folder not readable")
    assert plan(scan, [problem]) == Plan(scan, settled=[b"/m/closed"])


def test_what_is_left_out_is_no_lost_disk() -> None:
    scan = Scan(b"/m", globs=Globs(exclude=["low/*"]), left_out=9)
    rows = [row(b"/m/low/%d" % n) for n in range(9)] + [row(b"/m/a"), row(b"/m/b"), row(b"/m/c")]
    scan.files = [file(b"/m/a"), file(b"/m/b")]
    result = plan(scan, rows)
    assert (len(result.unwanted), result.known, len(result.missing)) == (9, 3, 1)
    assert doubt(result, [missing.path for missing in result.missing]) is None


def test_known_files_below_a_folder_that_could_not_be_listed_are_not_missing() -> None:
    scan = Scan(b"/m", unlisted=[(b"/m/closed", "folder not readable")])
    rows = [row(b"/m/closed/a"), row(b"/m/closed/deep/b"), row(b"/m/closed2/c")]
    result = plan(scan, rows)
    assert [missing.path for missing in result.missing] == [b"/m/closed2/c"]
    assert result.problems == [(b"/m/closed", "folder not readable")]


def test_a_new_problem_is_reported() -> None:
    scan = Scan(b"/m", problems=[(b"/m/a", "a link that leads nowhere")])
    assert plan(scan, []) == Plan(scan, problems=[(b"/m/a", "a link that leads nowhere")])


def test_a_problem_known_from_before_is_counted_as_such() -> None:
    scan = Scan(b"/m", problems=[(b"/m/a", "not a file")], unlisted=[(b"/m/b", "closed")])
    rows = [row(b"/m/a", "failed", "not a file"), row(b"/m/b", "failed", "closed")]
    assert plan(scan, rows) == Plan(scan, failed_before=[b"/m/a", b"/m/b"], known=2)


@pytest.mark.parametrize(
    "before", [row(b"/m/a"), row(b"/m/a", "failed", "other"), row(b"/m/a", "gone", "not a file")]
)
def test_a_known_file_that_has_become_a_problem_is_a_new_problem_and_not_missing(before: FileRow) -> None:
    result = plan(Scan(b"/m", problems=[(b"/m/a", "not a file")]), [before])
    assert result.problems == [(b"/m/a", "not a file")]
    assert (result.missing, result.failed_before) == ([], [])


def test_every_found_file_goes_to_exactly_one_place() -> None:
    states: list[tuple[FileState, str | None]] = [
        ("indexed", None),
        ("failed", "x"),
        ("gone", None),
        ("gone", "moved"),
        ("gone", "x"),
    ]
    files = [file(b"/m/%d" % i) for i in range(2 * len(states) + 1)]
    rows = [row(files[i].path, *states[i % len(states)]) for i in range(len(states))]
    result = plan(seen(*files), rows)
    placed = [f.path for f in result.process] + result.unchanged + result.returned + result.failed_before
    assert sorted(placed) == sorted(f.path for f in files)


def lost_files(count: int, folder: bytes = b"/m") -> list[bytes]:
    return [b"%s/lost %d" % (folder, number) for number in range(count)]


@pytest.mark.parametrize("lost", [0, 3])
def test_a_root_of_which_nothing_was_known_is_never_doubted(lost: int) -> None:
    assert doubt(Plan(Scan(b"/m", present=False), known=0), lost_files(lost)) is None


def test_a_root_that_lost_nothing_is_never_doubted() -> None:
    assert doubt(Plan(Scan(b"/m", present=False), known=3), []) is None


def test_a_root_that_is_not_there_is_doubted() -> None:
    assert doubt(Plan(Scan(b"/m", present=False), known=3), lost_files(3)) == "it is not there"


def test_a_file_is_gone_by_itself_where_its_folder_holds_others() -> None:
    for gone, why in ((True, None), (False, "it is not there")):
        assert doubt(Plan(Scan(b"/m/a", present=False, gone=gone), known=1), [b"/m/a"]) == why
    folder = Plan(Scan(b"/m/a", present=False, gone=True), known=1)
    assert doubt(folder, [b"/m/a/b"]) == "it is not there"


@pytest.mark.parametrize(
    ("count", "other", "kept"), [(FEW, False, 0), (FEW + 1, False, FEW + 1), (99, True, 0)]
)
def test_many_files_of_one_folder_are_not_gone_by_themselves_unless_another_is_there(
    count: int, other: bool, kept: int
) -> None:
    plans = [Plan(Scan(path, present=False, gone=True), known=1) for path in lost_files(count)]
    elsewhere = [Plan(Scan(b"/n/a", present=False, gone=True), known=1), Plan(Scan(b"/m/new", files=[]))]
    if other:
        elsewhere[1].scan.files = [file(b"/m/new")]
    keep_many([*plans, *elsewhere])
    assert sum(not plan.scan.gone for plan in plans) == kept
    assert elsewhere[0].scan.gone


def test_an_empty_root_is_doubted_even_when_it_lost_little() -> None:
    assert doubt(Plan(Scan(b"/m"), known=10), lost_files(1)) == "it is empty"
    assert doubt(Plan(Scan(b"/m", others=1), known=10), lost_files(1)) == "no audio file is in it"


@pytest.mark.parametrize(
    "scan",
    [
        seen(file(b"/m/a")),
        Scan(b"/m", problems=[(b"/m/a", "x")]),
        Scan(b"/m", unlisted=[(b"/m/a", "x")]),
        Scan(b"/m", left_out=1),
    ],
)
def test_a_root_with_anything_in_it_is_doubted_only_when_it_lost_over_half(scan: Scan) -> None:
    assert doubt(Plan(scan, known=10), lost_files(1)) is None
    assert doubt(Plan(scan, known=10), lost_files(5)) is None
    assert doubt(Plan(scan, known=10), lost_files(6)) == "6 of its 10 known files are missing"


@pytest.mark.parametrize(
    ("folder", "lost", "doubted"), [(b"/m", FEW, False), (b"/m", FEW + 1, True), (b"/m/cd", 2, True)]
)
def test_a_few_files_are_gone_where_others_of_their_folder_are_there(
    folder: bytes, lost: int, doubted: bool
) -> None:
    found = Plan(seen(file(b"/m/a")), known=lost + 1)
    assert (doubt(found, lost_files(lost, folder)) is not None) == doubted
