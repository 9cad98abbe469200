"""The docstrings of the public names, by numpydoc's own checks, and the page that is made of them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

from numpydoc.validate import validate

import audiosim

PUBLIC: list[str] = audiosim.__all__  # type: ignore[attr-defined]
API = (Path(__file__).parent.parent / "docs" / "api.rst").read_text(encoding="utf-8")
CHECKS = {
    *("GL05", "GL06", "GL07", "GL08"),  # tabs, unknown sections, their order, no docstring
    *("SS01", "SS02", "SS03", "SS06"),  # a summary: a sentence on a line
    *("PR02", "PR03", "PR04", "PR05", "PR06", "PR07", "PR08", "PR09", "PR10"),  # parameters
    *("RT02", "RT03", "RT04", "RT05", "YD01"),  # what comes back
}
WHOLE = {"PR01", "RT01"}  # every parameter, and what comes back: a sentence may do for a method


def documented() -> Iterator[tuple[str, set[str]]]:
    """Public names and, of classes, their public members, each with its checks."""
    for name in PUBLIC:
        member = getattr(audiosim, name)
        if not callable(member):
            continue
        own = not inspect.isclass(member) or "__init__" in vars(member)
        yield f"{member.__module__}.{name}", CHECKS | WHOLE if own else CHECKS
        for part, value in vars(member).items():
            if not part.startswith("_") and (callable(value) or isinstance(value, (property, classmethod))):
                yield f"{member.__module__}.{name}.{part}", CHECKS


def test_public_docstrings_are_whole() -> None:
    faults = [
        f"{name}: {text}"
        for name, checks in documented()
        for code, text in validate(name)["errors"]
        if code in checks
    ]
    assert not faults, "\n".join(faults)


def test_the_page_lists_every_public_name_once() -> None:
    listed = [line.rpartition(":: ")[2] for line in API.splitlines() if line.startswith(".. auto")]
    assert sorted([*listed, "__version__"]) == sorted(PUBLIC)
