"""Indexing on many machines: workers on a Ray cluster, this process the only one that writes.

`ClusterDriver` stands in for the local decoding processes and yields the same events, plus
`Embedded`. Importing this package imports no Ray.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cluster:
    """Which Ray to use, and what each of its workers takes.

    ``address``: "local" starts a Ray on this machine; else HOST:PORT or "auto", as ``ray.init``
    takes them on a machine of the cluster. ``cpus`` is also the number of a worker's threads; None
    for 8, or what the smallest node has. ``gpus`` may be a part of one.
    """

    address: str
    cpus: int | None = None
    gpus: float = 0.0
