from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from audiosim.core.errors import HomeError, LockedError
from audiosim.core.files import hold, is_held

HOLDER = """
import sys, time
from pathlib import Path
from audiosim.core.files import hold
with hold(Path(sys.argv[1]), wait=0, what="indexing"):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@contextmanager
def another_process(path: Path, seconds: float = 60.0) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock for so long, or until the block ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), str(seconds)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_lock_that_another_process_holds_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "index.lock"
    start = time.monotonic()
    with (
        another_process(path),
        pytest.raises(LockedError, match="Another audiosim is indexing"),
        hold(path, wait=0, what="indexing"),
    ):
        pass
    assert time.monotonic() - start < 20


def test_a_lock_is_waited_for_as_long_as_asked_then_refused(tmp_path: Path) -> None:
    path = tmp_path / "index.lock"
    with another_process(path):
        start = time.monotonic()
        with pytest.raises(LockedError), hold(path, wait=0.5, what="indexing"):
            pass
        assert 0.5 <= time.monotonic() - start < 5


def test_a_lock_that_is_released_in_time_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "index.lock"
    with another_process(path, 0.5), hold(path, wait=30, what="indexing"):
        assert path.exists()


def test_a_lock_is_free_again_after_its_holder_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "index.lock"
    with another_process(path) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with hold(path, wait=0, what="indexing"):
            pass


def test_another_process_is_refused_what_this_one_holds_and_gets_it_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "index.lock"
    command = [sys.executable, "-c", HOLDER, str(path), "0"]
    with hold(path, wait=0, what="indexing"):
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "LockedError" in refused.stderr
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "held\n"


def test_a_lock_is_released_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "index.lock"
    with pytest.raises(ZeroDivisionError), hold(path, wait=0, what="indexing"):
        raise ZeroDivisionError
    with hold(path, wait=0, what="indexing"):
        pass


def test_two_locks_do_not_concern_each_other(tmp_path: Path) -> None:
    with another_process(tmp_path / "index.lock"), hold(tmp_path / "store.lock", wait=0, what="storing"):
        pass


def test_the_refusal_names_the_lock_and_the_remedy_and_has_its_exit_code(tmp_path: Path) -> None:
    path = tmp_path / "index.lock"
    with (
        another_process(path),
        pytest.raises(LockedError) as caught,
        hold(path, wait=0, what="indexing"),
    ):
        pass
    assert str(path) in caught.value.why
    assert "`wait`" in caught.value.remedy
    assert caught.value.exit_code == 4


def test_a_lock_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.touch()
    with pytest.raises(HomeError, match="Can't lock"), hold(place / "index.lock", wait=0, what="indexing"):
        pass


def test_an_error_of_the_system_within_the_block_is_not_taken_for_the_locks(tmp_path: Path) -> None:
    with (
        pytest.raises(FileNotFoundError, match="mine"),
        hold(tmp_path / "index.lock", wait=0, what="indexing"),
    ):
        raise FileNotFoundError("mine")


def test_whether_a_lock_is_held_is_seen_and_looking_refuses_nobody(tmp_path: Path) -> None:
    path = tmp_path / "index.lock"
    assert not is_held(path)
    assert not path.exists()
    with another_process(path) as process:
        assert is_held(path)
        process.kill()
        process.wait()
    assert not is_held(path)
    seen_enough = threading.Event()

    def look() -> None:
        while not seen_enough.wait(0.01):
            is_held(path)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        for _ in range(50):
            with hold(path, wait=0, what="indexing"):
                time.sleep(0.001)
    finally:
        seen_enough.set()
        looker.join()
