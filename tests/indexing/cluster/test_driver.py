"""Workers on real Ray nodes, several to this machine: once with the real OpenL3, else with a tiny network."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile
from conftest import GOLDEN, SAMPLE_RATE, Cli, make_music, tone
from described_files import written

from audiosim.audio.events import Advanced
from audiosim.audio.supervisor import every
from audiosim.core.config import Home
from audiosim.core.errors import AudiosimError
from audiosim.core.types import TrackOutcome
from audiosim.encoders.request import EncoderRequest
from audiosim.indexing.cluster import Cluster
from audiosim.indexing.cluster import connection as connection_module
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

pytestmark = [
    pytest.mark.ray,
    pytest.mark.long,
    pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed"),
    pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="needs Linux's /proc"),
]
TINY = GOLDEN / "described" / "waveform.toml"  # an encoder that is there at once


class Nodes:
    """A Ray of a head that holds no worker, and nodes."""

    def __init__(self, folder: Path) -> None:
        from ray.cluster_utils import Cluster as RayCluster

        self.folder = folder
        prompt = {"health_check_period_ms": 500, "health_check_failure_threshold": 4}
        head = {"num_cpus": 0, "_system_config": prompt, **SMALL}
        self._rays: Any = RayCluster(initialize_head=True, head_node_args=head)
        self.address: str = self._rays.address
        self._nodes: list[Any] = []

    def grow(self, cwd: Path | None = None, *, cpus: int = 1) -> Any:
        """One more node, with its processes in a folder."""
        before = Path.cwd()
        os.chdir(cwd or self.folder)
        try:
            node = self._rays.add_node(num_cpus=cpus, **SMALL)
        finally:
            os.chdir(before)
        self._nodes.append(node)
        return node

    def shrink(self, node: Any) -> None:
        """A node that is gone from one moment to the next."""
        self._nodes.remove(node)
        self._rays.remove_node(node, allow_graceful=False)

    def only(self, count: int) -> list[Any]:
        """Exactly so many nodes, of one CPU; a node takes seconds to start, so those that are there stay."""
        while len(self._nodes) > count:
            self.shrink(self._nodes[-1])
        while len(self._nodes) < count:
            self.grow()
        return list(self._nodes)

    def close(self) -> None:
        self._rays.shutdown()


SMALL = {"object_store_memory": 80 * 2**20, "include_dashboard": False}


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    made = Nodes(tmp_path_factory.mktemp("nodes"))
    with pytest.MonkeyPatch.context() as patch:  # that it is a Ray takes a process to see: once will do
        patch.setattr(connection_module, "_check", cache(connection_module._check))
        yield made
    made.close()


class Library:
    """A home that is indexed here or on a cluster, by default with the tiny encoder."""

    def __init__(self, folder: Path, request: EncoderRequest | None = None) -> None:
        self.home = Home(folder)
        self.request = request or EncoderRequest(str(TINY))
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
        settings = IndexOptions(request=self.request, jobs=1, cluster=cluster, **options)

        def keep(event: IndexEvent) -> None:
            see(event)
            if isinstance(event, Notice):
                self.notices.append(event.text)
            elif isinstance(event, TrackOutcome):
                self.outcomes.append(event)

        return index_folder([folder], home=self.home.path, options=settings, on_event=keep)

    def reasons(self) -> dict[str, str | None]:
        return {Path(os.fsdecode(o.path)).name: o.reason for o in self.outcomes if o.reason}

    def told(self, words: str) -> list[str]:
        """The notices so far in which those words stand."""
        return [notice for notice in self.notices if words in notice]

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
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "home")


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
    """Those that have got files."""
    return descendants(
        lambda process: (
            " ".join(process.cmdline()).startswith("ray::Worker") and any(map(_decodes, process.children()))
        )
    )


class Reaper(threading.Thread):
    """Acts on whatever process decodes one of some files, whenever one does."""

    def __init__(self, acts: dict[str, Callable[[psutil.Process], None]]) -> None:
        super().__init__(daemon=True)
        self._acts = acts
        self._done = threading.Event()
        self.acted: Counter[str] = Counter()

    def run(self) -> None:
        seen: set[int] = set()
        while not self._done.wait(0.05):
            for process in descendants(_decodes):
                name = self._at_work_on(process)
                if name is not None and process.pid not in seen:
                    seen.add(process.pid)
                    self.acted[name] += 1
                    self._acts[name](process)

    def _at_work_on(self, process: psutil.Process) -> str | None:
        with suppress(psutil.Error):
            names = {Path(file.path).name for file in process.open_files()}
            return next(iter(names & self._acts.keys()), None)
        return None

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


def test_two_nodes_give_what_one_machine_gives(nodes: Nodes, tmp_path: Path, seeded_weights: Path) -> None:
    nodes.only(2)
    request = EncoderRequest("openl3", input_repr="mel128", weights=seeded_weights)
    library, plain = (Library(tmp_path / name, request) for name in ("home", "plain"))
    music = make_music(tmp_path / "music")
    shutil.copy(music / "low" / "00 track.wav", music / "high" / "a copy.wav")
    (music / "noise.mp3").write_bytes(np.random.default_rng(0).bytes(50_000))
    (music / "nothing.wav").write_bytes(b"")
    soundfile.write(music / "silent.wav", np.zeros(3 * SAMPLE_RATE), SAMPLE_RATE)
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


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["clap/clap.toml", "patches.toml"])
def test_a_home_of_a_fetched_model_is_what_one_machine_makes_and_answers_so(
    nodes: Nodes, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Of CLAP and Discogs-EffNet in small; tests/test_panns_end_to_end.py has PANNs, which is large."""
    nodes.only(1)  # whose worker knows another folder of weights: it is sent all that it loads
    monkeypatch.setenv("AUDIOSIM_WEIGHTS", str(tmp_path / "weights"))
    music, request = many(tmp_path / "music", 3), EncoderRequest(str(written(tmp_path, "url", kind)))
    library, plain = (Library(tmp_path / name, request) for name in ("home", "plain"))
    assert plain.index(music).indexed == 3
    server, away = tmp_path / "server", tmp_path / "away"
    server.rename(away)  # nothing more can be fetched
    assert library.index(music, Cluster(nodes.address)).indexed == 3
    away.rename(server)
    ours, theirs = library.vectors(), plain.vectors()
    assert ours.keys() == theirs.keys()
    for digest, frames in ours.items():
        expected = theirs[digest].embedding.astype(np.float32)
        np.testing.assert_allclose(frames.embedding, expected, rtol=0, atol=2e-3 * np.abs(expected).max())
    asked: list[list[object]] = [["similar", music / "00.wav", "--explain"], ["list"]]
    if kind != "patches.toml":
        asked += [["similar", "--text", "speech"], ["describe", music / "02.wav"]]
    assert cli("verify", "--home", library.home.path).code == 0
    assert cli("export", tmp_path / "all.parquet", "--home", library.home.path).code == 0
    assert cli("import", tmp_path / "all.parquet", "--home", tmp_path / "other").code == 0
    for words in asked:
        answers = [cli(*words, "--home", home) for home in (library.home.path, plain.home.path)]
        assert answers[0].code == 0, answers[0].err
        assert re.sub(r"\d\.\d+", "", answers[0].out) == re.sub(r"\d\.\d+", "", answers[1].out)
    taken = cli("similar", music / "00.wav", "--format", "paths", "--home", tmp_path / "other")
    assert taken.out == cli("similar", music / "00.wav", "--format", "paths", "--home", plain.home.path).out


