"""How many workers fit a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audiosim.core.errors import AudiosimError
from audiosim.indexing.cluster import Cluster

MAX_CPUS = 8  # of a worker by default


@dataclass(frozen=True)
class Node:
    """A node that is alive, and what it has in all."""

    name: str
    cpus: float
    gpus: float


@dataclass(frozen=True)
class WorkerPlan:
    """Workers to start: how many, and what each takes."""

    count: int
    cpus: int
    gpus: float


def plan_workers(cluster: Cluster, nodes: Sequence[Node], files: int) -> WorkerPlan:
    """As many workers as the nodes hold, and no more than files.

    Parameters
    ----------
    cluster : Cluster
        What each worker takes.
    nodes : sequence of Node
        Those that are alive.
    files : int
        How many there are at most.

    Raises
    ------
    AudiosimError
        When not one fits.
    """
    usable = [node for node in nodes if node.cpus >= 1 and node.gpus >= cluster.gpus]
    cpus = cluster.cpus or min([MAX_CPUS, *(int(node.cpus) for node in usable)])
    count = sum(_fitting(node, cpus, cluster.gpus) for node in usable)
    if not count:
        asked = f"{cpus} CPUs and {cluster.gpus:g} GPUs" if cluster.gpus else f"{cpus} CPUs"
        there = ", ".join(f"{node.name}: {node.cpus:g} CPUs, {node.gpus:g} GPUs" for node in nodes)
        raise AudiosimError(
            f"No node of the Ray cluster has {asked} for a worker",
            f"the nodes are {there}" if nodes else "it has no node",
            "Ask for fewer `cpus` and `gpus`, or add nodes.",
        )
    return WorkerPlan(min(count, files), cpus, cluster.gpus)


def _fitting(node: Node, cpus: int, gpus: float) -> int:
    by_cpus = int(node.cpus // cpus)
    if not gpus:
        return by_cpus
    # Ray does not spread one worker's part of a GPU over two of them.
    by_gpus = int(node.gpus) * int(1 / gpus + 1e-9) if gpus < 1 else int(node.gpus // gpus)
    return min(by_cpus, by_gpus)
