"""Workers on real Ray nodes, several to this machine, with the real OpenL3 on seeded weights."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile
from conftest import SAMPLE_RATE, Cli, make_music, tone

from audiosim.audio.events import Advanced
from audiosim.audio.supervisor import every
from audiosim.core.config import Home
from audiosim.core.errors import AudiosimError
from audiosim.core.types import TrackOutcome
from audiosim.encoders.request import EncoderRequest
from audiosim.indexing.cluster import Cluster
from audiosim.indexing.cluster import driver as driver_module
from audiosim.indexing.cluster.capacity import WorkerPlan
from audiosim.indexing.cluster.connection import Connection
from audiosim.indexing.cluster.driver import _Driver, _Member
from audiosim.indexing.cluster.scheduler import MAX_LOSSES, Hand, Scheduler
from audiosim.indexing.cluster.worker import Job, Place, Worker
from audiosim.indexing.options import IndexOptions
from audiosim.indexing.pipeline import index_folder
from audiosim.indexing.plan import ON_TRIAL
from audiosim.indexing.report import IndexEvent, IndexReport, Notice
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog

pytest.importorskip("ray")
pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="needs Linux's /proc"),
]


class Nodes:
    """A Ray of a head that holds no worker, and nodes of one CPU."""

    def __init__(self, folder: Path) -> None:
        from ray.cluster_utils import Cluster as RayCluster

        self._folder = folder
        prompt = {"health_check_period_ms": 500, "health_check_failure_threshold": 4}
        head = {"num_cpus": 0, "_system_config": prompt, **SMALL}
        self._rays: Any = RayCluster(initialize_head=True, head_node_args=head)
        self.address: str = self._rays.address
        self._nodes: list[Any] = []

    def grow(self, cwd: Path | None = None) -> Any:
        """One more node, with its processes in a folder."""
        before = Path.cwd()
        os.chdir(cwd or self._folder)
        try:
            node = self._rays.add_node(num_cpus=1, **SMALL)
        finally:
            os.chdir(before)
        self._nodes.append(node)
        return node

    def shrink(self, node: Any) -> None:
        """A node that is gone from one moment to the next."""
        self._nodes.remove(node)
        self._rays.remove_node(node, allow_graceful=False)

    def only(self, count: int) -> None:
        """Exactly so many nodes."""
        while len(self._nodes) > count:
            self.shrink(self._nodes[-1])
        while len(self._nodes) < count:
            self.grow()

    def close(self) -> None:
        self._rays.shutdown()


SMALL = {"object_store_memory": 80 * 2**20, "include_dashboard": False}


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    made = Nodes(tmp_path_factory.mktemp("nodes"))
    yield made
    made.close()


class Library:
    """A home that is indexed with the seeded OpenL3, here or on a cluster."""

    def __init__(self, folder: Path, weights: Path) -> None:
        self.home = Home(folder)
        self.weights = weights
        self.notices: list[str] = []
        self.outcomes: list[TrackOutcome] = []

    def index(
        self,
        folder: Path,
        cluster: Cluster | None = None,
        *,
        see: Callable[[object], None] = lambda event: None,
        **options: Any,
    ) -> IndexReport:
        self.notices, self.outcomes = [], []
        settings = IndexOptions(
            request=EncoderRequest(weights=self.weights), jobs=1, cluster=cluster, **options
        )

        def keep(event: IndexEvent) -> None:
            see(event)
            if isinstance(event, Notice):
                self.notices.append(event.text)
            elif isinstance(event, TrackOutcome):
                self.outcomes.append(event)

        return index_folder([folder], home=self.home.path, options=settings, on_event=keep)

    def reasons(self) -> dict[str, str | None]:
        return {Path(os.fsdecode(o.path)).name: o.reason for o in self.outcomes if o.reason}

    def names(self, status: str) -> list[str]:
        return sorted(Path(os.fsdecode(o.path)).name for o in self.outcomes if o.status == status)

    def vectors(self) -> dict[str, Any]:
        """Each audio's frames, by digest."""
        with Catalog(self.home.catalog, read_only=True) as catalog:
            configuration = catalog.settings.configuration
            assert configuration is not None
            cache = Cache(configuration.cache, configuration.spec)
            read = {digest: cache.read(digest) for digest in catalog.tracks.known_digests()}
        return {digest: cached.frames for digest, cached in read.items() if cached is not None}


@pytest.fixture
def library(tmp_path: Path, seeded_weights: Path) -> Library:
    return Library(tmp_path / "home", seeded_weights)


