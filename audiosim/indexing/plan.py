"""What an index run has to do, decided from what was found and what is known. Pure functions."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from audiosim.core.paths import contains
from audiosim.core.types import Status
from audiosim.library.catalog import DROPPED, PENDING, FileRow
from audiosim.library.scan import FoundFile, Scan

LOST_SHARE = 0.5  # of a root's known files; losing more looks like an unmounted disk,
FEW = 5  # but for so few that others of their folders are there

# How the reasons begin of what befell a decoder, and how they end: in old homes with neither of the two.
BY_DECODER = ("its decoder ", "the decoder failed (", "its worker was lost ")
ON_TRIAL = "; the next run tries it once more, alone"
CONVICTED = ", twice, the second time alone"


@dataclass
class Plan:
    """What to do about one root.

    Parameters
    ----------
    scan : Scan
        What was found there.
    process : list of FoundFile
        New or changed files, to be opened.
    changed : set of bytes
        Those of them that were indexed with other content, or other tags.
    alone : list of FoundFile
        Files whose decoder crashed or hung, to be opened after all others, each alone.
    returned : list of bytes
        Files that were gone and are back as they were.
    unchanged, failed_before : list of bytes
        Files that are not to be opened.
    failed_again : list of bytes
        Those of the latter that were gone.
    reread : list of FoundFile
        Those of all these whose identity and tags are to be read anew all the same.
    rescan : bool
        Whether this is so for all files, or for those that are left of all.
    unnoted : list of FoundFile
        Those of which only the ctime is not known yet.
    problems : list of (bytes, str)
        Files and folders that can't be read, with the reason, new ones.
    settled : list of bytes
        Such that were known and are no more.
    missing : list of FileRow
        Known files that were not found.
    unwanted : list of bytes
        Known files that are left out from now on, by a pattern or for the folder they are in.
    known : int
        How many files the root had, but for those.
    """

    scan: Scan
    process: list[FoundFile] = field(default_factory=list)
    changed: set[bytes] = field(default_factory=set)
    alone: list[FoundFile] = field(default_factory=list)
    returned: list[bytes] = field(default_factory=list)
    unchanged: list[bytes] = field(default_factory=list)
    failed_before: list[bytes] = field(default_factory=list)
    failed_again: list[bytes] = field(default_factory=list)
    reread: list[FoundFile] = field(default_factory=list)
    rescan: bool = False
    unnoted: list[FoundFile] = field(default_factory=list)
    problems: list[tuple[bytes, str]] = field(default_factory=list)
    settled: list[bytes] = field(default_factory=list)
    missing: list[FileRow] = field(default_factory=list)
    unwanted: list[bytes] = field(default_factory=list)
    known: int = 0

    @property
    def standing(self) -> dict[bytes, Status]:
        """What the files that are read again count as, unless they turn out otherwise."""
        again = {file.path for file in self.reread}
        lists: dict[Status, list[bytes]]
        lists = {"unchanged": self.unchanged, "reused": self.returned, "failed_before": self.failed_before}
        return {path: status for status, paths in lists.items() for path in paths if path in again}

    @property
    def found(self) -> int:
        """How many files there are, those that can't be read included."""
        return len(self.scan.files) + len(self.scan.problems)


def plan(scan: Scan, rows: Iterable[FileRow], *, retry_failed: bool = False, rescan: bool = False) -> Plan:
    """Compare what was found at a root with the rows the catalog has at or below it.

    Programs that write tags can keep size and time of modification, but not the ctime: where that is
    another one, or to `rescan`, a known file is read anew, while what is known of it goes on to count.
    A rescan that was cut short goes on, in every run.
    """
    result = Plan(scan)
    known = {row.path: row for row in rows}
    there = sum(map(_counts, known.values()))
    begun = any(f.path in known and known[f.path].ctime_ns == PENDING for f in scan.files)
    result.rescan = rescan or begun
    for found in scan.files:
        row = known.pop(found.path, None)
        if row is not None and found.same(row) and _to_be_alone(row.reason, retry_failed or rescan):
            result.alone.append(found)
        elif row is None or not found.same(row) or _to_be_retried(row.reason, retry_failed):
            result.process.append(found)
            if row is not None and row.state == "indexed":
                result.changed.add(found.path)
        else:
            _compare(result, found, row, every=rescan and not begun)
    for path, reason in scan.problems + scan.unlisted:
        row = known.pop(path, None)
        if row is not None and (row.state, row.reason) == ("failed", reason):
            result.failed_before.append(path)
        else:
            result.problems.append((path, reason))
    lost, unwanted = _left(known.values(), scan)
    if scan.present:
        result.settled = [row.path for row in lost + unwanted if _is_problem(row)]
        result.unwanted = [row.path for row in unwanted if _counts(row)]
    result.missing = [row for row in lost if _counts(row)]
    result.known = there - sum(map(_counts, unwanted))
    return result


