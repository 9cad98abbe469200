"""What the published OpenL3 weights answer: with other weights there is a warning, with them none."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import Cli

from audiosim.encoders import openl3_proof
from audiosim.encoders.openl3 import OpenL3Encoder, OpenL3Options, OpenL3Weights
from audiosim.encoders.openl3_proof import ANSWERED, LEAST_COSINE, answer, chirp_windows, proofs
from audiosim.encoders.openl3_weights import WeightsFolder, file_name, read_weights
from audiosim.encoders.runtime import cpu_has_bfloat16

PUBLISHED = os.environ.get("AUDIOSIM_OPENL3_WEIGHTS")


def test_the_answers_are_those_of_the_package_s_own_tests() -> None:
    """A few of their numbers, and that the answers differ enough to tell networks apart."""
    windows = chirp_windows()
    assert windows.shape == (3, 48_000)
    assert windows.dtype == np.float32
    assert np.abs(windows).max() == pytest.approx(0.8, abs=0.001)
    for network, sizes in ANSWERED.items():
        for size in sizes:
            assert answer(network, size).shape == (3, size)
    large = answer("mel256_music", 6144)
    np.testing.assert_array_equal(answer("mel256_music", 512), large.reshape(3, 4, 3, 512).max(axis=(1, 2)))


@pytest.mark.slow
def test_the_smaller_embedding_is_the_maximum_of_the_larger_ones_cells(seeded_weights: Path) -> None:
    weights = read_weights(seeded_weights)
    small, large = (
        OpenL3Encoder(weights, OpenL3Options(embedding_size=size), quick=True).embed(chirp_windows())
        for size in (512, 6144)
    )
    np.testing.assert_allclose(small, large.reshape(3, 12, 512).max(axis=1), atol=1e-5 * np.abs(small).max())


def test_a_network_without_a_published_answer_is_not_held_to_one(seeded_weights: Path) -> None:
    assert list(proofs(read_weights(seeded_weights), "mel128_env")) == []


@pytest.fixture
def answers_of_seeded(seeded_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the seeded weights were the published ones: their own answers, with a little noise."""
    weights = read_weights(seeded_weights)
    made: dict[int, OpenL3Encoder] = {}

    def answered(network: str, size: int) -> object:
        if size not in made:
            options = OpenL3Options("env", "linear", 512, center=False)
            made[size] = OpenL3Encoder(weights, options, precision="float32", batch_size=3)
        embedding = made[size].embed(chirp_windows())
        return embedding + 1e-3 * np.random.default_rng(0).normal(size=embedding.shape)

    monkeypatch.setattr(openl3_proof, "answer", answered)


@pytest.mark.slow
@pytest.mark.usefixtures("answers_of_seeded")
@pytest.mark.long
def test_the_published_weights_would_prove_themselves_without_a_word(
    cli: Cli, seeded_weights: Path, tmp_path: Path
) -> None:
    named = tmp_path / file_name("linear_env").removesuffix(".gz")
    named.write_bytes(seeded_weights.read_bytes())
    done = cli("encoders", "import", named)
    assert (done.code, done.err) == (0, "")
    checked = cli("encoders", "check", "openl3")
    assert checked.code == 0, checked.out
    assert "linear_env 512 in float32, against the published answer: good" in checked.out


@pytest.mark.slow
@pytest.mark.long
def test_weights_that_do_not_prove_themselves_are_kept_with_a_warning(
    cli: Cli, seeded_weights: Path, tmp_path: Path
) -> None:
    named = tmp_path / file_name("linear_env").removesuffix(".gz")
    named.write_bytes(seeded_weights.read_bytes())
    done = cli("encoders", "import", named)
    assert done.code == 0
    assert Path(done.out.strip()).is_file()
    line = done.err.splitlines()[-1]
    assert line.startswith(
        "audiosim: warning: linear_env 512 in float32, against the published answer: the cosine"
    )
    assert line.endswith(
        "Please report it to audiosim's developers, with this line and the name of your processor."
    )
    checked = cli("encoders", "check", "openl3", "--json")
    assert checked.code == 1
    faults = {one["what"].split(": ")[1]: one["fault"] for one in checked.json["checked"] if one["fault"]}
    dtypes = (["bfloat16"] if cpu_has_bfloat16() else []) + ["float32"]
    assert list(faults) == [f"linear_env 512 in {dtype}, against the published answer" for dtype in dtypes]
    for dtype, fault in zip(dtypes, faults.values(), strict=True):
        told = re.match(r"the cosine is (-?[\d.]+), where at least ([\d.]+) is right\. Please report", fault)
        assert told, fault
        assert -1 < float(told[1]) < 0.9
        assert float(told[2]) == LEAST_COSINE[dtype]


def test_only_what_is_new_is_held_to_the_answers(seeded_weights: Path, tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []

    def on_new(weights: OpenL3Weights, network: str) -> None:
        told.append((weights.digest, network))

    folder = WeightsFolder(tmp_path / "weights", on_new=on_new)
    folder.import_file(seeded_weights)  # nobody knows which network it is
    assert told == []
    named = tmp_path / file_name("mel256_music").removesuffix(".gz")
    named.write_bytes(seeded_weights.read_bytes())
    folder.import_file(named)
    folder.find("mel256_music")
    assert told == [(read_weights(named).digest, "mel256_music")]


@pytest.mark.slow
@pytest.mark.skipif(not PUBLISHED, reason="AUDIOSIM_OPENL3_WEIGHTS names no folder with the published files")
@pytest.mark.parametrize("network", ANSWERED)
def test_the_published_weights_give_the_published_answers(network: str) -> None:
    folder = WeightsFolder(Path(PUBLISHED or ""), read_only=True)
    found = list(proofs(folder.find(network).weights, network))
    assert len(found) >= len(ANSWERED[network])
    for proof in found:
        assert proof.fault == "", proof
