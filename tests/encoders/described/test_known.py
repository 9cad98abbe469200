"""Described encoders in the registry: found by file and by name, proven, packed, refused."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import GOLDEN

from audiosim.core.errors import AudiosimWarning, NoWeightsError, UsageError, WeightsError
from audiosim.encoders import expected_spec, load_encoder, load_encoder_for
from audiosim.encoders.bundle import packed, unpack
from audiosim.encoders.described.card import card_of
from audiosim.encoders.described.description import read_description
from audiosim.encoders.described.entry import DescribedEntry
from audiosim.encoders.described.known import imported
from audiosim.encoders.described.self_test import as_toml, record
from audiosim.encoders.registry import described, find, find_for, resolve
from audiosim.encoders.request import EncoderRequest, request_for

DESCRIBED = GOLDEN / "described"
Change = Callable[[str], str]


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A description with its model, in a folder of its own."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("waveform.onnx", "waveform.toml"):
        shutil.copy(DESCRIBED / name, folder)
    return folder / "waveform.toml"


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AUDIOSIM_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


def changed(path: Path, change: Change) -> None:
    text = path.read_text("utf-8")
    path.write_text(change(text), "utf-8")
    assert path.read_text("utf-8") != text


def test_a_description_is_found_by_its_file_and_then_by_its_name(mine: Path, weights: Path) -> None:
    assert find("tiny-waves") is None
    encoder = load_encoder(EncoderRequest(str(mine)))
    spec = encoder.spec
    assert (spec.name, spec.options, spec.hop, spec.dimension) == ("tiny-waves", (), 1.0, 16)
    assert expected_spec(EncoderRequest(str(mine), digest=spec.weights)) == spec
    assert request_for(spec) == EncoderRequest("tiny-waves", hop=1.0)
    shutil.rmtree(mine.parent)
    windows = np.random.default_rng(0).normal(0, 0.1, (3, 16_000)).astype(np.float32)
    again = load_encoder_for(spec)
    assert again.spec == spec
    np.testing.assert_array_equal(again.embed(windows), encoder.embed(windows))
    request = EncoderRequest("Tiny-Waves", hop=0.5, digest=spec.weights)
    assert load_encoder(request).spec.hop == 0.5
    assert find("../described/tiny-waves") is None


def test_a_name_stands_for_what_was_imported_last_and_for_nothing_that_is_only_used(
    mine: Path, weights: Path
) -> None:
    other = mine.with_name("other.toml")
    other.write_text(mine.read_text("utf-8").replace("[audio]", "normalise = true\n[audio]"), "utf-8")
    used = load_encoder(EncoderRequest(str(other))).spec
    assert described() == []
    with pytest.raises(UsageError, match="The name tiny-waves stands for no encoder") as caught:
        load_encoder(EncoderRequest("tiny-waves"))
    assert "audiosim encoders import FILE.toml" in caught.value.remedy
    assert load_encoder_for(used).spec == used  # a home's own
    assert load_encoder(EncoderRequest("tiny-waves", digest=used.weights)).spec == used
    for path, normalised in ((mine, False), (other, True), (mine, False)):
        place = imported(path)
        entry = resolve("tiny-waves")
        assert isinstance(entry, DescribedEntry)
        assert (entry.description.place, entry.description.model.normalise) == (place, normalised)
    assert load_encoder(EncoderRequest(str(other))).spec == used
    assert load_encoder(EncoderRequest("tiny-waves")).spec != used
    shutil.rmtree(place.parent)
    assert described() == []


def test_what_is_used_as_a_file_leaves_what_was_imported_with_its_proof(mine: Path, weights: Path) -> None:
    plain = mine.with_name("plain.toml")
    shutil.copy(mine, plain)
    test = as_toml(record(load_encoder(EncoderRequest(str(mine)), read_only=True)), "float32")
    changed(mine, lambda text: f"{text}\n{test}")
    place = imported(mine)
    load_encoder(EncoderRequest(str(plain)))
    assert place.read_bytes() == mine.read_bytes()
    assert [one.proven for one in resolve("tiny-waves").weights()] == [True]
    assert imported(plain) == place
    assert place.read_bytes() == plain.read_bytes()
    place.write_text("damaged")
    load_encoder(EncoderRequest(str(mine)))
    assert place.read_bytes() == mine.read_bytes()


def test_a_text_side_that_is_not_taken_over_is_told(weights: Path, tmp_path: Path) -> None:
    folder = tmp_path / "clap"
    shutil.copytree(DESCRIBED / "clap", folder)
    toml = folder / "clap.toml"
    load_encoder(EncoderRequest(str(toml)))
    changed(toml, lambda text: text.replace("This audio is", "This music is"))
    with pytest.warns(AudiosimWarning, match=r"reads texts otherwise .* encoders import .*clap\.toml"):
        load_encoder(EncoderRequest(str(toml)))
    assert imported(toml).read_bytes() == toml.read_bytes()


def test_a_look_keeps_nothing_and_reads_files_where_they_lie(mine: Path, weights: Path) -> None:
    assert load_encoder(EncoderRequest(str(mine)), read_only=True).spec.name == "tiny-waves"
    assert not weights.exists()
    (mine.parent / "waveform.onnx").unlink()
    with pytest.raises(WeightsError, match=r"There is no .*waveform.onnx"):
        load_encoder(EncoderRequest(str(mine)), read_only=True)


def test_another_model_of_one_name_does_not_take_the_place_of_a_homes(mine: Path, weights: Path) -> None:
    first = load_encoder(EncoderRequest(str(mine))).spec
    changed(mine, lambda text: text.replace("[audio]", "normalise = true\n[audio]"))
    second = load_encoder(EncoderRequest(str(mine))).spec
    assert first.weights != second.weights
    assert load_encoder_for(first).spec == first
    assert load_encoder_for(second).spec == second
    missing = first.__class__(**{**vars(first), "weights": "f" * 32})
    with pytest.raises(WeightsError, match=r"The tiny-waves of this index \(f+\) is not in") as caught:
        load_encoder_for(missing)
    assert "encoders import FILE.toml" in caught.value.remedy


def test_variants_are_chosen_by_an_option(mine: Path, weights: Path) -> None:
    shutil.copy(mine.parent / "waveform.onnx", mine.parent / "small.onnx")
    with (mine.parent / "small.onnx").open("ab") as file:
        file.write(b"\x1a\x00")  # no name of a domain: other bytes, the same model
    changed(mine, lambda text: f'{text}\n[variants.int8]\nfile = "small.onnx"\n')
    place = imported(mine)
    shutil.rmtree(mine.parent)
    default, small = (
        load_encoder(EncoderRequest("tiny-waves", variant=name)).spec for name in (None, "INT8")
    )
    assert (default.options, small.options) == ((("variant", "float32"),), (("variant", "int8"),))
    assert place == weights / "described" / "tiny-waves" / default.weights / "encoder.toml"
    assert default.weights != small.weights
    assert load_encoder_for(small).spec == small
    with pytest.raises(UsageError, match="Choose one of: float32, int8"):
        load_encoder(EncoderRequest("tiny-waves", variant="fp16"))
    assert [one.path is not None for one in resolve("tiny-waves").weights()] == [True, True]


def test_a_node_of_a_cluster_gets_all_that_it_needs(
    mine: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = load_encoder(EncoderRequest(str(mine))).spec
    bundle = packed(spec)
    unpack(bundle, tmp_path / "node")
    shutil.rmtree(weights)
    monkeypatch.setenv("AUDIOSIM_WEIGHTS", str(tmp_path / "node"))
    assert load_encoder_for(spec).spec == spec


def test_a_model_that_fails_its_self_test_is_refused_and_not_kept(mine: Path, weights: Path) -> None:
    test = as_toml(record(load_encoder(EncoderRequest(str(mine)), read_only=True)), "float32")
    changed(mine, lambda text: f"{text}\n{test}")
    imported(mine)
    spec = load_encoder(EncoderRequest(str(mine))).spec
    assert load_encoder_for(spec).spec == spec
    (kept,) = resolve("tiny-waves").weights()
    (given,) = resolve(str(mine)).weights()
    assert (kept.proven, given.proven) == (True, True)
    shutil.rmtree(weights)
    changed(mine, lambda text: text.replace("vector = [\n  ", "vector = [\n  -"))
    with pytest.raises(WeightsError, match="is refused: it does not pass the self-test") as caught:
        load_encoder(EncoderRequest(str(mine)))
    assert "of the largest number, where 0.001 is allowed" in caught.value.why
    assert not weights.exists()


def test_what_is_checked_and_recorded(mine: Path, weights: Path) -> None:
    entry = resolve(str(mine))
    assert [(one.outcome, one.fault) for one in entry.check()] == [
        ("here; it has no digest to be held to", ""),
        ("not proven", ""),
    ]
    told = entry.record()
    checked = list(resolve(str(mine)).check())
    assert [(one.outcome, one.fault) for one in checked] == [
        ("here; it has no digest to be held to", ""),
        ("good", ""),
    ]
    assert "when that was recorded" in checked[1].what
    changed(mine, lambda text: f"{text}\n{told}")
    assert [one.what.partition(": ")[2] for one in resolve(str(mine)).check()][1:] == [
        "self-test",
        "against what it answered when that was recorded",
    ]
    changed(mine, lambda text: text.replace("vector = [\n  ", "vector = [\n  -"))
    faults = [one.fault for one in resolve(str(mine)).check()]
    assert "where 0.001 is allowed" in faults[1]
    (mine.parent / "waveform.onnx").write_bytes(b"damaged")
    assert any("is no ONNX model" in one.fault for one in resolve(str(mine)).check())


def test_a_kept_model_is_held_to_the_digest_that_homes_know_it_by(mine: Path, weights: Path) -> None:
    imported(mine)
    spec = load_encoder(EncoderRequest("tiny-waves")).spec
    checked = list(resolve("tiny-waves").check())
    assert [one.outcome for one in checked] == ["here; it has no digest to be held to", "good", "not proven"]
    kept = weights / "described" / "tiny-waves" / spec.weights / "waveform.onnx"
    with kept.open("ab") as file:
        file.write(b"\x1a\x00")  # other bytes, the same model
    assert [bool(one.fault) for one in resolve("tiny-waves").check()] == [False, True, False]
    with pytest.raises(WeightsError, match="make another"):
        load_encoder_for(spec)


def test_a_text_side_goes_with_a_description(weights: Path, tmp_path: Path) -> None:
    folder = tmp_path / "clap"
    shutil.copytree(DESCRIBED / "clap", folder)
    spec = load_encoder(EncoderRequest(str(folder / "clap.toml"))).spec
    shutil.rmtree(folder)
    entry = find_for(spec)
    assert entry is not None
    assert entry.card.words
    side = entry.text_side(spec, read_only=True)
    assert side is not None
    vectors = side.embed(["a dog barks", "rain"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert vectors.shape == (2, 32)
    assert vectors.dtype == np.float32


def test_without_one_there_is_none(mine: Path, weights: Path) -> None:
    imported(mine)
    spec = load_encoder(EncoderRequest("tiny-waves")).spec
    entry = resolve("tiny-waves")
    assert entry.text_side(spec, read_only=True) is None
    with pytest.raises(UsageError, match="tiny-waves has no text side"):
        entry.fetch_text(EncoderRequest("tiny-waves"))
    with pytest.raises(UsageError, match="need not be accepted"):
        entry.accept_licence()


def test_text_and_audio_are_fetched_only_when_needed(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CLAP as it ships: a look at its text side asks for the text model, not for the audio model."""
    entry = resolve("clap")
    spec = entry.spec(EncoderRequest("clap", digest="0" * 32, variant="int8"))
    with pytest.raises(NoWeightsError, match=r"tokenizer.json of clap is not here"):
        entry.text_side(spec, read_only=True)
    with pytest.raises(NoWeightsError, match=r"audio_model_quantized.onnx of clap is not here"):
        load_encoder(EncoderRequest("clap", variant="int8"), read_only=True)
    told = [one.name for one in entry.weights()]
    assert told == ["float32", "float32 text", "fp16", "fp16 text", "int8", "int8 text"]


