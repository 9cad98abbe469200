from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from audio_files import FORMS, aligned_error, make, music, write_sound
from odd_worker import AT_START

from audiosim.audio import supervisor as supervisor_module
from audiosim.audio.events import (
    DecodeEvent,
    Ended,
    EventQueue,
    Failed,
    Idle,
    Probed,
    QueueClosedError,
    Restarted,
    Samples,
)
from audiosim.audio.supervisor import DecodeSupervisor
from audiosim.core.child import start_child
from audiosim.core.errors import AudiosimError
from audiosim.core.types import AudioInfo, Float32

pytestmark = pytest.mark.slow

RATE = 8000
FileDecodeEvent = Probed | Samples | Restarted | Ended | Failed


def processes(supervisor: DecodeSupervisor) -> list[subprocess.Popen[bytes]]:
    return [member._process for member in supervisor._members if member._process is not None]


def run(
    paths: list[Path],
    *,
    jobs: int = 1,
    rate: int = RATE,
    want: Callable[[bytes, AudioInfo], bool] = lambda path, info: True,
) -> list[DecodeEvent]:
    with DecodeSupervisor(rate, "soxr_hq", jobs=jobs, want=want) as supervisor:
        return list(supervisor.events(os.fsencode(path) for path in paths))


def of(events: list[DecodeEvent], path: Path) -> list[FileDecodeEvent]:
    return [event for event in events if not isinstance(event, Idle) and event.path == os.fsencode(path)]


def samples_of(events: list[DecodeEvent], path: Path) -> Float32:
    parts: list[Float32] = []
    for event in of(events, path):
        if isinstance(event, Restarted):
            parts = []
        elif isinstance(event, Samples):
            parts.append(event.samples)
    return np.concatenate(parts) if parts else np.empty(0, np.float32)


def reason(events: list[DecodeEvent], path: Path) -> str:
    """Why a file failed; it must have failed once, last, and never ended."""
    mine = of(events, path)
    last = mine[-1]
    assert isinstance(last, Failed)
    assert not any(isinstance(event, Ended | Failed) for event in mine[:-1])
    return last.reason


def wavs(folder: Path, count: int, seconds: float = 1.0) -> list[Path]:
    return [
        write_sound(folder / f"{i}.wav", music(seconds, RATE, seed=i), RATE, "WAV", "FLOAT")
        for i in range(count)
    ]


@pytest.fixture
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "STALL_LIMIT", 2.0)


@pytest.mark.parametrize("jobs", [1, 3])
def test_every_file_of_many_is_probed_then_sampled_then_ended(tmp_path: Path, jobs: int) -> None:
    paths = wavs(tmp_path, 25)
    events = run(paths, jobs=jobs)
    seen = {event.path for event in events if not isinstance(event, Idle)}
    assert seen == {os.fsencode(path) for path in paths}
    for number, path in enumerate(paths):
        kinds = [type(event) for event in of(events, path)]
        assert kinds[0] is Probed
        assert kinds[-1] is Ended
        assert set(kinds[1:-1]) == {Samples}
        np.testing.assert_array_equal(samples_of(events, path), music(1.0, RATE, seed=number)[:, 0])


def test_every_format_arrives_at_the_rate_asked_for(tmp_path: Path) -> None:
    paths = [make(tmp_path, name) for name in FORMS]
    events = run(paths, jobs=2, rate=48_000)
    for path, (name, form) in zip(paths, FORMS.items(), strict=True):
        samples = samples_of(events, path)
        last = of(events, path)[-1]
        assert isinstance(last, Ended), name
        assert last.duration == pytest.approx(2.0, abs=0.06)
        assert len(samples) == pytest.approx(last.duration * 48_000, abs=2)
        if form.rate == 48_000:
            assert aligned_error(samples, music(2.0, 48_000, channels=2).mean(axis=1)) < form.error


def test_what_is_probed_comes_with_its_tags_and_digest(tmp_path: Path) -> None:
    path = make(tmp_path, "flac")
    event = run([path])[0]
    assert isinstance(event, Probed)
    assert event.wanted
    assert (event.info.codec, event.info.sample_rate, event.info.channels) == ("flac", 44_100, 2)


