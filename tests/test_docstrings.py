"""The page that is made of the public names' docstrings."""

from __future__ import annotations

from pathlib import Path

import audiosim

PUBLIC: list[str] = audiosim.__all__  # type: ignore[attr-defined]
API = (Path(__file__).parent.parent / "docs" / "api.rst").read_text(encoding="utf-8")


def test_the_page_lists_every_public_name_once() -> None:
    listed = [line.rpartition(":: ")[2] for line in API.splitlines() if line.startswith(".. auto")]
    assert sorted([*listed, "__version__"]) == sorted(PUBLIC)
