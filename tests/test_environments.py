"""Surroundings that lack something: a home folder, memory, a library, the current folder."""

from __future__ import annotations

import os
import pwd
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest
from conftest import Cli
from fake_encoder import FakeEncoder

from audiosim.cli import explained
from audiosim.core.errors import AudiosimError, UsageError
from audiosim.core.memory import check_address_space
from audiosim.indexing.pipeline import index_folder

NOBODY = """
import os, pwd
def unknown(uid): raise KeyError(uid)
pwd.getpwuid = unknown
os.environ.pop("HOME", None)
"""
LOAD_TENSORFLOW = """
from audiosim.core.errors import AudiosimError
from audiosim.encoders.runtime import tensorflow
try:
    tensorflow()
except AudiosimError as error:
    print(error)
"""


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable and no system names a home folder: a container of an unknown user."""

    def unknown(uid: int) -> NoReturn:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "AUDIOSIM_HOME", "AUDIOSIM_WEIGHTS", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)


def python(program: str, *arguments: object, path: Path | None = None, limit: int | None = None) -> str:
    """What a program prints, with this folder before all others, or so many bytes of address space."""
    where = os.pathsep.join(map(str, [path or ".", Path(__file__).parent.parent]))
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": where},
        preexec_fn=limit and (lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit))),  # type: ignore[arg-type]
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return str(done.stdout)


@pytest.mark.usefixtures("nobody")
def test_without_a_home_folder_a_user_is_told_what_to_name(cli: Cli, tmp_path: Path) -> None:
    for words in (["status"], ["index"], ["similar", "a.wav"]):
        done = cli(*words)
        assert done.code == 1
        assert done.err.splitlines() == [
            "audiosim: There is no folder to keep things in: the system knows no home folder of this user.",
            "Give a --home, or set AUDIOSIM_HOME.",
        ]
    assert "Set AUDIOSIM_WEIGHTS, or HOME." in cli("weights", "path").err
    done = cli("status", "--home=~/home")
    assert done.code == 2
    assert "Give the whole path, or set HOME." in done.err
    assert not (tmp_path / "~").exists()


@pytest.mark.usefixtures("nobody")
def test_without_a_home_folder_what_is_named_is_used(cli: Cli, tmp_path: Path, music: Path) -> None:
    index_folder([music], home=tmp_path / "home", encoder=FakeEncoder())
    assert cli("status", "--home", tmp_path / "home").code == 0
    assert cli("list", AUDIOSIM_HOME=tmp_path / "home").code == 0


@pytest.mark.slow
def test_chroma_needs_no_home_folder() -> None:
    load = "from audiosim.backends.chroma import load_chroma; load_chroma(); print('loaded')"
    assert python(NOBODY + load) == "loaded\n"


def test_a_current_folder_that_is_gone_is_an_error_of_two_lines(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> NoReturn:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr("audiosim.cli.os.getcwd", gone)
    from audiosim.cli import _see_folder

    with pytest.raises(AudiosimError, match="The current folder can't be used"):
        _see_folder()


@pytest.mark.slow
def test_a_library_that_tensorflow_lacks_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "tensorflow").mkdir()
    page = "Traceback:\nImportError: libx.so.2: cannot open shared object file\n\nSee URL"
    (tmp_path / "tensorflow" / "__init__.py").write_text(f"raise ImportError({page!r})")
    assert python(LOAD_TENSORFLOW, path=tmp_path).splitlines() == [
        "TensorFlow can't be loaded: libx.so.2: cannot open shared object file.",
        "Install it again: pip install --force-reinstall tensorflow",
    ]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a limit of address space that is kept")
def test_too_little_address_space_for_tensorflow_is_told_and_does_not_end_the_process() -> None:
    assert "TensorFlow can't be loaded: it needs 3 GB of address space" in python(
        LOAD_TENSORFLOW, limit=2_500_000_000
    )


def test_address_space_is_checked_where_it_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (2e9, 4e9))
    check_address_space("it", 2e9)
    with pytest.raises(AudiosimError, match=r"it needs 3 GB of address space, and 2 GB are allowed"):
        check_address_space("it", 3e9)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, 0))
    check_address_space("it", 3e9)


@pytest.mark.slow
def test_a_library_that_chroma_lacks_leaves_the_catalog_to_answer(tmp_path: Path, music: Path) -> None:
    index_folder([music], home=tmp_path / "home", encoder=FakeEncoder())
    (tmp_path / "chromadb").mkdir()
    (tmp_path / "chromadb" / "__init__.py").write_text("raise ImportError('libx.so: cannot open it')")
    done = subprocess.run(
        [sys.executable, "-m", "audiosim", "similar", music / "low" / "00 track.wav", "-k", "2"],
        env={**os.environ, "AUDIOSIM_HOME": str(tmp_path / "home"), "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent,
    )
    assert len(done.stdout.splitlines()) == 3
    assert "Chroma can't be loaded: libx.so: cannot open it" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (UsageError("No", "why", "Do."), "No: why.\nDo."),
        (OSError(28, "No space left on device", "/x"), "No space left on device: /x"),
        (OSError("plain"), "plain"),
        (MemoryError(), "There is not enough memory.\nClose other programs, or raise its limit."),
        (
            ImportError("libx.so.1: cannot open\nit", name="scipy.linalg"),
            "scipy can't be loaded: libx.so.1: cannot open it.\n"
            "Install it again: pip install --force-reinstall scipy",
        ),
        (RuntimeError("can't start new thread"), "No thread can be started: "),
        (RuntimeError("a defect"), None),
    ],
)
def test_what_the_machine_lacks_is_told_and_defects_of_ours_are_not(
    error: BaseException, told: str | None
) -> None:
    found = explained(error)
    assert (None if found is None else str(found).startswith(told or "?")) == (told and True)


def test_a_temporary_folder_that_is_not_there_is_no_matter(
    cli: Cli, tmp_path: Path, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_folder([music], home=tmp_path / "home", encoder=FakeEncoder())
    shutil.rmtree(music / "high")
    done = cli("similar", music / "low" / "00 track.wav", "--home", tmp_path / "home", TMPDIR="/nonexistent")
    assert done.code == 0
