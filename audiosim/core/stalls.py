"""Whether a process hangs, judged by what it does while an answer of it is awaited.

A wait for a disk that spins up or for a file system of the network, a pause (Ctrl-Z), a machine that is
busy or was asleep: none of these is a hang. A process hangs when it computes on and on without an
answer, or sleeps with nothing to wait for.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import psutil

State = Literal["at work", "asleep", "reading", "paused", "unknown"]
Verdict = Literal["hangs", "held up"]

PATIENCE = 600.0  # s without an answer, whatever the reason
BLACKOUT = 2.0  # s between two looks, after which the one that looks was itself stopped, or the machine was
QUIET = 1.0  # s without an answer before a process is looked at
BLIND = 6.0  # times as much sleep is allowed where the system does not tell what a process waits for
# Where Linux has a process sleep that waits for a file system of the network, or of another process.
WAITS = (
    *(
        "request_wait",
        "fuse",
        "nfs",
        "rpc_",
        "cifs",
        "smb",
        "wait_for_response",
        "autofs",
        "p9_",
        "afs",
        "ceph",
    ),
    *("folio", "wait_on_page", "io_schedule"),
)
STATES: dict[str, State] = {
    psutil.STATUS_SLEEPING: "asleep",
    psutil.STATUS_IDLE: "asleep",
    psutil.STATUS_DISK_SLEEP: "reading",
    psutil.STATUS_STOPPED: "paused",
    psutil.STATUS_TRACING_STOP: "paused",
}


@dataclass(frozen=True)
class Sighting:
    """What a process was seen doing.

    Parameters
    ----------
    at : float
        When, in s of the watcher's clock.
    state : State
        "at work" also where it waits for a processor; "reading" where it waits for a disk.
    computed : float
        Its processor time so far, in s.
    read : int
        Bytes it has read so far, as far as the system tells.
    """

    at: float
    state: State
    computed: float
    read: int = 0


@dataclass(frozen=True)
class Silence:
    """How long a process has given no answer, and what it did meanwhile.

    Parameters
    ----------
    last : Sighting
        When it was seen last.
    asleep : float
        How long it has slept with nothing to wait for, in s.
    computed : float
        How long it has computed, in s of processor time.
    watched : float
        How long it was watched, in s.
    """

    last: Sighting
    asleep: float = 0.0
    computed: float = 0.0
    watched: float = 0.0

    def seen(self, now: Sighting) -> Silence:
        """Add what a process is seen doing now."""
        passed = now.at - self.last.at
        if passed > BLACKOUT:
            return Silence(now, watched=self.watched)  # all clocks but this one start anew
        used = max(0.0, now.computed - self.last.computed)
        longer = replace(self, last=now, computed=self.computed + used, watched=self.watched + passed)
        if now.state in ("reading", "paused") or now.read > self.last.read:
            return replace(longer, asleep=0.0)
        idle = max(0.0, passed - used) / (BLIND if now.state == "unknown" else 1.0)
        return longer if now.state == "at work" else replace(longer, asleep=self.asleep + idle)

    def verdict(self, limit: float) -> Verdict | None:
        """Judge it: `limit` in s is for how long it may compute, or sleep with nothing to wait for."""
        if self.asleep > limit or self.computed > limit:
            return "hangs"
        return "held up" if self.watched > max(PATIENCE, 2 * limit) else None


class Watch:
    """Watches a process, which owes an answer now and then. Asked often, by one thread.

    Parameters
    ----------
    pid : int
        The process.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._process: psutil.Process | None = None
        self._since: float | None = None
        self._silence: Silence | None = None

    def verdict(self, since: float | None, limit: float) -> Verdict | None:
        """Look at the process, and say what is wrong with it, if anything is.

        Parameters
        ----------
        since : float or None
            When it began to owe the answer that is awaited, by the monotonic clock; None: it owes none.
        limit : float
            For how long in s it may compute for it, or sleep with nothing to wait for.
        """
        if since is None or since != self._since:
            self._since, self._silence = since, None
        if since is None or time.monotonic() - since < QUIET:
            return None
        try:
            self._process = self._process or psutil.Process(self._pid)
            now = sighting(self._process)
        except (psutil.Error, OSError):  # it has ended, which its pipe tells
            return None
        self._silence = self._silence.seen(now) if self._silence else Silence(now)
        return self._silence.verdict(limit)


def sighting(process: psutil.Process) -> Sighting:
    """Look at a process.

    Raises
    ------
    psutil.Error
        If it is gone.
    """
    with process.oneshot():
        status, times = process.status(), process.cpu_times()
        read = _bytes_read(process)
    return Sighting(
        time.monotonic(), state_of(status, _waits_in(process.pid)), times.user + times.system, read
    )


def state_of(status: str, waits_in: str | None) -> State:
    """Judge what a process does.

    Parameters
    ----------
    status : str
        As psutil has it.
    waits_in : str or None
        The function of Linux's kernel that it sleeps in, "" where that is not told; None elsewhere.
    """
    state = STATES.get(status, "at work")
    if waits_in is None and state != "paused":
        return "unknown"  # macOS calls nearly everything running
    if state == "asleep" and any(word in (waits_in or "") for word in WAITS):
        return "reading"
    return state


def _waits_in(pid: int) -> str | None:
    if not psutil.LINUX:
        return None
    try:
        return Path(f"/proc/{pid}/wchan").read_text(encoding="ascii")
    except OSError:
        return ""


def _bytes_read(process: psutil.Process) -> int:
    try:
        return int(process.io_counters().read_chars)
    except (AttributeError, OSError, psutil.Error):  # not on macOS, not in every container
        return 0
