"""The store as searches ask it, in a process that is started before it is known what to ask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING

from audiosim.backends.process import StoreProcess
from audiosim.core.errors import LockedError, StoreError

if TYPE_CHECKING:
    from audiosim.core.types import Float32
    from audiosim.library.index import Index

READER_WAIT = 1.0  # s for the store to be free, before exact search answers
FIRST_SIGN = 0.8  # s for a server to say that it is there, before exact search answers: it is asked once
ANSWER_LIMIT = 30.0  # s for the store to answer, before exact search does


class StoreReader:
    """The store to ask, once, in a process that loads the engine from the moment this is made."""

    def __init__(self) -> None:
        self._process = StoreProcess()
        self.asked = False

    def __enter__(self) -> StoreReader:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.end()

    def nearest(self, index: Index, direction: Float32, count: int) -> list[str]:
        """Find the tracks of an index that are nearest to a direction.

        Parameters
        ----------
        index : Index
            The index to search.
        direction : ndarray of float32, shape=(dim,)
            A unit vector.
        count : int
            How many to find.

        Returns
        -------
        list of str
            Their ids, the nearest first; then those of tracks that the store does not have yet.

        Raises
        ------
        AudiosimError
            If the store does not answer, or not as it should.
        """
        from audiosim.backends.worker import StoreWorker

        self.asked = True
        worker = StoreWorker(index.home, READER_WAIT, 0.0, FIRST_SIGN)
        work = partial(worker.nearest, direction, count, index.configuration.collection)
        try:
            return self._process.do(work, within=ANSWER_LIMIT)
        except LockedError as error:
            label = index.catalog.settings.store_url.label
            raise StoreError(f"{label} is in use by another process") from error


_early: ContextVar[StoreReader | None] = ContextVar("_early", default=None)


@contextmanager
def store_reader() -> Iterator[StoreReader]:
    """Open the store for one question.

    Within another such block it is that one's, unless it has been asked: who is in a hurry opens one early.

    Yields
    ------
    StoreReader
        The store to ask.
    """
    early = _early.get()
    if early is not None and not early.asked:
        yield early
        return
    with StoreReader() as reader:
        token = _early.set(reader)
        try:
            yield reader
        finally:
            _early.reset(token)
