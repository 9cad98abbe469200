"""Reads a home's Chroma index, for checks.py: a damaged one may crash the process that opens it.

usage: python stress/read_chroma.py HOME OUT.npz [--queries N]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from audiosim.backends.base import Contents, VectorStore
from audiosim.backends.chroma_embedded import EmbeddedChroma
from audiosim.core.config import Home
from audiosim.core.types import Float32
from audiosim.encoders.pooling import pooled_dimension
from audiosim.library.catalog import Catalog

CANDIDATES = 50  # as `similar` asks for
NEIGHBOURS = 10


def recall(store: VectorStore, vectors: dict[str, Float32], queries: int) -> float:
    """The share of true neighbours among the candidates that `similar` would rank."""
    if not queries:
        return 1.0
    ids, matrix = list(vectors), np.stack(list(vectors.values()))
    hits = 0
    for position in np.random.default_rng(0).choice(len(ids), queries, replace=False):
        query = matrix[position]
        exact = np.argsort(-(matrix @ query), kind="stable")[:NEIGHBOURS]
        hits += len({ids[i] for i in exact} & set(store.nearest(query, CANDIDATES)))
    return hits / (NEIGHBOURS * queries)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--queries", type=int, default=0)
    arguments = parser.parse_args()
    home = Home(arguments.home)
    with Catalog(home.catalog, read_only=True) as catalog:
        configuration = catalog.settings.configuration
        assert configuration is not None
        known = dict(catalog.tracks.indexed_vectors())
    dimension = pooled_dimension(configuration.spec.dimension, configuration.pooling)
    with EmbeddedChroma(home).open("chroma", Contents(configuration.collection, dimension)) as store:
        held = store.vectors(list(known))
        np.savez(
            arguments.out,
            count=store.count(),
            ids=list(held),
            vectors=np.stack(list(held.values())),
            recall=recall(store, known, arguments.queries),
        )


if __name__ == "__main__":
    main()
