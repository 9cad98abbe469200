"""Fixtures: private folders, the seeded weights, music of a few seconds, the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile
import trustme
from chroma_server import ChromaServerProcess
from command_line import Cli, Finished, run_here, run_process
from filelock import FileLock
from hypothesis import settings
from kept_folder import KeptFolder
from warm_processes import AVAILABLE, warm_processes

from audiosim.core.threads import processors

if TYPE_CHECKING:
    from libraries import Library

__all__ = ["GOLDEN", "SAMPLE_RATE", "Cli", "Finished", "make_music", "tone"]

# Every worker, and hundreds of processes, would else compile audiosim and its tests, each for itself.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Processes that a test forks in Python would tell on their stderr that Milvus's threads are not there.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
# There are more processes than processors, and BLAS's threads wait for each other in loops.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

GOLDEN = Path(__file__).parent / "golden"
sys.path.insert(0, str(GOLDEN))  # recipe.py, which runs in openl3's own environment too

SAMPLE_RATE = 8_000  # Hz
settings.register_profile("audiosim", deadline=None)  # another worker may have the processor meanwhile
settings.load_profile("audiosim")
MARKERS = ("ray", "browser", "server", "network", "slow")  # those that take longest first


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="Run the tests that take long, too.")


def pytest_configure(config: pytest.Config) -> None:
    """Leaves out what takes long, unless all is asked for, or some files, tests or marks are."""
    named = config.args_source is not config.ArgsSource.TESTPATHS
    if not (config.option.all or config.option.markexpr or config.option.keyword or named):
        config.option.markexpr = "not long"


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One worker more than there are cores, as servers and Ray are waited for.

    The tests of one file run where they are asked for: a file is what a worker is given.
    """
    files = {argument.partition("::")[0] for argument in config.args}
    return 0 if len(files) == 1 and Path(*files).is_file() else processors() + 1


@pytest.hookimpl(tryfirst=True)  # before -m looks at the marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks what needs a package index; workers begin with what takes longest, so that they end as one."""
    for item in items:
        if "musicnn_weights_folder" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.network)
    if hasattr(config, "workerinput"):
        rank = {
            path: min((_rank(item) for item in file), default=len(MARKERS))
            for path, file in groupby(items, lambda item: item.path)
        }
        items.sort(key=lambda item: rank[item.path])


def _rank(item: pytest.Item) -> int:
    marks = [MARKERS.index(mark.name) for mark in item.iter_markers() if mark.name in MARKERS]
    return min(marks, default=len(MARKERS))


@pytest.fixture(scope="session", autouse=True)
def warm() -> Iterator[None]:
    """Decoders and the store's processes are forked, not started, where that can be done."""
    if AVAILABLE:
        with warm_processes():
            yield
    else:
        yield


@pytest.fixture(scope="session", autouse=True)
def unhurried_disk() -> Iterator[None]:
    """No disk is waited for: what a power cut would take, no test can see."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)  # which needs an open file too
        yield


@pytest.fixture(autouse=True)
def private_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the user's home or weights."""
    base = tmp_path_factory.mktemp("private")
    monkeypatch.setenv("HOME", str(base))
    monkeypatch.setenv("AUDIOSIM_HOME", str(base / "home"))
    monkeypatch.setenv("AUDIOSIM_WEIGHTS", str(base / "weights"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(base / "xdg-cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(base / "xdg-data"))


@pytest.fixture
def odd_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoding processes do what the names of their files say: see odd_worker.py."""
    from audiosim.audio import supervisor
    from audiosim.core.child import start_child

    monkeypatch.setattr(
        supervisor, "start_child", lambda module, **options: start_child("odd_worker", **options)
    )


@pytest.fixture(scope="session")
def seeded_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OpenL3 weights of the published layout, from a fixed seed."""
    from recipe import write_weights

    return _made_once(tmp_path_factory, "seeded_weights.h5", write_weights)


@pytest.fixture(scope="session")
def musicnn_weights_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder with MusiCNN's weights, fetched once from the package index."""
    from audiosim.encoders.musicnn_weights import find_musicnn

    return _made_once(tmp_path_factory, "musicnn_weights", find_musicnn)


def _made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A file or folder that all of pytest's workers share, made by the first that asks for it."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    path = base / name
    with FileLock(base / f"{name}.lock"):
        if not path.exists():
            make(base / f"new {name}")
            (base / f"new {name}").rename(path)
    return path


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChromaServerProcess]:
    """A Chroma server that tests share: each has collections of its own."""
    with ChromaServerProcess(tmp_path_factory.mktemp("server") / "data") as process:
        yield process


@pytest.fixture(scope="session")
def one_authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The only authority that is trusted, for SSL_CERT_FILE: else each client reads hundreds."""
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    return path


def tone(seconds: float, frequency: float, *, rate: int = SAMPLE_RATE, level: float = 0.3) -> Any:
    """A tone with a few overtones and a beat, float32 (n,)."""
    t = np.arange(int(seconds * rate)) / rate
    partials = sum(np.sin(2 * np.pi * frequency * k * t) / k for k in (1, 2, 3))
    return (level * partials * (0.6 + 0.4 * np.cos(2 * np.pi * 2 * t))).astype(np.float32)


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Six files of 3 to 4 s in two folders: three low tones, three high ones."""
    return make_music(tmp_path / "music")


def make_music(folder: Path) -> Path:
    """The files of `music`, for tests that share them."""
    for number, frequency in enumerate((110, 115, 120, 900, 920, 940)):
        album = folder / ("low" if frequency < 500 else "high")
        album.mkdir(parents=True, exist_ok=True)
        suffix = ("wav", "flac", "ogg")[number % 3]
        soundfile.write(album / f"{number:02} track.{suffix}", tone(3 + number / 6, frequency), SAMPLE_RATE)
    return folder


@pytest.fixture(scope="session")
def kept_library(tmp_path_factory: pytest.TempPathFactory) -> KeptFolder:
    """What `indexed` is a copy of."""
    from libraries import Library

    def make(folder: Path) -> None:
        Library(folder / "home").index(make_music(folder / "music"))

    return KeptFolder(tmp_path_factory.mktemp("library"), make)


@pytest.fixture
def indexed(kept_library: KeptFolder) -> Library:
    """A home that knows files as those of `music`, which lie beside it, by the encoder of the tests."""
    from libraries import Library

    return Library(kept_library.restored() / "home")


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Runs audiosim in this process: cli("index", folder, AUDIOSIM_HOME=...)."""

    def run(*arguments: object, cwd: Path = tmp_path, **environment: object) -> Finished:
        return run_here(_words(arguments), cwd, _variables(environment))

    return run


@pytest.fixture
def cli_process(tmp_path: Path) -> Cli:
    """Runs audiosim as `cli` does, in a process of its own."""

    def run(
        *arguments: object, cwd: Path = tmp_path, timeout: float = 300, **environment: object
    ) -> Finished:
        return run_process(_words(arguments), cwd, _variables(environment), timeout)

    return run


def _words(arguments: Iterable[object]) -> list[str]:
    return [os.fsdecode(word if isinstance(word, str | bytes) else str(word)) for word in arguments]


def _variables(environment: dict[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in environment.items()}
