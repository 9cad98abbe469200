from __future__ import annotations

import pytest

from audiosim.core.errors import AudiosimError
from audiosim.indexing.cluster import Cluster
from audiosim.indexing.cluster.capacity import Node, WorkerPlan, plan_workers

HEAD = Node("head", 0, 0)
SMALL, LARGE = Node("small", 4, 0), Node("large", 64, 0)
GPUS = Node("gpus", 16, 2)


@pytest.mark.parametrize(
    ("cluster", "nodes", "files", "expected"),
    [
        (Cluster("auto"), [HEAD, SMALL, LARGE], 1000, WorkerPlan(17, 4, 0)),
        (Cluster("auto"), [LARGE], 1000, WorkerPlan(8, 8, 0)),
        (Cluster("auto", cpus=3), [SMALL, LARGE], 1000, WorkerPlan(22, 3, 0)),
        (Cluster("auto", cpus=3), [SMALL, LARGE], 5, WorkerPlan(5, 3, 0)),
        (Cluster("auto", gpus=1), [SMALL, GPUS], 1000, WorkerPlan(2, 8, 1)),
        (Cluster("auto", cpus=2, gpus=0.5), [GPUS], 1000, WorkerPlan(4, 2, 0.5)),
        (Cluster("auto", cpus=1, gpus=0.4), [GPUS], 1000, WorkerPlan(4, 1, 0.4)),
        (Cluster("auto", cpus=1, gpus=2), [GPUS], 1000, WorkerPlan(1, 1, 2)),
    ],
)
def test_as_many_workers_as_the_nodes_hold(
    cluster: Cluster, nodes: list[Node], files: int, expected: WorkerPlan
) -> None:
    assert plan_workers(cluster, nodes, files) == expected


@pytest.mark.parametrize(
    ("cluster", "nodes"),
    [
        (Cluster("auto", cpus=65), [SMALL, LARGE]),
        (Cluster("auto", gpus=1), [SMALL, LARGE]),
        (Cluster("auto", cpus=17, gpus=1), [LARGE, GPUS]),
        (Cluster("auto"), [HEAD]),
        (Cluster("auto"), []),
    ],
)
def test_a_cluster_too_small_for_one_worker_is_an_error_that_says_what_there_is(
    cluster: Cluster, nodes: list[Node]
) -> None:
    with pytest.raises(AudiosimError, match="No node of the Ray cluster has") as caught:
        plan_workers(cluster, nodes, 10)
    assert all(node.name in str(caught.value) for node in nodes)
