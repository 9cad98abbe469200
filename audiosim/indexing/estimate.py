"""A look before a long run: what there is to do, how long it will take, whether there is room."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from audiosim.audio.framing import window_count
from audiosim.core.config import Home, find_home
from audiosim.core.errors import NoWeightsError
from audiosim.core.threads import limited_threads
from audiosim.core.types import AudioInfo, Encoder, EncoderSpec
from audiosim.encoders.passage_vectors import PASSAGE, windows_in
from audiosim.indexing.changes import changes
from audiosim.indexing.estimated import Estimate
from audiosim.indexing.measuring import OnProgress, look_into, scales, windows_per_second
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
        target, plans, before, told, held = _surveyed(paths, place, options, encoder)
        files = [file for plan in plans for file in [*plan.process, *plan.alone]]
        work = not_moved(plans)
        known = _with_losses(_counted(target, place, plans, files, work), before, options)
        known = replace(known, changes=told)
        yield known
        if not work:
            return
        infos = look_into(work, target.encoder, options.jobs, on_progress)
        if not any(info.duration for info in infos.values()):
            yield replace(known, unmeasured="None of the files that were tried could be read.")
            return
        new = _without_known(infos, held)
        known = _with_lengths(known, target, work, infos, new)
        yield known
        if not known.windows:
            yield replace(known, seconds=0.0, real_time_factor=0.0)
            return
        try:
            rate = windows_per_second(list(new), target.encoder, options.jobs, on_progress)
        except NoWeightsError as error:
            yield replace(known, unmeasured=str(error))
        else:
            yield _with_speed(known, rate)


def _surveyed(
    paths: Iterable[str | os.PathLike[str]], place: Home, options: IndexOptions, encoder: Encoder | None
) -> tuple[Target, list[Plan], list[Plan], tuple[str, ...], set[str]]:
    """What is to be done, how that compares with what answers now, what else changes, and known audio.

    The first two are the same but for a rebuild.
    """
    with _reading(place.catalog) if place.space is None else foreseen(place) as catalog:
        if catalog is not None and place.space is not None:
            check_begun(catalog, options, encoder)
        target = decide(place, catalog, paths, options, encoder, read_only=True)
        if not target.rebuilds or catalog is None:
            plans = survey(target, catalog, options)
            return target, plans, plans, tuple(changes(target, catalog)), _held(catalog)
        with _reading(place.rebuild) as new:
            target = resumed(target, new.settings.configuration if new else None, place)
            plans = survey(target, new, options)
            held = _held(new)
        return target, plans, [plan(p.scan, catalog.files.all(p.scan.root)) for p in plans], (), held


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
        reused=0,
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


def _held(catalog: Catalog | None) -> set[str]:
    return set() if catalog is None else catalog.tracks.known_digests()


def _without_known(infos: Mapping[FoundFile, AudioInfo], held: set[str]) -> dict[FoundFile, AudioInfo]:
    """The files whose audio is not known, each audio once; those without any, which will fail, aside."""
    new, told = dict[FoundFile, AudioInfo](), set(held)
    for file, info in infos.items():
        if info.duration and info.digest not in told:
            new[file] = info
            told.add(info.digest)
    return new


def _with_lengths(
    known: Estimate,
    target: Target,
    work: Sequence[FoundFile],
    infos: Mapping[FoundFile, AudioInfo],
    new: Mapping[FoundFile, AudioInfo],
) -> Estimate:
    spec, stands_for = target.configuration.spec, scales(work, infos)
    seconds = sum(stands_for[file] * info.duration for file, info in new.items())
    windows = round(sum(stands_for[file] * _windows(spec, info.duration) for file, info in new.items()))
    cached = windows * (2 * spec.dimension + 10)
    passages = windows / windows_in(PASSAGE, spec.hop) * spec.dimension
    row = VECTORS * 4 * target.configuration.dimension + TRACK_BYTES
    needed = cached + passages + seconds * FINGERPRINT_BYTES + len(work) * row
    needed += HOME_BYTES if target.stored is None else 0
    return replace(
        known,
        sampled=len(infos),
        reused=sum(info.duration > 0 for info in infos.values()) - len(new),
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
