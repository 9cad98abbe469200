"""How far an import is, stage by stage."""

from __future__ import annotations

from collections.abc import Callable

OnProgress = Callable[[str, int, int], object]  # told a stage, and how many of how many tracks


class Stage:
    """How far a stage is.

    Parameters
    ----------
    on_progress : callable
        Who is told.
    name : str
        The stage, as what becomes of tracks in it: "Entered".
    total : int
        Tracks in all.
    """

    def __init__(self, on_progress: OnProgress, name: str, total: int) -> None:
        self._on_progress, self._name, self._total = on_progress, name, total
        self._done = 0

    def add(self, count: int) -> None:
        """Tell that so many more tracks are done, or as many as there are."""
        self._done = min(self._total, self._done + count)
        self._on_progress(self._name, self._done, self._total)