@pytest.mark.parametrize("name", ["clap", "discogs-effnet"])
def test_the_card_of_a_description_that_ships_is_what_that_says(name: str) -> None:
    entry = resolve(name)
    assert isinstance(entry, DescribedEntry)
    assert entry.card == card_of(entry.description)


def test_a_home_goes_on_with_the_description_of_clap_that_it_was_made_with(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though a later audiosim may ship another."""

    def ships(text: str) -> None:
        place = tmp_path / "package" / "clap.toml"
        place.parent.mkdir(exist_ok=True)
        place.write_text(text, "utf-8")
        monkeypatch.setattr(DescribedEntry, "description", property(lambda _: read_description(place)))

    text = (DESCRIBED / "clap" / "clap.toml").read_text("utf-8").replace("tiny-clap", "clap")
    url = f'urls = ["{(DESCRIBED / "clap" / "audio_model.onnx").as_uri()}"]'
    digest = hashlib.sha256((DESCRIBED / "clap" / "audio_model.onnx").read_bytes()).hexdigest()
    text = text.replace('"audio_model.onnx"', f'"audio_model.onnx"\n{url}\nsha256 = "{digest}"')
    ships(text)
    spec = load_encoder(EncoderRequest("clap")).spec
    ships(text.replace("fmin = 50.0", "fmin = 40.0"))
    assert load_encoder(EncoderRequest("clap")).spec != spec
    monkeypatch.undo()
    monkeypatch.setenv("AUDIOSIM_WEIGHTS", str(weights))
    assert load_encoder_for(spec).spec == spec
    assert described() == []  # nothing of it is listed twice


def test_discogs_effnet_asks_for_its_licence_first(weights: Path) -> None:
    with pytest.raises(WeightsError, match="non-commercial") as caught:
        load_encoder(EncoderRequest("discogs-effnet"))
    assert "audiosim encoders fetch discogs-effnet --accept-licence" in caught.value.remedy
    assert not weights.exists()


def test_names_of_encoders_that_come_with_audiosim_are_taken(mine: Path, weights: Path) -> None:
    changed(mine, lambda text: text.replace("tiny-waves", "clap"))
    with pytest.raises(UsageError, match="can't be called clap"):
        resolve(str(mine))
    with pytest.raises(UsageError, match="Can't read the description"):
        resolve(str(mine.with_name("nowhere.toml")))


def test_weights_of_their_own_are_refused(mine: Path, weights: Path) -> None:
    with pytest.raises(UsageError, match="`weights` does not go with `encoder` tiny-waves"):
        load_encoder(EncoderRequest(str(mine), weights=DESCRIBED / "patches.onnx"))


def test_listing_described_encoders_loads_neither_numpy_nor_onnx_runtime(mine: Path, weights: Path) -> None:
    imported(mine)
    program = (
        "import sys\n"
        "from audiosim.encoders.registry import built_in, described, find\n"
        "entry = find(*described())\n"
        "assert [one.path is not None for one in entry.weights()] == [True]\n"
        "assert built_in()['clap'].weights()\n"
        "heavy = {'tensorflow', 'onnxruntime', 'tokenizers', 'numpy', 'pooch'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
