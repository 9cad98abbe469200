"""What a look before a long run tells, as figures and in words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from audiosim.core.text import counted, size, span, speed


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
        Of how many the length, and what audio they hold, was read; the others follow from the sizes.
    reused : int
        Those of the sampled whose audio is known, or another one's of them, so that nothing is computed.
    audio_hours : float or None
        How much audio is to be computed; None before lengths were read, as the two that follow.
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
    reused: int
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
        if self.reused:
            lines.append(
                f"{self.reused} of {counted(self.sampled, 'file')} looked into hold known audio: read, not"
                " computed again."
            )
        if self.windows and self.audio_hours is not None and self.bytes_needed is not None:
            room = "there is room" if self.bytes_free > self.bytes_needed else "THERE IS NOT ENOUGH ROOM"
            lengths = f"from the lengths of {counted(self.sampled, 'file')}"
            lines += [
                f"About {span(3600 * self.audio_hours)} of audio ({lengths}).",
                f"About {size(self.bytes_needed)} of disk; {size(self.bytes_free)} are free: {room}.",
            ]
        if self.windows and self.seconds is not None and self.real_time_factor:
            lines.append(f"About {span(self.seconds)} on this machine, at {speed(self.real_time_factor)}.")
        if self.unmeasured is not None:
            lines.append(f"How long it takes can't be measured. {self.unmeasured}")
        return lines
