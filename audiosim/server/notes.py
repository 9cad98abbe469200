"""What the commands say beside their answers, for those that are given here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from audiosim.core.types import Track
from audiosim.library.filters import Filter
from audiosim.library.folders import notes_of_folders
from audiosim.library.index import Index, absent_note, unopened_note
from audiosim.library.suggestions import suggestions
from audiosim.server.problems import named
from audiosim.server.services import Services


def notes_of(
    here: Services,
    index: Index,
    own: Iterable[str] = (),
    *,
    only: Filter | None = None,
    empty: bool = False,
    queries: Iterable[Track] = (),
    answers: Iterable[Track] = (),
) -> list[str]:
    """Give what is to be told with an answer, a sentence each.

    Parameters
    ----------
    here : Services
        The server's.
    index : Index
        What answers.
    own : iterable of str
        What the answer itself tells.
    only : Filter, optional
        What tracks had to be.
    empty : bool
        Whether no track answers.
    queries : iterable of Track
        What was asked with.
    answers : iterable of Track
        Those that do, where their files are to be played.
    """
    absent = absent_note(index, queries, "query file"), absent_note(index, answers)
    notes = [*_notes(index, own, only, empty), *absent, unopened_note(index)]
    return [named(note, here.options.home) for note in notes if note is not None]


def _notes(index: Index, own: Iterable[str], only: Filter | None, empty: bool) -> Iterator[str]:
    if only is not None:
        yield from notes_of_folders(only, index.catalog)
    yield from own
    if empty:
        yield from suggestions(index.catalog, only or Filter())