def descendants(matching: Callable[[psutil.Process], bool]) -> list[psutil.Process]:
    """The processes below this one that match."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if matching(process):
                found.append(process)
        except psutil.Error:
            continue
    return found


def workers() -> list[psutil.Process]:
    return descendants(lambda process: " ".join(process.cmdline()).startswith("ray::Worker"))


class Reaper(threading.Thread):
    """Acts on whatever process decodes a certain file, whenever one does."""

    def __init__(self, name: str, act: Callable[[psutil.Process], None]) -> None:
        super().__init__(daemon=True)
        self._name, self._act = name, act
        self._done = threading.Event()
        self.acted = 0

    def run(self) -> None:
        seen: set[int] = set()
        while not self._done.wait(0.01):
            for process in descendants(self._has_it_open):
                if process.pid not in seen:
                    seen.add(process.pid)
                    self.acted += 1
                    self._act(process)

    def _has_it_open(self, process: psutil.Process) -> bool:
        return _decodes(process) and any(Path(file.path).name == self._name for file in process.open_files())

    def __enter__(self) -> Reaper:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self.join()


def write_long(path: Path) -> None:
    """Audio that takes a while to read, silent but for its beginning."""
    samples = np.zeros(2 * 60 * 48_000, np.float32)
    samples[: 3 * 48_000] = tone(3, 300, rate=48_000)
    soundfile.write(path, np.stack([samples] * 8, 1), 48_000)


def many(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        soundfile.write(folder / f"{number:02}.wav", tone(2, 100 + 10 * number), SAMPLE_RATE)
    return folder


def test_two_nodes_give_what_one_machine_gives(nodes: Nodes, library: Library, tmp_path: Path) -> None:
    nodes.only(2)
    music = make_music(tmp_path / "music")
    shutil.copy(music / "low" / "00 track.wav", music / "high" / "a copy.wav")
    (music / "noise.mp3").write_bytes(np.random.default_rng(0).bytes(50_000))
    (music / "nothing.wav").write_bytes(b"")
    soundfile.write(music / "silent.wav", np.zeros(3 * SAMPLE_RATE), SAMPLE_RATE)
    plain = Library(tmp_path / "plain", library.weights)
    plain.index(music)
    report = library.index(music, Cluster(nodes.address))
    assert report.stages["network"] > 0
    assert (report.indexed, report.reused, report.failed) == (6, 1, 3)
    assert library.reasons() == plain.reasons()
    ours, theirs = library.vectors(), plain.vectors()
    assert len(ours) == 6
    assert ours.keys() == theirs.keys()
    for digest, frames in ours.items():
        np.testing.assert_array_equal(frames.timestamps, theirs[digest].timestamps)
        np.testing.assert_array_equal(frames.level, theirs[digest].level)
        a, b = (f.embedding.astype(np.float64) for f in (frames, theirs[digest]))
        assert ((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min() >= 0.99999
    again = library.index(music, Cluster(nodes.address))
    assert (again.unchanged, again.failed_before, again.indexed) == (7, 3, 0)


def test_a_worker_killed_and_a_node_lost_cost_nothing_else(
    nodes: Nodes, library: Library, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    nodes.only(1)
    doomed = nodes.grow()
    music = many(tmp_path / "music", 40)
    killed: list[int] = []

    def kill_then_pull(event: object) -> None:
        if isinstance(event, TrackOutcome) and not killed:
            process = next(process for process in workers() if process.ppid() != doomed_raylet)
            killed.append(process.pid)
            process.kill()
        elif isinstance(event, Notice) and "was lost" in event.text and doomed in nodes._nodes:
            nodes.shrink(doomed)

    doomed_raylet = doomed.all_processes["raylet"][0].process.pid
    report = library.index(music, Cluster(nodes.address), see=kill_then_pull)
    assert report.indexed == 40
    assert library.names("indexed") == sorted(path.name for path in music.iterdir())
    lost = [notice for notice in library.notices if "was lost" in notice]
    assert len(lost) == 2
    assert len(library.vectors()) == 40
    assert not capfd.readouterr().out


def test_a_decoder_that_crashes_costs_its_file_and_what_kills_workers_is_given_up(
    nodes: Nodes, library: Library, tmp_path: Path
) -> None:
    nodes.only(2)
    music = many(tmp_path / "music", 4)
    write_long(music / "crash.wav")
    write_long(music / "poison.wav")
    with soundfile.SoundFile(music / "poison.wav", "r+") as file:
        file.write(np.ones((1, 8)))  # other audio than crash.wav
    crash = Reaper("crash.wav", lambda process: process.send_signal(signal.SIGSEGV))
    poison = Reaper("poison.wav", lambda process: psutil.Process(process.ppid()).kill())
    with crash, poison:
        report = library.index(music, Cluster(nodes.address))
    assert library.names("indexed") == [f"{number:02}.wav" for number in range(4)]
    assert report.failed == 2
    assert library.reasons() == {
        "crash.wav": f"its decoder crashed (SIGSEGV){ON_TRIAL}",
        "poison.wav": f"its worker was lost {MAX_LOSSES} times{ON_TRIAL}",
    }
    assert poison.acted == MAX_LOSSES


def test_a_node_without_the_music_is_left_out_and_none_with_it_is_an_error(
    nodes: Nodes, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, bare = tmp_path / "whole", tmp_path / "bare"
    bare.mkdir()
    whole.mkdir()
    many(whole / "music", 24)
    monkeypatch.chdir(whole)
    music = Path("/proc/self/cwd/music")  # each process sees its own folder's
    nodes.only(0)
    nodes.grow(bare)
    with pytest.raises(AudiosimError, match="No node of the Ray cluster can read the music"):
        library.index(music, Cluster(nodes.address))
    with Catalog(library.home.catalog, read_only=True) as catalog:
        assert not list(catalog.files.all())
    nodes.grow(whole)
    report = library.index(music, Cluster(nodes.address))
    assert (report.indexed, report.failed) == (24, 0)
    assert [notice for notice in library.notices if "can't read the music" in notice]
    nodes.only(0)


def test_no_room_for_a_worker_is_an_error_in_time(
    nodes: Nodes, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes.only(1)
    monkeypatch.setattr(driver_module, "START_LIMIT", 1.0)
    music = many(tmp_path / "music", 2)
    with pytest.raises(AudiosimError, match="none was ready after 1 s"):
        library.index(music, Cluster(nodes.address))
    with pytest.raises(AudiosimError, match="No node of the Ray cluster has 5 CPUs"):
        library.index(music, Cluster(nodes.address, cpus=5))
    nodes.only(0)


def test_what_a_worker_can_t_do_is_an_error_that_says_so(
    nodes: Nodes, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes.only(1)
    takes = WorkerPlan(1, 1, 0.0)
    with closing(Connection(nodes.address)) as connection:
        worker = connection.start(Worker, takes)
        with pytest.raises(AudiosimError, match=r"has audiosim .*, not 0\.0\.1"):
            connection.answer(worker.start.remote(Job("0.0.1", "", "auto", None, 1, 1, takes), {}))
        with pytest.raises(AudiosimError, match=r"A worker on the Ray cluster failed: AttributeError"):
            connection.answer(worker.take.remote([b"/music/00.wav"]))
    (tmp_path / "absent.py").write_text("class Worker:\n    def start(self, job, weights): pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(driver_module, "Worker", import_module("absent").Worker)
    with pytest.raises(AudiosimError, match=r"can't be started .*No module named 'absent'"):
        library.index(many(tmp_path / "music", 1), Cluster(nodes.address))


def test_a_ray_that_is_not_there_is_an_error_in_time(
    cli: Cli, cli_process: Cli, music: Path, seeded_weights: Path, tmp_path: Path
) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    start = time.monotonic()
    done = cli("index", music, "--weights", seeded_weights, "--ray", f"127.0.0.1:{port}")
    assert done.code == 1
    assert f"Can't reach a Ray at 127.0.0.1:{port}: Connection refused" in done.err
    assert time.monotonic() - start < 60
    (tmp_path / "shadow").mkdir()
    (tmp_path / "shadow" / "ray.py").write_text("raise ImportError('not here')")
    shadow = f"{tmp_path / 'shadow'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    done = cli_process("index", music, "--weights", seeded_weights, "--ray", "local", PYTHONPATH=shadow)
    assert done.code == 1
    assert "pip install 'audiosim[ray]'" in done.err


def test_options_that_contradict_are_usage_errors(cli: Cli, music: Path, seeded_weights: Path) -> None:
    for options in (
        ["--ray", "ray://127.0.0.1:1"],
        ["--ray-cpus", "2"],
        ["--ray-gpus", "1"],
        ["--ray", "auto", "--dry-run"],
        ["--ray", ""],
    ):
        done = cli("index", music, "--weights", seeded_weights, *options)
        assert done.code == 2
        assert "--ray" in done.err


def test_a_ray_of_its_own_speaks_only_json_and_is_ended_with_the_run(
    tmp_path: Path, seeded_weights: Path
) -> None:
    music = many(tmp_path / "music", 3)
    command = [sys.executable, "-m", "audiosim", "index", str(music), "--ray", "local", "--json"]
    command += ["--weights", str(seeded_weights)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("{")
    assert '"indexed": 3' in done.stdout
    assert "ray" not in done.stderr.lower().replace(str(tmp_path).lower(), "")
    write_long(music / "long.wav")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=tmp_path) as process:
        while not (decoders := descendants(_decodes)):
            assert process.poll() is None
            time.sleep(0.05)
        begun = [*psutil.Process(process.pid).children(recursive=True), *decoders]
        process.terminate()
        assert process.wait(60) == 143
    _, alive = psutil.wait_procs(begun, timeout=30)
    assert not alive


def _decodes(process: psutil.Process) -> bool:
    return "audiosim.audio.worker" in " ".join(process.cmdline())


def test_workers_tell_how_far_long_files_are() -> None:
    class Says:
        def answer(self, call: Any) -> Any:
            return Advanced(b"/mix.flac", 600.0)

    place = Place("0" * 8, "host")
    driver = _Driver(Says(), None, None, Scheduler([], count=0, jobs=1), every)  # type: ignore[arg-type]
    driver._members["stream"] = _Member(None, place, Hand(place.node))
    assert list(driver._news("stream")) == [Advanced(b"/mix.flac", 600.0)]