def test_a_decoder_that_crashes_costs_its_file_and_what_kills_workers_is_given_up(
    nodes: Nodes, library: Library, tmp_path: Path
) -> None:
    nodes.only(2)
    music = many(tmp_path / "music", 4)
    write_long(music / "crash.wav")
    shutil.copy(music / "crash.wav", music / "poison.wav")
    with soundfile.SoundFile(music / "poison.wav", "r+") as file:
        file.write(np.ones((1, 8)))  # other audio than crash.wav
    acts: dict[str, Callable[[psutil.Process], None]] = {
        "crash.wav": lambda process: process.send_signal(signal.SIGSEGV),
        "poison.wav": lambda process: psutil.Process(process.ppid()).kill(),
    }
    with Reaper(acts) as reaper:
        report = library.index(music, Cluster(nodes.address))
    assert library.names("indexed") == [f"{number:02}.wav" for number in range(4)]
    assert report.failed == 2
    assert library.reasons() == {
        "crash.wav": f"its decoder crashed (SIGSEGV){ON_TRIAL}",
        "poison.wav": f"its worker was lost {MAX_LOSSES} times{ON_TRIAL}",
    }
    assert reaper.acted["poison.wav"] == MAX_LOSSES


def test_a_worker_killed_and_a_node_lost_cost_nothing_else(
    nodes: Nodes, library: Library, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    _, doomed = nodes.only(2)
    music = many(tmp_path / "music", 80)
    killed: list[int] = []

    def kill_then_pull(event: object) -> None:
        if isinstance(event, TrackOutcome) and not library.told("was lost"):
            at_work = {worker.ppid(): worker for worker in workers()}
            if not killed and len(at_work) == 2:
                killed.extend(worker.pid for raylet, worker in at_work.items() if raylet != doomed_raylet)
                os.kill(killed[0], signal.SIGKILL)
            time.sleep(0.3)  # one worker would be done with all before the other is ready, or its loss known
        elif isinstance(event, Notice) and "was lost" in event.text and not library.told("was lost"):
            nodes.shrink(doomed)

    doomed_raylet = doomed.all_processes["raylet"][0].process.pid
    report = library.index(music, Cluster(nodes.address), see=kill_then_pull)
    assert report.indexed == 80
    assert library.names("indexed") == sorted(path.name for path in music.iterdir())
    assert len(library.told("was lost")) == 2
    assert len(library.vectors()) == 80
    assert not capfd.readouterr().out


def test_no_room_for_a_worker_is_an_error_in_time(
    nodes: Nodes, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes.only(1)
    monkeypatch.setattr(driver_module, "START_LIMIT", 1.0)
    music = many(tmp_path / "music", 2)
    with closing(Connection(nodes.address)) as connection:
        other = connection.start(Worker, WorkerPlan(1, 1, 0.0))
        connection.answer(other.take.remote([]))  # it has the node's processor
        with pytest.raises(AudiosimError, match="none was ready after 1 s"):
            library.index(music, Cluster(nodes.address))
        with pytest.raises(AudiosimError, match="No node of the Ray cluster has 5 CPUs"):
            library.index(music, Cluster(nodes.address, cpus=5))


def test_weights_that_find_no_room_on_the_cluster_are_an_error(
    nodes: Nodes, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    def put(value: object) -> None:
        raise ray.exceptions.ObjectStoreFullError("no room for it")

    nodes.only(1)
    monkeypatch.setattr(ray, "put", put)
    with pytest.raises(AudiosimError, match=r"weights can't be handed to the Ray cluster: .*store is full"):
        library.index(many(tmp_path / "music", 1), Cluster(nodes.address))


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


def test_a_node_without_the_music_is_left_out_and_none_with_it_is_an_error(
    nodes: Nodes, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes.only(1)
    whole = Path(tempfile.mkdtemp(dir=nodes.folder))
    many(whole / "music", 60)
    monkeypatch.chdir(nodes.folder)
    music = Path("/proc/self/cwd") / whole.name / "music"  # each process sees its own folder's
    (tmp_path / "bare").mkdir()
    bare = nodes.grow(tmp_path / "bare", cpus=2)
    with pytest.raises(AudiosimError, match="No node of the Ray cluster can read the music"):
        library.index(music, Cluster(nodes.address, cpus=2))  # which the other node has not
    with Catalog(library.home.catalog, read_only=True) as catalog:
        assert not list(catalog.files.all())

    def wait_for_the_bare_one(event: object) -> None:
        if isinstance(event, TrackOutcome) and not library.told("can't read the music"):
            time.sleep(0.3)  # the other would be done before it is ready

    report = library.index(music, Cluster(nodes.address), see=wait_for_the_bare_one)
    assert (report.indexed, report.failed) == (60, 0)
    assert library.told("can't read the music")
    nodes.shrink(bare)


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


def test_a_ray_of_its_own_speaks_only_json_and_is_ended_with_the_run(tmp_path: Path) -> None:
    music = many(tmp_path / "music", 3)
    command = [sys.executable, "-m", "audiosim", "index", str(music), "--ray", "local", "--json"]
    command += ["--encoder", str(TINY)]
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