def test_unwanted_files_give_no_samples(tmp_path: Path) -> None:
    paths = wavs(tmp_path, 4)
    unwanted = {os.fsencode(path) for path in paths[::2]}
    events = run(paths, want=lambda path, info: path not in unwanted)
    for path in paths[::2]:
        (only,) = of(events, path)
        assert isinstance(only, Probed)
        assert not only.wanted
    for path in paths[1::2]:
        assert len(samples_of(events, path)) == RATE


def test_no_files_start_no_process() -> None:
    with DecodeSupervisor(RATE, "soxr_hq", jobs=2) as supervisor:
        assert list(supervisor.events([])) == []
        assert processes(supervisor) == []


def test_unusable_files_fail_with_their_reason_and_the_rest_go_on(tmp_path: Path) -> None:
    good = wavs(tmp_path, 1)[0]
    text, empty, missing = tmp_path / "text.mp3", tmp_path / "empty.ogg", tmp_path / "missing.wav"
    text.write_text("no sound " * 1000)
    empty.touch()
    silent = write_sound(tmp_path / "nothing.wav", np.empty(0, np.float32), RATE)
    events = run([text, empty, missing, silent, tmp_path, good])
    assert "not readable as audio" in reason(events, text)
    assert reason(events, empty) == "the file is empty"
    assert reason(events, missing) == "it is not there"
    assert "not one sample" in reason(events, silent)
    assert "not readable" in reason(events, tmp_path)
    assert isinstance(of(events, good)[-1], Ended)


def test_a_truncated_flac_restarts_and_ends_with_what_is_left(tmp_path: Path) -> None:
    path = make(tmp_path, "flac", seconds=8.0)
    data = path.read_bytes()
    path.write_bytes(data[: int(0.7 * len(data))])
    events = run([path])
    kinds = [type(event) for event in of(events, path)]
    assert kinds.count(Restarted) == 1
    assert Samples in kinds[: kinds.index(Restarted)]
    last = events[-1]
    assert isinstance(last, Ended)
    assert 4.5 < last.duration < 6.5
    assert len(samples_of(events, path)) == pytest.approx(last.duration * RATE, abs=2)


def test_a_file_that_changes_while_it_is_read_fails(tmp_path: Path) -> None:
    path = wavs(tmp_path, 1)[0]

    def touch(_: bytes, info: AudioInfo) -> bool:
        os.utime(path, ns=(info.mtime_ns, info.mtime_ns + 1_000_000_000))
        return True

    assert "changed while it was read" in reason(run([path], want=touch), path)


def test_a_crash_costs_one_file_and_the_rest_go_on(tmp_path: Path) -> None:
    paths = wavs(tmp_path, 5)
    victim = os.fsencode(paths[2])
    with DecodeSupervisor(
        RATE, "soxr_hq", jobs=1, want=lambda path, info: path != victim or kill()
    ) as supervisor:

        def kill() -> bool:
            os.kill(processes(supervisor)[0].pid, signal.SIGKILL)
            return True

        events = list(supervisor.events(os.fsencode(path) for path in paths))
    assert reason(events, paths[2]) == "its decoder crashed (SIGKILL)"
    for path in paths[:2] + paths[3:]:
        assert isinstance(of(events, path)[-1], Ended)
        assert len(samples_of(events, path)) == RATE


def test_a_crash_in_the_middle_of_a_file_fails_it(tmp_path: Path) -> None:
    long = write_sound(tmp_path / "long.wav", music(300.0, RATE), RATE)
    short = wavs(tmp_path, 1)[0]
    events: list[DecodeEvent] = []
    with DecodeSupervisor(RATE, "soxr_hq", jobs=1) as supervisor:
        for event in supervisor.events([os.fsencode(long), os.fsencode(short)]):
            if isinstance(event, Samples) and not any(isinstance(e, Samples) for e in events):
                os.kill(processes(supervisor)[0].pid, signal.SIGSEGV)
            events.append(event)
    assert reason(events, long) == "its decoder crashed (SIGSEGV)"
    assert isinstance(of(events, short)[-1], Ended)


