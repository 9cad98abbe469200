"""What a person sees of a run on stderr: a bar on a terminal, a line now and then without one."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

from audiosim.core.text import counted

LINE_INTERVAL = 300.0  # s between lines where there is no terminal


class ProgressDisplay:
    """The display of how many tracks are done of those to open; a context manager.

    Parameters
    ----------
    shown : bool
        False for silence.
    """

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown
        self._terminal = shown and sys.stderr.isatty()
        self._bar: Any = None
        self._stage = ""  # that the bar is of
        self._start = self._last = time.monotonic()

    def __enter__(self) -> ProgressDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def update(self, done: int, total: int, audio_seconds: float) -> None:
        """Show how far a run is.

        Parameters
        ----------
        done, total : int
            Tracks.
        audio_seconds : float
            How much audio was decoded so far, in seconds.
        """
        self._show(done, total, "", self._speed(audio_seconds))

    def stage(self, name: str, done: int, total: int) -> None:
        """Show how far a stage of some work is: how many of how many tracks are done."""
        self._show(done, total, name, "")

    def _show(self, done: int, total: int, stage: str, speed: str) -> None:
        if self._terminal:
            self._update_bar(done, total, stage, speed)
        elif self._shown and time.monotonic() - self._last >= LINE_INTERVAL:
            self._last = time.monotonic()
            start, end = f"{stage}: " if stage else "", f", {speed}" if speed else ""
            self._write(f"{start}{done} of {counted(total, 'track')}{end}")

    def message(self, text: str) -> None:
        """Write a line on stderr, above the bar."""
        if self._bar is not None:
            self._bar.clear()
        self._write(text)

    def _update_bar(self, done: int, total: int, stage: str, speed: str) -> None:
        if self._bar is not None and self._stage != stage:
            self._bar.close()
            self._bar = None
        if self._bar is None:
            from tqdm import tqdm

            self._stage = stage
            self._bar = tqdm(
                total=total,
                desc=stage or None,
                unit="track",
                file=sys.stderr,
                dynamic_ncols=True,
                leave=False,
            )
        self._bar.set_postfix_str(speed, refresh=False)
        self._bar.update(done - self._bar.n)
        self._bar.refresh()

    def _speed(self, audio_seconds: float) -> str:
        elapsed = max(time.monotonic() - self._start, 1e-9)
        return f"{audio_seconds / 3600:.1f} h of audio, {audio_seconds / elapsed:.0f} x real time"

    @staticmethod
    def _write(text: str) -> None:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
