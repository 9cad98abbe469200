from __future__ import annotations

import os
from pathlib import Path

import pytest

from audiosim.core.paths import identity


@pytest.fixture
def linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with `link` -> `disk/albums`, beside each of which is an x.wav."""
    here = tmp_path / "here"
    (here / "folder").mkdir(parents=True)
    (tmp_path / "disk" / "albums" / "one").mkdir(parents=True)
    (here / "link").symlink_to(tmp_path / "disk" / "albums")
    (here / "x.wav").write_text("here")
    (tmp_path / "disk" / "x.wav").write_text("on the disk")
    monkeypatch.chdir(here)
    return tmp_path


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("x.wav", "here/x.wav"),
        ("./folder//../x.wav", "here/x.wav"),
        ("folder/../../here/x.wav", "here/x.wav"),
        ("link/../x.wav", "disk/x.wav"),
        ("link/one/../../x.wav", "disk/x.wav"),
        ("link/one/../two.wav", "here/link/two.wav"),  # other links stay
        ("gone/../x.wav", "here/x.wav"),
        ("../../../../../../../../../../..", None),
    ],
)
def test_two_dots_lead_where_the_system_goes(linked: Path, given: str, expected: str | None) -> None:
    assert identity(given) == os.fsencode("/" if expected is None else linked / expected)
    if expected is not None and os.path.exists(given):
        assert os.path.samefile(given, identity(given))


def test_a_path_that_begins_with_two_slashes_is_one_with_one(linked: Path) -> None:
    assert identity(b"//music/a\xff.wav") == b"/music/a\xff.wav"
