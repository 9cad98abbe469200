"""What an index run tells: events as they happen, and a report at the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from audiosim.core.text import display_path
from audiosim.core.told_commands import shell_word
from audiosim.core.types import TrackOutcome


@dataclass(frozen=True)
class Started:
    """The run has begun.

    Parameters
    ----------
    encoder : str
        The encoder, described.
    home : Path
        The home folder.
    space : str, optional
        Its name, where it is a further space of a home.
    """

    encoder: str
    home: Path
    space: str | None = None


@dataclass(frozen=True)
class Notice:
    """Something a user should know.

    Parameters
    ----------
    text : str
        It, in a sentence or two.
    """

    text: str


@dataclass(frozen=True)
class Activity:
    """What the run is at that is about no single file, and may take a while.

    Parameters
    ----------
    name : str
        It, as "Loading the model".
    done, total : int
        Tracks that this is done for, and to be done for; 0 and 0 where it is not counted.
    time_up : float, optional
        When it ends at the latest, in s from now.
    """

    name: str
    done: int = 0
    total: int = 0
    time_up: float | None = None


@dataclass(frozen=True)
class Planned:
    """The folders were read.

    Parameters
    ----------
    found : int
        How many files there are.
    process : int
        How many of them will be opened.
    reread : int
        How many others will be read again.
    """

    found: int
    process: int
    reread: int = 0


@dataclass(frozen=True)
class Progress:
    """How far the run is with the files that it opens.

    Parameters
    ----------
    done, total : int
        Files of which nothing more will come, and all.
    audio_seconds : float
        Audio that has gone through the network so far, in s.
    audio_total : float
        How much it will be in the end, in s: of files not yet opened, by their sizes.
    share : float
        How much of the work is done, from 0 to 1: by seconds of audio. Files that are only read count little.
        It never falls.
    path : bytes, optional
        The file at hand: where there are several, the one opened first.
    seconds_left : float, optional
        How long it will take by the rate measured so far, in s; None while that is not known.
    time_up : float, optional
        When no further file will be opened, in s from now, where a limit was set.
    total_known : bool
        Whether so many files have told their lengths that `audio_total` is to be believed.
    """

    done: int
    total: int
    audio_seconds: float
    audio_total: float = 0.0
    share: float = 0.0
    path: bytes | None = None
    seconds_left: float | None = None
    time_up: float | None = None
    total_known: bool = True


@dataclass(frozen=True)
class RootDoubted:
    """A root looks like a disk that is not mounted; nothing was changed there.

    Parameters
    ----------
    root : bytes
        The folder or file.
    reason : str
        Why it looks like that.
    """

    root: bytes
    reason: str


@dataclass(frozen=True)
class NoAudio:
    """A folder that was named holds no audio files; or none that `include` matches, nor does another.

    A file or folder that is known, but not there any more, with nothing to lose, is told so too.

    Parameters
    ----------
    root : bytes
        The folder, or file.
    """

    root: bytes


@dataclass(frozen=True)
class SpaceFailed:
    """A further space of the home could not be brought up to date; the run goes on with the others.

    Parameters
    ----------
    space : str
        Its name.
    reason : str
        What failed, why, and what to do.
    """

    space: str
    reason: str


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
        Folders that were named and hold no audio files, and known files and folders that are not there any
        more; all, where none holds one that `include` matches.
    stages : dict
        Seconds by stage: "decode" summed over its processes, "front end", "network", "write",
        "store", and "waiting for input", which the network spent idle, the start of a run included;
        what workers on a cluster spent is summed over them.
    spaces : dict
        What was done for the home's further spaces, an `IndexReport` by name.
    failed_spaces : dict
        Those of them that could not be brought up to date, with the reason.
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
    spaces: dict[str, IndexReport] = field(default_factory=dict)
    failed_spaces: dict[str, str] = field(default_factory=dict)

    @property
    def needs_a_look(self) -> bool:
        """Whether something new went wrong that a user should see, in the home or in a space of it."""
        own = bool(self.failed or self.doubted or self.vacant or self.failed_spaces)
        return own or any(report.needs_a_look for report in self.spaces.values())

    def counts(self) -> dict[str, int | float]:
        """Give the report's numbers by name."""
        names = "found indexed reused moved unchanged gone failed failed_before left reread reread_left"
        return {name: getattr(self, name) for name in [*names.split(), "audio_seconds", "seconds"]}

    def count(self, outcome: TrackOutcome) -> None:
        """Add one file's outcome."""
        setattr(self, outcome.status, getattr(self, outcome.status) + 1)
        if outcome.status == "failed":
            self.failures.append((outcome.path, outcome.reason or ""))


IndexEvent = (
    Started
    | Activity
    | Notice
    | Planned
    | NoAudio
    | Progress
    | RootDoubted
    | SpaceFailed
    | TrackOutcome
    | IndexReport
)


def not_mounted(root: bytes, reason: str) -> str:
    """Say that a folder looks like a disk that is not mounted, and what to do.

    Parameters
    ----------
    root : bytes
        The folder.
    reason : str
        Why.

    Returns
    -------
    str
        The message, which ends with a command.
    """
    return (
        f"{display_path(root)} looks like a disk that is not mounted: {reason}. Nothing is changed there;"
        " if the files are really gone, use `accept_removals`. If it was renamed or moved:"
        f" audiosim relocate {shell_word(root)} NEW"
    )