def _left(rows: Iterable[FileRow], scan: Scan) -> tuple[list[FileRow], list[FileRow]]:
    """The rows of what was not found though it was looked for, and of what is not wanted."""
    hidden = [folder for folder, _ in scan.unlisted]
    lost, unwanted = [], []
    for row in rows:
        if scan.globs.passes(row.path, scan.root):
            unwanted.append(row)
        elif scan.globs.includes(row.path, scan.root) and not any(contains(f, row.path) for f in hidden):
            lost.append(row)
    return lost, unwanted


def _compare(result: Plan, found: FoundFile, row: FileRow, *, every: bool) -> None:
    """What to do about a file of the same size and time; where `every` one is read anew, it is too."""
    if row.state == "indexed":
        result.unchanged.append(found.path)
    elif row.reason is None:
        result.returned.append(found.path)
    else:
        result.failed_before.append(found.path)
        if row.state == "gone":
            result.failed_again.append(found.path)
    if every or row.ctime_ns == PENDING or found.touched(row):
        result.reread.append(found)
    elif row.ctime_ns is None and found.ctime_ns is not None:
        result.unnoted.append(found)


def _to_be_retried(reason: str | None, retry_failed: bool) -> bool:
    return reason is not None and (retry_failed or reason == DROPPED)


def _to_be_alone(reason: str | None, retry: bool) -> bool:
    """Whether a file failed by its decoder, and may not have been at fault, or is to be tried all the same.

    It is at fault only when that has happened again, alone, in a later run.
    """
    return reason is not None and reason.startswith(BY_DECODER) and (retry or not reason.endswith(CONVICTED))


def _counts(row: FileRow) -> bool:
    """Whether a row stands for a file that is taken to be there."""
    return row.state != "gone" and not _is_problem(row)


def _is_problem(row: FileRow) -> bool:
    """Whether a row stands for what never could be opened: a dead link, a folder not readable."""
    return row.size < 0 and row.digest is None


def not_moved(plans: Sequence[Plan]) -> list[FoundFile]:
    """Give the files to be opened whose sizes are not those of known files that are missing."""
    lost = Counter(row.size for each in plans for row in each.missing if row.state == "indexed")
    left = []
    for file in (file for each in plans for file in [*each.process, *each.alone]):
        if lost[file.size] > 0:
            lost[file.size] -= 1
        else:
            left.append(file)
    return left


def is_vacant(plan: Plan) -> bool:
    """Whether there is no audio, not even some that is left out, and none is taken to be there."""
    return _is_empty(plan.scan) and plan.known == 0


def _is_empty(scan: Scan) -> bool:
    return not (scan.files or scan.problems or scan.left_out or scan.unlisted)


def doubt(plan: Plan, lost: Collection[bytes]) -> str | None:
    """Say why a root looks like a disk that is not mounted; None when it does not.

    `lost` are those of its known files that are missing and turned up nowhere else.
    """
    scan = plan.scan
    if plan.known == 0 or not lost:
        return None
    if not scan.present:
        return None if is_gone_file(plan, lost) else "it is not there"
    if _is_empty(scan):
        return "no audio file is in it" if scan.others else "it is empty"
    if len(lost) > LOST_SHARE * plan.known and not _are_few(scan, lost):
        return f"{len(lost)} of its {plan.known} known files are missing"
    return None


def is_gone_file(plan: Plan, lost: Collection[bytes]) -> bool:
    """Whether a root was a file, which is all that is missing: no disk, as its folder is there."""
    return plan.scan.gone and list(lost) == [plan.scan.root]


def keep_many(plans: Sequence[Plan]) -> None:
    """Take no root for `gone` by itself where more than a few files of its folder are, and none is there."""
    if not any(plan.scan.gone for plan in plans):
        return  # the folders of all files are not told apart for nothing
    there = {os.path.dirname(file.path) for plan in plans for file in plan.scan.files}
    lost = Counter(os.path.dirname(plan.scan.root) for plan in plans if plan.scan.gone and plan.known)
    for scan in (plan.scan for plan in plans):
        folder = os.path.dirname(scan.root)
        scan.gone = scan.gone and (folder in there or lost[folder] <= FEW)


def _are_few(scan: Scan, lost: Collection[bytes]) -> bool:
    folders = {os.path.dirname(file.path) for file in scan.files}
    return len(lost) <= FEW and all(os.path.dirname(path) in folders for path in lost)
