"""How many processors are taken: by libraries that are loaded, by those to come, by TensorFlow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from audiosim.core.threads import BLAS, OTHERS, limited_threads, processors, products_in_one_thread, threads

# Embeds noise in one thread, if told to; prints what each thread of the process has computed, in s.
EMBED = """
import sys
from pathlib import Path
import numpy as np
import psutil
from audiosim.core.threads import limited_threads
from audiosim.encoders import load_encoder
from audiosim.encoders.request import EncoderRequest
with limited_threads(int(sys.argv[2]) or None):
    request = EncoderRequest(input_repr="mel128", weights=Path(sys.argv[1]))
    encoder = load_encoder(request, batch_size=4, read_only=True)
    noise = np.random.default_rng(0).normal(size=(8, encoder.spec.framing.window)).astype(np.float32)
    encoder.embed(noise[:1])  # which compiles the network
    before = {each.id: each.user_time for each in psutil.Process().threads()}
    encoder.embed(noise)
    encoder.embed(noise)
main = psutil.Process().pid
used = {each.id: each.user_time - before.get(each.id, 0.0) for each in psutil.Process().threads()}
print(*(seconds for number, seconds in used.items() if number != main))
"""


def test_threads_are_limited_in_the_block_and_as_they_were_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    np.ones((2, 2)) @ np.ones((2, 2))
    before = threadpool_info()
    with limited_threads(1):
        assert {pool["num_threads"] for pool in threadpool_info()} <= {1}
        assert {os.environ[name] for name in (*BLAS, *OTHERS)} == {"1"}
    assert threadpool_info() == before
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "TF_NUM_INTRAOP_THREADS" not in os.environ


def test_blocks_that_overlap_leave_products_as_the_first_found_them() -> None:
    np.ones((2, 2)) @ np.ones((2, 2))
    before = threadpool_info()
    with limited_threads(2):
        as_it_was = threadpool_info()
        first, second = products_in_one_thread(), products_in_one_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} <= {1}
        second.__exit__(None, None, None)
        assert threadpool_info() == as_it_was
    assert threadpool_info() == before


def test_no_limit_changes_nothing_and_none_is_above_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    with limited_threads(None):
        assert os.environ["OMP_NUM_THREADS"] == "7"
    with limited_threads(10_000):
        assert os.environ["OMP_NUM_THREADS"] == str(processors())


def test_what_reads_no_variable_is_told_how_many_threads_it_may_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert threads() == processors()
    with limited_threads(1):
        assert threads() == 1
    for unusual, count in (("1", 1), ("100000", processors()), ("0", processors()), ("many", processors())):
        monkeypatch.setenv("OMP_NUM_THREADS", unusual)
        assert threads() == count


@pytest.mark.slow
@pytest.mark.skipif(processors() < 2 or sys.platform != "linux", reason="two processors, told apart")
@pytest.mark.parametrize(("limit", "threads"), [(1, 1), (0, 2)])
@pytest.mark.long
def test_the_network_computes_in_as_many_threads_as_it_may(
    seeded_weights: Path, limit: int, threads: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", EMBED, str(seeded_weights), str(limit)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = sorted(map(float, done.stdout.split()), reverse=True)
    busy = [each for each in seconds if each > 0.1 * sum(seconds)]
    assert len(busy) == threads if limit else len(busy) >= threads