@pytest.mark.usefixtures("short_patience", "odd_workers")
@pytest.mark.slow
@pytest.mark.parametrize("act", ["spins", "sleeps"])
def test_a_decoder_that_hangs_is_replaced_and_costs_one_file(tmp_path: Path, act: str) -> None:
    paths = wavs(tmp_path, 3)
    paths[1] = paths[1].rename(tmp_path / f"{act}.wav")
    start = time.monotonic()
    events = run(paths)
    assert time.monotonic() - start < 30
    assert reason(events, paths[1]) == "its decoder made no progress for 2 s"
    assert isinstance(of(events, paths[0])[-1], Ended)
    assert isinstance(of(events, paths[2])[-1], Ended)


@pytest.mark.usefixtures("odd_workers")
def test_want_of_memory_is_the_decoder_s_failure_and_costs_one_file(tmp_path: Path) -> None:
    paths = wavs(tmp_path, 2)
    paths[0] = paths[0].rename(tmp_path / "lacks memory.wav")
    events = run(paths)
    assert of(events, paths[0])[-1] == Failed(
        os.fsencode(paths[0]), "the decoder failed (it ran out of memory)", "decoder"
    )
    assert isinstance(of(events, paths[1])[-1], Ended)


@pytest.mark.usefixtures("short_patience", "odd_workers")
@pytest.mark.slow
def test_a_second_try_is_alone_and_after_the_others(tmp_path: Path) -> None:
    paths = wavs(tmp_path, 4)
    once, twice = (tmp_path / f"{name}.wav" for name in ("is killed once", "crashes"))
    paths[0], paths[1] = paths[0].rename(once), paths[1].rename(twice)
    with DecodeSupervisor(RATE, "soxr_hq", jobs=2, second_try=True) as supervisor:
        events = list(supervisor.events(os.fsencode(path) for path in paths))
    assert isinstance(of(events, once)[-1], Ended)
    assert reason(events, twice) == "its decoder crashed (SIGSEGV)"
    assert [type(event) for event in of(events, twice)] == [Probed, Probed, Failed]
    ended = [event.path for event in events if isinstance(event, Ended | Failed)]
    assert set(ended[:2]) == {os.fsencode(path) for path in paths[2:]}


@pytest.mark.usefixtures("short_patience")
@pytest.mark.slow
@pytest.mark.long
def test_a_decoder_that_is_stopped_for_longer_than_a_hang_may_last_goes_on(tmp_path: Path) -> None:
    paths = wavs(tmp_path, 3)
    victim = os.fsencode(paths[1])
    with DecodeSupervisor(
        RATE, "soxr_hq", jobs=1, want=lambda path, info: path != victim or pause()
    ) as supervisor:

        def pause() -> bool:
            pid = processes(supervisor)[0].pid
            os.kill(pid, signal.SIGSTOP)
            threading.Timer(5.0, os.kill, (pid, signal.SIGCONT)).start()
            return True

        events = list(supervisor.events(os.fsencode(path) for path in paths))
    for path in paths:
        assert isinstance(of(events, path)[-1], Ended)


STOPPED_GROUP = """
import os, signal, sys, threading
from audiosim.audio import supervisor as module
from audiosim.audio.events import Ended, Failed
module.STALL_LIMIT = 2.0
paths = [os.fsencode(path) for path in sys.argv[1:]]
def want(path, info):
    if path == paths[0]:
        print("now", flush=True)
    return True
with module.DecodeSupervisor(8000, "soxr_hq", jobs=1, want=want) as supervisor:
    for event in supervisor.events(paths):
        if isinstance(event, Failed):
            print(event.reason, flush=True)
        elif isinstance(event, Ended):
            print("ended", flush=True)
"""


