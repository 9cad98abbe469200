"""The store compared with the catalog."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from audiosim.backends.base import Backend, Contents, VectorStore
from audiosim.core.errors import StoreAwayError, StoreError
from audiosim.core.text import counted
from audiosim.core.types import Float32
from audiosim.core.vectors import are_whole
from audiosim.library.catalog import Catalog
from audiosim.library.neighbours import nearest
from audiosim.library.whitening import AS_THEY_ARE, SearchSpace

SAMPLE = 10_000  # vectors compared, unless all are
QUERIES = 100  # asked of the store and of exact search
NEIGHBOURS = 10
RECALL_LIMIT = 0.95
TOLERANCE = 1e-5  # between a vector here and there


@dataclass(frozen=True)
class Inspection:
    """What was found: vectors held and compared, recall@10 against exact search, and faults.

    ``dirty``: a burst of writes to it did not end. ``stamp``: what it bears.
    """

    held: int = 0
    compared: int = 0
    recall: float | None = None
    faults: list[str] = field(default_factory=list)
    dirty: bool = False
    stamp: str | None = None


def compare(
    catalog: Catalog, backend: Backend, name: str | None, *, full: bool, filled: bool = False
) -> Inspection:
    """Compare a collection with what the catalog says it holds.

    Parameters
    ----------
    catalog : Catalog
        The home's, open.
    backend, name : Backend, str or None
        The collection; no name where there is none yet. Nobody else writes to it meanwhile.
    full : bool
        Whether to compare every vector, not a sample of 10,000, and to ask for each.
    filled : bool
        Whether it was just filled with all that is indexed.

    Raises
    ------
    StoreAwayError
        If its server stays away.
    """
    with catalog.snapshot():
        configuration = catalog.settings.configuration
        expected = catalog.store_state.expected(filled=filled)
        dirty, known = catalog.store_state.dirty, catalog.store_state.stamp
        begun = expected.possible or known is not None
        if configuration is None or name is None or not (begun or filled):
            return Inspection()
        contents = Contents(configuration.collection, configuration.dimension)
        try:
            with backend.open(name, contents) as store:
                stamp, held = store.stamp, set(store.ids())
                faults = _differences(held, expected.acknowledged, expected.possible)
                same = sorted(held & expected.current & _whole(catalog, configuration.dimension))
                sample = same if full else _thinned(same, SAMPLE)
                faults += _wrong_vectors(store, catalog, sample)
                faults += _strange_answers(store, catalog, same if full else _thinned(same, QUERIES), held)
                recall = _recall(store, catalog, same, others=len(held) - len(same))
        except StoreAwayError:
            raise
        except StoreError as error:
            return Inspection(faults=[" ".join(str(error).split())])
    if recall is not None and recall < RECALL_LIMIT:
        faults.append(f"its recall@{NEIGHBOURS} is {recall:.3f}")
    if not (filled or dirty or known in (None, stamp)):
        faults.append("it is not as it was written")
    return Inspection(len(held), len(sample), recall, faults, dirty, stamp)


def _whole(catalog: Catalog, dimension: int) -> set[str]:
    """Indexed files whose vectors in the catalog are fit to be compared with."""
    return {id_ for id_, vector in catalog.tracks.indexed_vectors() if are_whole(vector, dimension)}


def _differences(held: set[str], acknowledged: set[str], possible: set[str]) -> list[str]:
    missing, strange = len(acknowledged - held), len(held - possible)
    faults = []
    if missing:
        faults.append(f"it lacks {missing} of {counted(len(acknowledged), 'vector')}")
    if strange:
        faults.append(f"it holds {counted(strange, 'vector')} that the catalog does not know")
    return faults


def _wrong_vectors(store: VectorStore, catalog: Catalog, ids: Sequence[str]) -> list[str]:
    expected = _searched(catalog, ids)
    found = store.vectors(ids)
    wrong = sum(
        not np.allclose(found[id_], vector, rtol=0, atol=TOLERANCE)
        for id_, vector in expected.items()
        if id_ in found
    )
    return [f"{wrong} of {counted(len(expected), 'vector')} differ from the catalog's"] if wrong else []


def _strange_answers(store: VectorStore, catalog: Catalog, ids: Sequence[str], held: set[str]) -> list[str]:
    nearest = [store.nearest(vector, 1) for vector in _searched(catalog, ids).values()]
    strange = {found for answer in nearest for found in answer} - held
    return [f"it answers with {counted(len(strange), 'id')} that it does not hold"] if strange else []


def _recall(store: VectorStore, catalog: Catalog, same: Sequence[str], *, others: int) -> float | None:
    """The share of exact search's nearest that the store finds, over vectors both have; ties count as found.

    It holds `others` as well, which may come before those.
    """
    asked = list(_searched(catalog, _thinned(same, QUERIES)).values())
    if not asked:
        return None
    known = set(same)
    limits = _tenth_best(catalog, known, np.stack(asked))
    count = min(NEIGHBOURS, len(same))
    shares = []
    for query, limit in zip(asked, limits, strict=True):
        nearest = [id_ for id_ in store.nearest(query, count + others) if id_ in known]
        found = _searched(catalog, nearest[:count]).values()
        shares.append(sum(float(vector @ query) >= limit - TOLERANCE for vector in found) / count)
    return float(np.mean(shares))


def _searched(catalog: Catalog, ids: Iterable[str]) -> dict[str, Float32]:
    """The vectors of indexed files, as the store should hold them."""
    space = _space(catalog)
    return {id_: space(entry.vector) for id_, entry in catalog.tracks.entries_with(ids).items()}


def _space(catalog: Catalog) -> SearchSpace:
    configuration = catalog.settings.configuration
    return AS_THEY_ARE if configuration is None else configuration.space


def _thinned(ids: Sequence[str], limit: int) -> Sequence[str]:
    """At most so many of the ids, evenly spread."""
    return ids[:: -(-len(ids) // limit) or 1]


def _tenth_best(catalog: Catalog, ids: set[str], queries: Float32) -> Float32:
    """The similarity (queries,) of the tenth nearest of these vectors, or of the last one."""
    best: Float32 = np.empty((len(queries), 0), np.float32)
    vectors = (vector for id_, vector in catalog.tracks.indexed_vectors() if id_ in ids)
    space = _space(catalog)
    while page := list(islice(vectors, SAMPLE)):
        both = np.concatenate([best, nearest(queries, space(np.stack(page)), NEIGHBOURS).cosines], axis=1)
        best = -np.sort(-both, axis=1)[:, :NEIGHBOURS]
    return best[:, -1]
