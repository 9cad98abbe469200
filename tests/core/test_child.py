from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from audiosim.core.child import start_child

PROGRAM = """
import os, sys

def main():
    told = [sys.stdin.read(), os.environ["TOLD"], sys.stdout.encoding, str("elsewhere" in sys.path)]
    print(" ".join(told))
    sys.exit("that was all")
"""


def test_a_child_runs_a_module_of_this_import_path_with_pipes_and_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "told.py").write_text(PROGRAM)
    monkeypatch.setattr(sys, "path", [str(tmp_path), "elsewhere", *sys.path])
    monkeypatch.setenv("TOLD", "another")

    child = start_child("told", stderr=subprocess.PIPE, variables={"TOLD": "word"})
    out, err = child.communicate(b"asked")

    assert out.split() == [b"asked", b"word", b"utf-8", b"True"]
    assert err.strip() == b"that was all"
    assert child.returncode == 1
    assert os.environ["TOLD"] == "another"