@pytest.mark.slow
@pytest.mark.long
def test_a_run_that_is_stopped_as_a_whole_goes_on_where_it_was(tmp_path: Path) -> None:
    paths = [write_sound(tmp_path / f"{i}.wav", music(400.0, RATE, seed=i), RATE) for i in range(3)]
    command = [sys.executable, "-c", STOPPED_GROUP, *map(str, paths)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "now\n"
        os.killpg(process.pid, signal.SIGSTOP)
        time.sleep(5.0)
        os.killpg(process.pid, signal.SIGCONT)
        assert process.stdout.read().splitlines() == ["ended"] * 3


@pytest.mark.usefixtures("short_patience")
@pytest.mark.slow
@pytest.mark.long
def test_a_decoder_that_is_held_up_for_good_is_given_up_but_not_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audiosim.core.stalls.PATIENCE", 2.0)
    paths = wavs(tmp_path, 1)
    with DecodeSupervisor(RATE, "soxr_hq", jobs=1, want=lambda path, info: stop()) as supervisor:

        def stop() -> bool:
            os.kill(processes(supervisor)[0].pid, signal.SIGSTOP)
            return True

        events = list(supervisor.events([os.fsencode(paths[0])]))
    failed = of(events, paths[0])[-1]
    assert isinstance(failed, Failed)
    assert failed.cause == "file"
    assert "its disk does not answer" in failed.reason


def test_a_process_that_the_system_kills_at_its_start_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def child(module: str, **options: Any) -> subprocess.Popen[bytes]:
        variables = {AT_START: "1"} if len(started) < kills else {}
        started.append(start_child("odd_worker", **{**options, "variables": variables}))
        return started[-1]

    monkeypatch.setattr(supervisor_module, "start_child", child)
    kills, path = 2, wavs(tmp_path, 1)[0]
    assert isinstance(run([path])[-1], Ended)
    started.clear()
    kills = supervisor_module.STARTS
    with pytest.raises(AudiosimError, match="A decoding process did not start"):
        run([path])
    assert len(started) == kills


@pytest.mark.usefixtures("short_patience")
@pytest.mark.slow
def test_a_reader_that_is_slow_is_no_stall(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "long.wav", music(200.0, RATE), RATE)
    events = []
    with DecodeSupervisor(RATE, "soxr_hq", jobs=1) as supervisor:
        for event in supervisor.events([os.fsencode(path)]):
            if isinstance(event, Probed):
                time.sleep(3.0)
            events.append(event)
    assert isinstance(events[-1], Ended)
    assert len(samples_of(events, path)) == 200 * RATE


@pytest.mark.slow
def test_a_file_of_hours_waits_for_its_reader_in_bounded_memory(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "long.wav", np.zeros(3600 * RATE, np.float32), RATE)
    with DecodeSupervisor(RATE, "soxr_hq", jobs=1) as supervisor:
        events = supervisor.events([os.fsencode(path)])
        next(events)
        time.sleep(1.0)
        process = processes(supervisor)[0]
        assert process.poll() is None  # it waits
        queued = 0
        for event in events:
            if isinstance(event, Samples):
                queued += len(event.samples)
            elif isinstance(event, Ended):
                break
    assert queued == 3600 * RATE


def test_leaving_early_ends_the_processes(tmp_path: Path) -> None:
    paths = [write_sound(tmp_path / f"{i}.wav", music(100.0, RATE, seed=i), RATE) for i in range(4)]
    with DecodeSupervisor(RATE, "soxr_hq", jobs=2) as supervisor:
        next(
            event for event in supervisor.events(os.fsencode(p) for p in paths) if isinstance(event, Samples)
        )
        started = processes(supervisor)
        assert started
        start = time.monotonic()
    assert time.monotonic() - start < 5
    assert [process.poll() for process in started] == [-signal.SIGKILL] * len(started)
    for member in supervisor._members:
        member.join(10)
        assert not member.is_alive()


def test_an_error_within_the_context_ends_the_processes(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", music(100.0, RATE), RATE)
    supervisor = DecodeSupervisor(RATE, "soxr_hq", jobs=1)
    started: list[subprocess.Popen[bytes]] = []

    def fail() -> None:
        with supervisor:
            next(supervisor.events([os.fsencode(path)]))
            started.extend(processes(supervisor))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [process.poll() for process in started] == [-signal.SIGKILL]
    supervisor._members[0].join(10)


def test_processes_end_after_the_last_file(tmp_path: Path) -> None:
    with DecodeSupervisor(RATE, "soxr_hq", jobs=2) as supervisor:
        seen: list[subprocess.Popen[bytes]] = []
        for _ in supervisor.events(os.fsencode(path) for path in wavs(tmp_path, 3)):
            seen += processes(supervisor)
        assert seen
        assert all(process.poll() is not None for process in seen)


def test_it_tells_when_no_file_is_on_its_way_and_none_comes(tmp_path: Path) -> None:
    more: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    paths = [os.fsencode(path) for path in wavs(tmp_path, 3)]
    more.put(paths[0])
    done: list[int] = []  # files, at each time that it was idle
    events: list[DecodeEvent] = []
    with DecodeSupervisor(RATE, "soxr_hq", jobs=2) as supervisor:
        for event in supervisor.events(iter(more.get, None)):
            events.append(event)
            if isinstance(event, Idle):
                done.append(sum(isinstance(event, Ended) for event in events))
                for path in paths[1:] if len(done) == 1 else [None, None]:
                    more.put(path)
    assert done[0] == 1
    assert len(done) < 5  # once, not for ever
    assert sum(isinstance(event, Ended) for event in events) == 3


def test_one_process_serves_many_files(tmp_path: Path) -> None:
    pids = set()
    with DecodeSupervisor(RATE, "soxr_hq", jobs=1) as supervisor:
        for event in supervisor.events(os.fsencode(path) for path in wavs(tmp_path, 10)):
            if isinstance(event, Probed):
                pids |= {process.pid for process in processes(supervisor)}
    assert len(pids) == 1


def test_an_error_of_the_asking_function_reaches_the_caller(tmp_path: Path) -> None:
    def want(path: bytes, info: AudioInfo) -> bool:
        raise LookupError(info.codec)

    with pytest.raises(LookupError, match="pcm_f32le"):
        run(wavs(tmp_path, 2), want=want)


def test_an_interrupt_of_the_terminal_leaves_the_processes_to_their_parent(tmp_path: Path) -> None:
    paths = wavs(tmp_path, 2)
    with DecodeSupervisor(RATE, "soxr_hq", jobs=1, want=lambda path, info: interrupt()) as supervisor:

        def interrupt() -> bool:
            os.kill(processes(supervisor)[0].pid, signal.SIGINT)
            return True

        events = list(supervisor.events(os.fsencode(path) for path in paths))
    assert [isinstance(of(events, path)[-1], Ended) for path in paths] == [True, True]


def test_a_process_ends_when_its_parent_is_gone() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "audiosim.audio.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0


def test_a_worker_imports_neither_tensorflow_nor_chromadb(tmp_path: Path) -> None:
    path = make(tmp_path, "aac")
    program = (
        "import sys, audiosim.audio.worker as w, audiosim.audio.probe as p, audiosim.audio.decode as d;"
        f"p.probe({str(path)!r}, lambda: None); list(d.decode_blocks({str(path)!r}));"
        "print({m.split('.')[0] for m in sys.modules} & {'tensorflow', 'chromadb', 'keras', 'rich', 'typer'})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_full_queue_holds_its_writer_until_samples_are_taken() -> None:
    queue = EventQueue(100)
    block = Samples(b"a", np.zeros(60, np.float32))
    queue.put(block)
    queue.put(block)  # begun below the limit
    third = threading.Event()

    def write() -> None:
        queue.put(block)
        third.set()

    threading.Thread(target=write, daemon=True).start()
    assert not third.wait(0.3)
    queue.get()
    assert third.wait(5)


def test_a_full_queue_still_takes_events_without_samples() -> None:
    queue = EventQueue(10)
    queue.put(Samples(b"a", np.zeros(60, np.float32)))
    queue.put(Ended(b"a", 1.0, 0.1))
    assert [type(queue.get()), type(queue.get())] == [Samples, Ended]


def test_closing_the_queue_lets_a_waiting_writer_give_up() -> None:
    queue = EventQueue(10)
    queue.put(Samples(b"a", np.zeros(60, np.float32)))
    gave_up = threading.Event()

    def write() -> None:
        try:
            queue.put(Samples(b"a", np.zeros(60, np.float32)))
        except QueueClosedError:
            gave_up.set()

    threading.Thread(target=write, daemon=True).start()
    time.sleep(0.1)
    queue.close()
    assert gave_up.wait(5)
