"""What an index run tells: events as they happen, and a report at the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from audiosim.core.types import TrackOutcome


@dataclass(frozen=True)
class Started:
    """The run has begun: which encoder, which home."""

    encoder: str
    home: Path


@dataclass(frozen=True)
class Notice:
    """Something a user should know, in a sentence or two."""

    text: str


@dataclass(frozen=True)
class Planned:
    """The folders were read: how many files there are, how many will be opened, and how many read again."""

    found: int
    process: int
    reread: int = 0


@dataclass(frozen=True)
class Progress:
    """How far the run is; ``audio_seconds`` have gone through the network."""

    done: int
    total: int
    audio_seconds: float


@dataclass(frozen=True)
class RootDoubted:
    """A root looks like a disk that is not mounted; nothing was changed there."""

    root: bytes
    reason: str


@dataclass(frozen=True)
class NoAudio:
    """A folder that was named holds no audio files."""

    root: bytes


@dataclass
class IndexReport:
    """What a run did.

    Parameters
    ----------
    encoder : str
        The encoder, described.
    home : Path
        The home folder.
    found, indexed, reused, moved, unchanged, gone, failed, failed_before : int
        Files by what became of them.
    left : int
        Files that were not opened because time was up.
    reread, reread_left : int
        Files that were read again, for only their ctime was another one, or to `rescan`; and those that
        later runs will read again. They are among the others, as what they turned out or are known to be.
    audio_seconds : float
        Audio that went through the network.
    seconds : float
        How long the run took.
    failures, doubted : list of (bytes, str)
        Files that failed, and roots that look like disks not mounted, with the reason.
    vacant : list of bytes
        Folders that were named and hold no audio files.
    stages : dict
        Seconds by stage: "decode" summed over its processes, "front end", "network", "write",
        "store", and "waiting for input", which the network spent idle, the start of a run included;
        what workers on a cluster spent is summed over them.
    """

    encoder: str
    home: Path
    found: int = 0
    indexed: int = 0
    reused: int = 0
    moved: int = 0
    unchanged: int = 0
    gone: int = 0
    failed: int = 0
    failed_before: int = 0
    left: int = 0
    reread: int = 0
    reread_left: int = 0
    audio_seconds: float = 0.0
    seconds: float = 0.0
    failures: list[tuple[bytes, str]] = field(default_factory=list)
    doubted: list[tuple[bytes, str]] = field(default_factory=list)
    vacant: list[bytes] = field(default_factory=list)
    stages: dict[str, float] = field(default_factory=dict)

    @property
    def needs_a_look(self) -> bool:
        """Whether something new went wrong that a user should see."""
        return bool(self.failed or self.doubted or self.vacant)

    def counts(self) -> dict[str, int | float]:
        """Give the report's numbers by name."""
        names = "found indexed reused moved unchanged gone failed failed_before left reread reread_left"
        return {name: getattr(self, name) for name in [*names.split(), "audio_seconds", "seconds"]}

    def count(self, outcome: TrackOutcome) -> None:
        """Add one file's outcome."""
        setattr(self, outcome.status, getattr(self, outcome.status) + 1)
        if outcome.status == "failed":
            self.failures.append((outcome.path, outcome.reason or ""))


IndexEvent = Started | Notice | Planned | NoAudio | Progress | RootDoubted | TrackOutcome | IndexReport
