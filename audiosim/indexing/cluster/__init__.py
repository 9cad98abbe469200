"""Indexing on many machines: workers on a Ray cluster, this process the only one that writes.

`driver.embed_on_cluster` is to a cluster what `extract.embed_files` is to this machine. Importing
this package imports no Ray.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cluster:
    """Which Ray to use, and what each of its workers takes.

    Parameters
    ----------
    address : str
        "local" starts a Ray on this machine; else HOST:PORT or "auto", as ``ray.init`` takes them
        on a machine of the cluster.
    cpus : int, optional
        Of each worker, and its threads; by default 8, or what the smallest node has.
    gpus : float
        Of each worker; may be a part of one.
    """

    address: str
    cpus: int | None = None
    gpus: float = 0.0
