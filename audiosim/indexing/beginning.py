"""What comes before a run has the lock: wrong usage is refused, a first run loads its encoder or ends."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress

from audiosim.core.config import Home
from audiosim.core.errors import HomeError, WeightsError
from audiosim.core.types import Encoder
from audiosim.indexing.options import IndexOptions
from audiosim.indexing.report import Activity, IndexEvent, IndexReport, NoAudio, Planned, Started
from audiosim.indexing.spaces import check_begun
from audiosim.indexing.survey import Target, chosen_store, decide, survey, vacant
from audiosim.library.catalog import Catalog
from audiosim.library.configuration import made_home, make_cache
from audiosim.library.spaces import foreseen
from audiosim.store import reach

PathLike = str | os.PathLike[str]


def empty_run(home: Home, target: Target, options: IndexOptions) -> Iterator[IndexEvent]:
    """A first run over folders without audio: it settles nothing, and makes no home."""
    encoder = target.configuration.spec.describe()
    report = IndexReport(encoder, home.path, vacant=vacant(target, survey(target, None, options)))
    yield Started(encoder, home.path)
    yield Planned(0, 0)
    yield from map(NoAudio, report.vacant)
    yield report


def first_encoder(
    home: Home, paths: Sequence[PathLike], options: IndexOptions, encoder: Encoder | None
) -> Generator[IndexEvent, None, Encoder]:
    """Load what a new home will have; what fails at once does so here, and leaves nothing behind."""
    with made_home(home):
        if (url := chosen_store(None, options)) is not None:
            reach(home, url)
        if encoder is None:
            yield Activity("Loading the model")
        target = decide(home, None, paths, options, encoder)
        make_cache(target.configuration)
        return target.encoder


def check_usage(
    home: Home, paths: Sequence[PathLike], options: IndexOptions, encoder: Encoder | None
) -> None:
    """Refuse wrong usage without waiting for another run, unless that one may make it right.

    So may the first one, whose folders and encoder the home has yet to learn, and a rebuild.
    """
    if home.rebuild.exists():
        return
    with (
        suppress(HomeError, WeightsError),  # told later
        Catalog(home.catalog, read_only=True) if home.space is None else foreseen(home) as catalog,
    ):
        if home.space is not None:
            check_begun(catalog, options, encoder)
        elif catalog.settings.configuration is None:
            return
        if paths or catalog.settings.roots():
            decide(home, catalog, paths, options, encoder, read_only=True)
