"""The package's public names: lazy at run time, typed for a type checker."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import audiosim

PUBLIC: list[str] = audiosim.__all__  # type: ignore[attr-defined]


def test_every_public_name_is_there() -> None:
    for name in PUBLIC:
        assert getattr(audiosim, name) is not None


def test_dir_lists_the_public_names() -> None:
    assert dir(audiosim) == sorted(PUBLIC)
    assert {"__version__", "find_similar", "AudiosimError"} <= set(PUBLIC)


def test_a_star_brings_the_public_names() -> None:
    names: dict[str, object] = {}
    exec("from audiosim import *", names)
    assert set(PUBLIC) <= set(names)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = audiosim.nothing  # type: ignore[attr-defined]


def test_importing_the_package_loads_none_of_its_modules() -> None:
    code = "import audiosim, json, sys; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = json.loads(done.stdout)
    assert not [name for name in modules if name.startswith("audiosim.")]
    assert not {"numpy", "tensorflow", "chromadb"} & set(modules)
