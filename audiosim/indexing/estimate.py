"""A look before a long run: what there is to do, how long it will take, whether there is room."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from audiosim.audio.framing import window_count
from audiosim.core.config import Home, find_home
from audiosim.core.errors import NoWeightsError
from audiosim.core.text import counted, size, span, speed
from audiosim.core.threads import limited_threads
from audiosim.core.types import Encoder, EncoderSpec
from audiosim.encoders.passage_vectors import PASSAGE, windows_in
from audiosim.indexing.changes import changes
from audiosim.indexing.measuring import OnProgress, lengths_of, scales, windows_per_second
from audiosim.indexing.options import IndexOptions
from audiosim.indexing.plan import Plan, doubt, not_moved, plan
from audiosim.indexing.spaces import check_begun
from audiosim.indexing.survey import Target, decide, resumed, survey, vacant
from audiosim.library.catalog import Catalog
from audiosim.library.scan import FoundFile
from audiosim.library.spaces import foreseen, named_space

# Beside windows: of a new home; and of a track its rows, the head of its cache, and pages that are half full
HOME_BYTES, TRACK_BYTES = 300_000, 10_000
VECTORS = 3  # float32, of a track: in the catalog, in its columns, and in the store
FINGERPRINT_BYTES = 8  # a second of audio


@dataclass(frozen=True)
class Estimate:
    """What `index_folder` would do now; nothing was written.

    Parameters
    ----------
    home : Path
        The home folder.
    encoder : str
        The encoder, described.
    found : int
        Files in the folders.
    files : int
        Those of them to be opened.
    moved : int
        Those of `files` that have the size of known ones which are missing: most likely these, under other
        names, which are read, but not computed anew. What follows leaves them out.
    reread : int
        Others that will be read again, for only their ctime is another one, or to `rescan`; not in `seconds`.
    vacant : tuple of bytes
        Folders that were named and hold no audio files, and known files and folders that are not there any
        more; all, where none holds one that `include` matches.
    sampled : int
        How many lengths were read; the others follow from the sizes.
    audio_hours : float or None
        How much audio they hold; None before lengths were read, as the two that follow.
    windows : int or None
        How many windows of it the network will see.
    bytes_needed : int or None
        Disk space for caches, catalog and store.
    bytes_free : int
        What there is.
    seconds : float or None
        The time it will take, if no other file turns out to be known audio; None where it was not measured.
    real_time_factor : float or None
        Hours of audio an hour.
    unmeasured : str or None
        Why it could not be measured.
    doubted : tuple of (bytes, str)
        Folders that look like disks that are not mounted, with the reason.
    missing : int
        Known files in other folders that are not where they were, and seem not to have moved.
    left_out : int
        Known files that are left out from now on.
    changes : tuple of str
        What else changes in the home, a sentence each: pooling, what is left out, the store.
    problems : tuple of (bytes, str)
        Files and folders that can't be read, with the reason; known ones aside.
    space : str or None
        The name of the further space that this is of.
    """

    home: Path
    encoder: str
    found: int
    files: int
    moved: int
    reread: int
    vacant: tuple[bytes, ...]
    sampled: int
    audio_hours: float | None
    windows: int | None
    bytes_needed: int | None
    bytes_free: int
    seconds: float | None = None
    real_time_factor: float | None = None
    unmeasured: str | None = None
    doubted: tuple[tuple[bytes, str], ...] = ()
    missing: int = 0
    left_out: int = 0
    changes: tuple[str, ...] = ()
    problems: tuple[tuple[bytes, str], ...] = ()
    space: str | None = None

    def lines(self) -> list[str]:
        """Say what is known so far, for people; who knows more says more, after that."""
        whose = f"Encoder: {self.encoder}; home: {self.home}"
        lines = [
            whose if self.space is None else f"Space {self.space}: {self.encoder}",
            *self.changes,
            f"{counted(self.found, 'file')} found, {self.files} to open.",
        ]
        if self.moved:
            lines.append(
                f"{self.moved} of these most likely known files that have moved: read, not computed again."
            )
        if self.reread:
            lines.append(f"{self.reread} of the others to be read again, without the network.")
        if self.left_out:
            lines.append(
                f"{counted(self.left_out, 'file')} would be in no answer: left out, by `exclude`, as"
                " forgotten, or in folders that systems make (bins, snapshots, thumbnails)."
            )
        if self.missing:
            lines.append(f"{counted(self.missing, 'file')} would be in no answer: not there any more.")
        if self.sampled and self.audio_hours is not None and self.bytes_needed is not None:
            room = "there is room" if self.bytes_free > self.bytes_needed else "THERE IS NOT ENOUGH ROOM"
            lengths = f"from the lengths of {counted(self.sampled, 'file')}"
            lines += [
                f"About {span(3600 * self.audio_hours)} of audio ({lengths}).",
                f"About {size(self.bytes_needed)} of disk; {size(self.bytes_free)} are free: {room}.",
            ]
        if self.sampled and self.seconds is not None and self.real_time_factor:
            lines.append(f"About {span(self.seconds)} on this machine, at {speed(self.real_time_factor)}.")
        if self.unmeasured is not None:
            lines.append(f"How long it takes can't be measured. {self.unmeasured}")
        return lines


def estimate(
    paths: Iterable[str | os.PathLike[str]] = (),
    *,
    home: str | os.PathLike[str] | None = None,
    options: IndexOptions | None = None,
    encoder: Encoder | None = None,
) -> Estimate:
    """Measure what `index_folder` with the same arguments would take, writing and fetching nothing.

    It is the home itself that is looked at, or the space that is named.

    Raises
    ------
    AudiosimError
        If `index_folder` would raise it at once, but for weights that it would fetch.
    """
    *_, last = estimates(paths, home=home, options=options, encoder=encoder)
    return last


def estimates(
    paths: Iterable[str | os.PathLike[str]] = (),
    *,
    home: str | os.PathLike[str] | None = None,
    options: IndexOptions | None = None,
    encoder: Encoder | None = None,
    on_progress: OnProgress = lambda stage, done, total: None,
) -> Iterator[Estimate]:
    """Give what `estimate` does as soon as parts of it are known: files, then hours and room, then the time.

    Parameters
    ----------
    paths, home, options, encoder
        As `estimate` takes them.
    on_progress : callable, optional
        Told a stage, and how many of how many files are done.

    Yields
    ------
    Estimate
        Each knows more than the one before.
    """
    options, place = options or IndexOptions(), find_home(home)
    if options.space is not None:
        place = named_space(place, options.space)
    with limited_threads(options.jobs):
        target, plans, before, told = _surveyed(paths, place, options, encoder)
        files = [file for plan in plans for file in [*plan.process, *plan.alone]]
        work = not_moved(plans)
        known = _with_losses(_counted(target, place, plans, files, work), before, options)
        known = replace(known, changes=told)
        yield known
        if not work:
            return
        lengths = lengths_of(work, target.encoder, options.jobs, on_progress)
        if not any(lengths.values()):
            yield replace(known, unmeasured="None of the files that were tried could be read.")
            return
        known = _with_lengths(known, target, work, lengths)
        yield known
        try:
            rate = windows_per_second(list(lengths), target.encoder, options.jobs, on_progress)
        except NoWeightsError as error:
            yield replace(known, unmeasured=str(error))
        else:
            yield _with_speed(known, rate)


def _surveyed(
    paths: Iterable[str | os.PathLike[str]], place: Home, options: IndexOptions, encoder: Encoder | None
) -> tuple[Target, list[Plan], list[Plan], tuple[str, ...]]:
    """What is to be done, how that compares with what answers now, and what else changes.

    The first two are the same but for a rebuild.
    """
    with _reading(place.catalog) if place.space is None else foreseen(place) as catalog:
        if catalog is not None and place.space is not None:
            check_begun(catalog, options, encoder)
        target = decide(place, catalog, paths, options, encoder, read_only=True)
        if not target.rebuilds or catalog is None:
            plans = survey(target, catalog, options)
            return target, plans, plans, tuple(changes(target, catalog))
        with _reading(place.rebuild) as new:
            target = resumed(target, new.settings.configuration if new else None, place)
            plans = survey(target, new, options)
        return target, plans, [plan(p.scan, catalog.files.all(p.scan.root)) for p in plans], ()


def _counted(
    target: Target,
    place: Home,
    plans: Sequence[Plan],
    files: Sequence[FoundFile],
    work: Sequence[FoundFile],
) -> Estimate:
    nothing = None if work else 0
    return Estimate(
        home=place.path,
        encoder=target.configuration.spec.describe(),
        space=place.space,
        found=sum(plan.found for plan in plans),
        files=len(files),
        moved=len(files) - len(work),
        reread=sum(len(plan.reread) for plan in plans),
        vacant=tuple(vacant(target, plans)),
        sampled=0,
        audio_hours=nothing,
        windows=nothing,
        bytes_needed=nothing,
        bytes_free=_free(target.configuration.cache),
        seconds=nothing,
        real_time_factor=nothing,
        problems=tuple(problem for plan in plans for problem in plan.problems),
    )


def _with_losses(known: Estimate, plans: Sequence[Plan], options: IndexOptions) -> Estimate:
    """What would be in no answer; a missing file has most likely moved where another has its size."""
    sizes = {file.size for each in plans for file in [*each.process, *each.alone]}
    doubted, missing = [], 0
    for each in plans:
        lost = [row.path for row in each.missing if row.size not in sizes]
        reason = None if options.accept_removals else doubt(each, lost)
        if reason is not None:
            doubted.append((each.scan.root, reason))
        else:
            missing += len(lost)
    left_out = sum(len(each.unwanted) for each in plans)
    return replace(known, doubted=tuple(doubted), missing=missing, left_out=left_out)


def _with_lengths(
    known: Estimate, target: Target, work: Sequence[FoundFile], lengths: Mapping[FoundFile, float]
) -> Estimate:
    spec, stands_for = target.configuration.spec, scales(work, lengths)
    seconds = sum(stands_for[file] * each for file, each in lengths.items())
    windows = round(sum(stands_for[file] * _windows(spec, each) for file, each in lengths.items()))
    cached = windows * (2 * spec.dimension + 10)
    passages = windows / windows_in(PASSAGE, spec.hop) * spec.dimension
    row = VECTORS * 4 * target.configuration.dimension + TRACK_BYTES
    needed = cached + passages + seconds * FINGERPRINT_BYTES + len(work) * row
    needed += HOME_BYTES if target.stored is None else 0
    return replace(
        known,
        sampled=len(lengths),
        audio_hours=seconds / 3600,
        windows=windows,
        bytes_needed=round(needed),
    )


def _with_speed(known: Estimate, rate: float) -> Estimate:
    seconds = (known.windows or 0) / rate
    factor = (known.audio_hours or 0.0) * 3600 / seconds if seconds else 0.0
    return replace(known, seconds=seconds, real_time_factor=factor)


@contextmanager
def _reading(path: Path) -> Iterator[Catalog | None]:
    """A catalog that is only read; None where there is none."""
    if not path.exists():
        yield None
        return
    with Catalog(path, read_only=True, leave_no_trace=True) as catalog:
        yield catalog


def _windows(spec: EncoderSpec, seconds: float) -> int:
    count = window_count(spec.framing, round(seconds * spec.sample_rate))
    return min(count, spec.max_windows or count)


def _free(folder: Path) -> int:
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
