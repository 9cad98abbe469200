"""Which files of a folder are in the library already; nothing is added to it."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from audiosim.audio.events import Failed
from audiosim.audio.fingerprint import Landmarks
from audiosim.audio.listening import Heard, fingerprint_files
from audiosim.core.errors import UsageError
from audiosim.core.paths import identity
from audiosim.core.types import AudioInfo, Track
from audiosim.library.catalog import Catalog
from audiosim.library.filters import Filter
from audiosim.library.index import Index, open_index
from audiosim.library.scan import scan
from audiosim.search.few_landmarks import worth_comparing
from audiosim.search.fingerprints import MIN_LANDMARKS, overlap
from audiosim.search.recordings import Evidence, Recordings, evidence_of, part_evidence
from audiosim.search.told_failures import is_told


@dataclass(frozen=True)
class Held:
    """A track of the library that holds a file's recording.

    Parameters
    ----------
    track : Track
        The track.
    evidence : Evidence
        Why; the file is its second, and its ``similarity`` is 1 where the audio is the same, else 0: nothing
        is embedded.
    present : bool
        Whether its file is there now: a file that was moved must not be taken for its own copy.
    """

    track: Track
    evidence: Evidence
    present: bool = True


@dataclass(frozen=True)
class FileHeld:
    """A file, and where the library has its recording.

    Parameters
    ----------
    path : bytes
        The file.
    held : tuple of Held
        The tracks of the library that hold it, itself aside; none, if it is new or has no copy there.
    reason : str, optional
        Why the file can't be told, where it can't.
    indexed : bool
        Whether the library has this very file, by whatever path; without it, what it holds may be lost.
    failed_before : bool
        Whether `index_folder` has met and told the same failure: the file, or what can't be read, is known.
    parts : tuple of Held
        Of a file of which the library holds no other: the tracks of which it is likely a part, or which are a
        part of it, less than counts as the recording.
    comparable : bool
        Whether it has enough in it to be told in another encoding; silence and the shortest sounds have not,
        and of these only files of the very same audio are found.
    """

    path: bytes
    held: tuple[Held, ...] = ()
    reason: str | None = None
    indexed: bool = False
    failed_before: bool = False
    parts: tuple[Held, ...] = ()
    comparable: bool = True

    @property
    def state(self) -> Literal["failed", "indexed", "known", "absent", "new"]:
        """Where the file stands; ``absent``: none of the files that hold its recording is there now."""
        if self.reason is not None:
            return "failed"
        if self.indexed:
            return "indexed"
        if any(one.present for one in self.held):
            return "known"
        return "absent" if self.held else "new"


def find_across(
    paths: Iterable[str | os.PathLike[str]],
    *,
    home: str | os.PathLike[str] | None = None,
    only: Filter | None = None,
    jobs: int | None = None,
) -> list[FileHeld]:
    """Tell which files of some folders are in the library already, in whatever encoding.

    Parameters
    ----------
    paths : iterable of str or path-like
        Folders or files. They are decoded and compared by fingerprints; nothing is added to the index.
    home : str or path-like, optional
        The home folder; by default ``AUDIOSIM_HOME`` or the platform's user data folder.
    only : Filter, optional
        What tracks of the library must be to be compared.
    jobs : int, optional
        Decoding processes; by default one a processor.

    Returns
    -------
    list of FileHeld
        All audio files found, in order of path.

    Raises
    ------
    UsageError
        If a path does not exist.
    HomeError
        If there is no index.
    """
    scans = [scan(identity(path)) for path in paths]
    for one in scans:
        if not one.present:
            raise UsageError(f"No such file or folder: {os.fsdecode(one.root)}", "", "Check the path.")
    told = {path: FileHeld(path, reason=why) for one in scans for path, why in one.problems + one.unlisted}
    wanted = {file.path for one in scans for file in one.files}
    with open_index(home) as index:
        admits = index.located(only).admission
        tracks = [entry.track for entry in index.catalog.tracks.entries(admits)]
        tracks += filter(admits, _gone(index.catalog))
        told |= _Library(index, tracks).holding(sorted(wanted), jobs)
        return [_remembered(told[path], index.catalog) for path in sorted(told)]


def _gone(catalog: Catalog) -> Iterator[Track]:
    """Tracks whose files a run has missed, and which are not there now."""
    for path, _ in catalog.files.gone():
        track = catalog.tracks.at(path)
        if track is not None and not os.path.lexists(path):
            yield track


def _remembered(file: FileHeld, catalog: Catalog) -> FileHeld:
    """The file, and whether its failure is an old one."""
    failed_before = file.reason is not None and is_told(file.path, catalog)
    return replace(file, failed_before=failed_before)


class _Library:
    """The tracks of an index, to find files among."""

    def __init__(self, index: Index, tracks: Iterable[Track]) -> None:
        self._recordings = Recordings.of(index)
        self._holders: dict[str, list[Track]] = defaultdict(list)
        for track in tracks:
            self._holders[track.digest].append(track)

    def holding(self, paths: Sequence[bytes], jobs: int | None) -> dict[bytes, FileHeld]:
        """What the library holds of each file."""
        told: dict[bytes, FileHeld] = {}
        heard: list[tuple[Heard, Landmarks | None]] = []
        for event in fingerprint_files(paths, jobs=jobs, want=self._unheard):
            if isinstance(event, Failed):
                told[event.path] = FileHeld(event.path, reason=event.reason)
                continue
            landmarks = self._recordings.landmarks(event.info.digest)
            if landmarks is None and event.fingerprint:
                landmarks = Landmarks.from_bytes(event.fingerprint)
            heard.append((event, landmarks))
        near = self._near([landmarks for _, landmarks in heard])
        for row, (file, landmarks) in enumerate(heard):
            told[file.path] = self._told(file, landmarks, near[row])
        return told

    def _unheard(self, path: bytes, info: AudioInfo) -> bool:
        """Whether a file must be decoded: in another thread, where the catalog can't be read."""
        return info.digest not in self._holders

    def _near(self, files: Sequence[Landmarks | None]) -> dict[int, list[str]]:
        """The audio of the library that has landmarks in common with each file."""
        digests = list(self._holders)
        known = [self._recordings.landmarks(digest) for digest in digests]
        found: dict[int, list[str]] = defaultdict(list)
        for first, second in worth_comparing([*known, *files], after=len(known)):
            found[second - len(known)].append(digests[first])
        return found

    def _told(self, file: Heard, landmarks: Landmarks | None, near: Iterable[str]) -> FileHeld:
        digest, own = file.info.digest, self._holders.get(file.info.digest)
        length = (own and own[0].duration) or file.info.duration
        found = self._held(digest, Evidence("same audio", 1.0))
        parts: list[Held] = []
        for other in near:
            known = self._recordings.landmarks(other)
            if other == digest or known is None or landmarks is None:
                continue
            over = overlap(known, landmarks)
            durations = self._holders[other][0].duration or 0.0, length
            if evidence := evidence_of(over, 0.0, durations):
                found += self._held(other, evidence)
            elif evidence := part_evidence(over, 0.0, durations):
                parts += self._held(other, evidence)
        others = tuple(one for one in found if not _is_same(file.path, one.track.path))
        return FileHeld(
            file.path,
            others,
            indexed=len(others) < len(found),
            parts=() if others else tuple(parts),
            comparable=landmarks is not None and len(landmarks) >= MIN_LANDMARKS,
        )

    def _held(self, digest: str, evidence: Evidence) -> list[Held]:
        tracks = self._holders.get(digest, ())
        return [Held(track, evidence, os.path.exists(track.path)) for track in tracks]


def _is_same(path: bytes, other: bytes) -> bool:
    """Whether two paths are of one file, by links too."""
    try:
        return path == other or os.path.samefile(path, other)
    except OSError:  # one of them is gone, or its disk is not mounted
        return False
