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
