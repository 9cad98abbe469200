"""Hangs, told from waits and pauses: on made sightings, and on real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from audiosim.core import stalls
from audiosim.core.stalls import BLIND, PATIENCE, Sighting, Silence, State, Verdict, Watch, state_of

LIMIT = 10.0
STEP = 0.5  # s


def judged(
    seconds: float, state: State, *, share: float = 0.0, reading: bool = False, silence: Silence | None = None
) -> Silence:
    """Silence of so many seconds in one state, with this share of a processor."""
    silence = silence or Silence(Sighting(0.0, state, 0.0))
    for _ in range(round(seconds / STEP)):
        last = silence.last
        now = Sighting(last.at + STEP, state, last.computed + share * STEP, last.read + reading)
        silence = silence.seen(now)
    return silence


@pytest.mark.parametrize(
    ("seconds", "state", "share", "reading", "expected"),
    [
        (9.0, "asleep", 0.0, False, None),
        (11.0, "asleep", 0.0, False, "hangs"),
        (11.0, "asleep", 0.02, False, "hangs"),  # it looks now and then whether to go on
        (11.0, "at work", 1.0, False, "hangs"),
        (9.0, "at work", 1.0, False, None),
        (11.0, "at work", 4.0, False, "hangs"),  # in several threads
        (300.0, "at work", 0.02, False, None),  # the machine is busy with something else
        (300.0, "reading", 0.0, False, None),  # the disk spins up
        (300.0, "paused", 0.0, False, None),
        (300.0, "asleep", 0.0, True, None),  # bytes come, if slowly
        (11.0, "asleep", 1.0, True, "hangs"),  # it reads the same bytes again and again
        (PATIENCE + 1, "reading", 0.0, False, "held up"),
        (PATIENCE + 1, "paused", 0.0, False, "held up"),
        (11.0, "unknown", 0.0, False, None),
        (BLIND * 11.0, "unknown", 0.0, False, "hangs"),
        (11.0, "unknown", 1.0, False, "hangs"),
    ],
)
def test_a_process_is_judged_by_what_it_does(
    seconds: float, state: State, share: float, reading: bool, expected: Verdict | None
) -> None:
    assert judged(seconds, state, share=share, reading=reading).verdict(LIMIT) == expected


def test_a_watcher_that_was_itself_stopped_starts_its_clocks_anew() -> None:
    almost = judged(9.0, "asleep")
    after = almost.seen(Sighting(almost.last.at + 13.0, "asleep", 0.0))
    assert (after.asleep, after.computed) == (0.0, 0.0)
    assert judged(9.0, "asleep", silence=after).verdict(LIMIT) is None
    assert judged(11.0, "asleep", silence=after).verdict(LIMIT) == "hangs"


def test_a_wait_for_the_disk_starts_the_sleeper_s_clock_anew() -> None:
    waited = judged(1.0, "reading", silence=judged(9.0, "asleep"))
    assert judged(9.0, "asleep", silence=waited).verdict(LIMIT) is None


@pytest.mark.parametrize(
    ("status", "waits_in", "state"),
    [
        (psutil.STATUS_SLEEPING, "futex_wait_queue", "asleep"),
        (psutil.STATUS_SLEEPING, "pipe_read", "asleep"),
        (psutil.STATUS_SLEEPING, "request_wait_answer", "reading"),  # FUSE
        (psutil.STATUS_SLEEPING, "", "asleep"),  # a container that does not tell
        (psutil.STATUS_DISK_SLEEP, "", "reading"),
        (psutil.STATUS_STOPPED, "", "paused"),
        (psutil.STATUS_STOPPED, None, "paused"),
        (psutil.STATUS_TRACING_STOP, "", "paused"),
        (psutil.STATUS_RUNNING, "", "at work"),
        (psutil.STATUS_RUNNING, None, "unknown"),  # macOS
    ],
)
def test_what_a_process_waits_for_is_told_by_its_status_and_by_where_it_sleeps(
    status: str, waits_in: str | None, state: State
) -> None:
    assert state_of(status, waits_in) == state


@contextmanager
def running(program: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-c", f"print(flush=True); {program}"], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it has started
        try:
            yield process
        finally:
            process.kill()


def verdict_on(process: subprocess.Popen[bytes], seconds: float, limit: float = 1.0) -> Verdict | None:
    watch, since = Watch(process.pid), time.monotonic()
    found = None
    while found is None and time.monotonic() - since < seconds:
        time.sleep(0.1)
        found = watch.verdict(since, limit)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    "program", ["import time; time.sleep(99)", "import threading; threading.Event().wait(99)"]
)
def test_a_process_that_sleeps_with_nothing_to_wait_for_hangs(program: str) -> None:
    with running(program) as process:
        assert verdict_on(process, 30.0) == "hangs"


@pytest.mark.slow
def test_a_process_that_computes_without_an_answer_hangs() -> None:
    with running("[None for _ in iter(int, 1)]") as process:
        assert verdict_on(process, 30.0) == "hangs"


@pytest.mark.slow
@pytest.mark.long
def test_a_process_that_is_stopped_hangs_only_when_it_goes_on_to_sleep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with running("import time; time.sleep(99)") as process:
        os.kill(process.pid, signal.SIGSTOP)
        assert verdict_on(process, 4.0) is None
        monkeypatch.setattr(stalls, "PATIENCE", 1.0)
        assert verdict_on(process, 30.0) == "held up"
        monkeypatch.undo()
        os.kill(process.pid, signal.SIGCONT)
        assert verdict_on(process, 30.0) == "hangs"


def test_a_process_that_owes_nothing_or_is_gone_is_not_judged() -> None:
    with running("import time; time.sleep(99)") as process:
        watch = Watch(process.pid)
        assert watch.verdict(None, 0.0) is None
    assert watch.verdict(time.monotonic() - 5, 0.0) is None
