"""What a person sees of a run on stderr: a bar on a terminal, a line now and then without one."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from audiosim.commands.table import shortened
from audiosim.core.text import counted, file_name, speed

if TYPE_CHECKING:
    from audiosim.indexing.report import Progress

LINE_INTERVAL = 300.0  # s between lines where there is no terminal
NO_WIDTH = 80  # columns of a terminal that does not tell
WIDE = 100  # columns of one where the bar is twice as long
BAR = 10  # columns of a bar
NAME = 18  # columns that a file's name keeps, if that does, before other words


class ProgressDisplay:
    """The display of how far a run is; a context manager.

    Parameters
    ----------
    shown : bool
        False for silence.
    """

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown
        self._terminal = shown and sys.stderr.isatty()
        self._drawn = False  # whether the terminal's last line is ours
        self._start = self._last = time.monotonic()
        self._stage, self._since, self._before = "", 0.0, 0  # which, since when, and what was done of it then

    def __enter__(self) -> ProgressDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def update(self, progress: Progress) -> None:
        """Show how far a run is with its files."""
        self._stage = ""
        seconds = max(time.monotonic() - self._start, 1e-9)
        pace = speed(progress.audio_seconds / seconds)
        if self._terminal:
            self._draw(progress_line(progress, pace, _width()))
        else:
            hours = f"{progress.audio_seconds / 3600:.1f} h of audio"
            self._tell(f"{progress.done} of {counted(progress.total, 'track')}, {hours}, {pace}")

    def stage(self, name: str, done: int = 0, total: int = 0, time_up: float | None = None) -> None:
        """Show what a run is at, where it is about no single file.

        Parameters
        ----------
        name : str
            The stage, as "Entered".
        done, total : int
            How many of how many tracks are done; 0 and 0 where that is not counted.
        time_up : float, optional
            When it ends at the latest, in s from now.
        """
        if self._stage != name:
            self._stage, self._since, self._before = name, time.monotonic(), done
        if self._terminal:
            since = time.monotonic() - self._since
            lasts = since * (total - done) / (done - self._before) if done > self._before else None
            self._draw(stage_line(name, done, total, time_left(lasts, time_up), _width()))
        elif total:
            self._tell(f"{name}: {done} of {counted(total, 'track')}")

    def message(self, text: str) -> None:
        """Write a line on stderr, in place of the bar, which comes again below."""
        self.clear()
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def clear(self) -> None:
        """Take the bar away, so that other words can be written."""
        if self._drawn:
            self._drawn = False
            sys.stderr.write(_blank(_width()))
            sys.stderr.flush()

    def _draw(self, line: str) -> None:
        self._drawn = True
        sys.stderr.write(_blank(_width()) + line)
        sys.stderr.flush()

    def _tell(self, line: str) -> None:
        if self._shown and time.monotonic() - self._last >= LINE_INTERVAL:
            self._last = time.monotonic()
            self.message(line)


def progress_line(progress: Progress, pace: str, width: int) -> str:
    """Lay out how far a run is, in one line of a terminal.

    Parameters
    ----------
    progress : Progress
        How far it is.
    pace : str
        How fast it was.
    width : int
        The terminal's columns, of which the last is left free: some wrap there.

    Returns
    -------
    str
        The share, the time left, hours of audio, files, the speed, as far as there is room beside the
        name of the file at hand.
    """
    total, is_known = progress.audio_total, progress.total_known
    unit, seconds, digits = _unit(total if is_known else progress.audio_seconds)
    whole = f" of ~{total / seconds:.{digits}f}" if is_known else ""
    audio = f"{progress.audio_seconds / seconds:.{digits}f}{whole} {unit} of audio"
    parts = [
        time_left(progress.seconds_left, progress.time_up),
        audio if total else "",
        f"{progress.done}/{counted(progress.total, 'file')}",
        pace if progress.audio_seconds else "",
    ]
    name = "" if progress.path is None else file_name(progress.path)
    return _fitted(_bar(progress.share, width), [part for part in parts if part], name, width - 1)


def stage_line(name: str, done: int, total: int, left: str, width: int) -> str:
    """Lay out how far a stage is, in one line of a terminal.

    Parameters
    ----------
    name : str
        The stage.
    done, total : int
        How many of how many tracks are done; 0 and 0 where that is not counted.
    left : str
        How long it lasts, in words.
    width : int
        The terminal's columns, of which the last is left free.

    Returns
    -------
    str
        As much of all this as there is room for.
    """
    if not total:
        return shortened(f"{name} ...", width - 1)
    parts = [f"{done}/{counted(total, 'track')}", *([left] if left else [])]
    return _fitted(f"{name}: {_bar(done / total, width)}", parts, "", width - 1)


def time_left(seconds: float | None, time_up: float | None) -> str:
    """Say how long work will take: nothing while that is not known, and where time is up before, that."""
    if time_up is not None and (seconds is None or seconds > time_up):
        return f"stops in {_span(time_up)}" if time_up else "stopping"
    return "" if seconds is None else f"{_span(seconds)} left"


def _fitted(head: str, parts: Sequence[str], name: str, width: int) -> str:
    """As many of the parts, the first ones, as leave room for the name, or for much of it."""
    for count in range(len(parts), -1, -1):
        line = " ".join([head, ", ".join(parts[:count])]).rstrip()
        room = width - len(line) - len(": ")
        if not name and len(line) <= width:
            return line
        if name and room > 0 and shortened(name, room) == name:
            return f"{line}: {name}"
        if name and room >= NAME:
            return f"{line}: {shortened(name, room)}"
    return shortened(line, width)


def _bar(share: float, width: int) -> str:
    length = BAR if width < WIDE else 2 * BAR
    return f"{int(100 * share):3}% [{'#' * int(length * share):.<{length}}]"


def _span(seconds: float) -> str:
    unit, size, digits = _unit(seconds)
    return f"{seconds / size:.{digits}f} {unit}"


def _unit(seconds: float) -> tuple[str, int, int]:
    """The unit that a time is told in, its length in s, and decimals."""
    if seconds < 90:
        return "s", 1, 0
    return ("min", 60, 0) if seconds < 5400 else ("h", 3600, 1)


def _width() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or NO_WIDTH
    except OSError:
        return NO_WIDTH


def _blank(width: int) -> str:
    """What makes a line empty on every terminal."""
    return "\r" + " " * (width - 1) + "\r"
