from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from audiosim.backends.process import StoreProcess
from audiosim.core.errors import LockedError, StoreAwayError, StoreError


def refuse(error: Exception) -> None:
    raise error


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def print_and_double(value: np.ndarray) -> np.ndarray:
    print("an engine's own words")
    os.write(1, b"and its library's\n")
    return 2 * value


def test_what_a_process_did_comes_back_whatever_an_engine_prints() -> None:
    with StoreProcess() as process:
        doubled = process.do(partial(print_and_double, np.arange(100_000)), limit=60.0)

    assert np.array_equal(doubled, 2 * np.arange(100_000))


@pytest.mark.parametrize(
    "error", [LockedError("It is locked", "by you", "Wait."), StoreAwayError("It is away"), StoreError("No")]
)
def test_errors_come_back_as_they_were_raised(error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        StoreProcess().do(partial(refuse, error))

    assert (type(raised.value), raised.value.args) == (type(error), error.args)


def test_a_crash_and_a_defect_are_the_stores_failures() -> None:
    with pytest.raises(StoreError, match="The store crashed: SIGSEGV"):
        StoreProcess().do(crash)
    with pytest.raises(StoreError, match="The store failed: KeyError: 'unknown'"):
        StoreProcess().do(partial(refuse, KeyError("unknown")))


def test_a_process_that_takes_too_long_is_ended() -> None:
    process = StoreProcess()

    with pytest.raises(StoreError, match="does not answer"):
        process.do(partial(time.sleep, 600.0), limit=0.5)

    assert not process.running


def work_on(step: float, steps: int) -> Iterator[None]:
    for _ in range(steps):
        time.sleep(step)
        yield


def sleep_after(steps: int) -> Iterator[None]:
    yield from work_on(0.1, steps)
    time.sleep(600.0)


@pytest.mark.slow
@pytest.mark.long
def test_work_with_progress_may_take_longer_than_its_limit_and_without_may_not() -> None:
    assert StoreProcess().do(partial(work_on, 0.5, 8), limit=2.5) is None
    with pytest.raises(StoreError, match="it made no progress for 1 s"):
        StoreProcess().do(partial(sleep_after, 5), limit=1.0)


@pytest.mark.slow
@pytest.mark.long
def test_a_process_that_was_stopped_for_a_while_goes_on() -> None:
    process = StoreProcess()
    threading.Timer(1.0, os.kill, (process._process.pid, signal.SIGSTOP)).start()
    threading.Timer(5.0, os.kill, (process._process.pid, signal.SIGCONT)).start()
    assert process.do(partial(work_on, 0.5, 4), limit=3.0) is None


def test_who_is_in_a_hurry_waits_no_longer_than_that_whatever_it_does() -> None:
    with pytest.raises(StoreError, match=r"not within 0\.3 s"):
        StoreProcess().do(partial(work_on, 0.1, 100), within=0.3)


@pytest.mark.slow
def test_what_was_begun_and_hangs_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audiosim.backends.process.PROGRESS_LIMIT", 1.0)
    process = StoreProcess()
    process.begin(partial(sleep_after, 0))
    process.wait()
    assert not process.running


def test_work_that_was_begun_goes_on_by_itself(tmp_path: Path) -> None:
    process = StoreProcess()
    process.begin((tmp_path / "done").touch)
    process.wait()

    assert (tmp_path / "done").exists()
    assert not process.running
