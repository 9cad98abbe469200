"""What was used last is kept."""

from __future__ import annotations

from audiosim.core.last_used import LastUsed


def test_the_last_used_are_kept_and_others_made_again() -> None:
    made: list[str] = []

    def make(name: str) -> str | None:
        made.append(name)
        return None if name == "none" else name.upper()

    kept: LastUsed[str | None] = LastUsed(2)
    for name in ("a", "none", "a", "b", "none", "a"):
        assert kept.get(name, make) == (None if name == "none" else name.upper())
    assert made == ["a", "none", "b", "none", "a"]


def test_those_that_are_not_kept_are_made_together() -> None:
    made: list[list[str]] = []

    def make(names: list[str]) -> dict[str, str]:
        made.append(names)
        return {name: name.upper() for name in names}

    kept: LastUsed[str] = LastUsed(3)
    assert kept.get_all(["a", "b", "a"], make) == ["A", "B", "A"]
    assert kept.get_all(["c", "a", "d"], make) == ["C", "A", "D"]
    assert kept.get("a", str.upper) == "A"
    assert kept.get_all(["b", "c"], make) == ["B", "C"]
    assert made == [["a", "b"], ["c", "d"], ["b"]]
    assert kept.get_all(["a", "b", "c", "d"], make) == ["A", "B", "C", "D"]  # more than are kept
