"""Described encoders against the embeddings of the real packages' front ends and ONNX Runtime.

The golden files were made with seeded weights: onnx/ by essentia 2.1b6.dev1389 (as for its Discogs-EffNet)
and plain ONNX Runtime, clap/ by transformers 5.24.0.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import GOLDEN

from audiosim.audio.framing import Framer, window_count
from audiosim.core.errors import WeightsError
from audiosim.core.threads import limited_threads, processors
from audiosim.core.types import Float32
from audiosim.encoders.described.description import Description, read_description
from audiosim.encoders.described.encoder import AMPLITUDES, DescribedEncoder, described_spec, front_end
from audiosim.encoders.described.session import Session, Tensor
from audiosim.encoders.described.windows import default_hop, window_samples
from audiosim.encoders.log_mel import LogMel

DESCRIBED = GOLDEN / "described"
SHIPPED = Path(__file__).parents[3] / "audiosim" / "encoders" / "described" / "shipped"


def signals(which: str) -> dict[str, Float32]:
    import encoder_signals

    made = getattr(encoder_signals, which)()
    return {name: np.asarray(audio / 32768, np.float32) for name, audio in made}


def described(name: str, **model: Any) -> Description:
    description = read_description(DESCRIBED / name)
    return replace(description, model=replace(description.model, **model))


def encoder(description: Description, **options: Any) -> DescribedEncoder:
    variant = description.variants[0]
    session = Session(description.folder / variant.audio.model.name)
    return DescribedEncoder(description, session, described_spec(description, variant, "0" * 32), **options)


def embedded(made: DescribedEncoder, samples: Float32) -> Float32:
    framer = Framer(made.spec.framing)
    windows = np.concatenate([framer.push(samples), framer.finish()])
    assert len(windows) == window_count(made.spec.framing, len(samples))
    return made.embed(windows)


def error(ours: Float32, expected: Float32) -> float:
    """The largest, in parts of the largest number."""
    assert ours.shape == expected.shape
    return float(np.abs(ours - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("name", ["one_patch", "odd_length", "two_batches"])
def test_patches_of_essentias_frames_are_within_a_thousandth(name: str) -> None:
    """A model with a fixed batch of 64, of whose outputs one has the dimension: 1, 4 and 68 patches."""
    with np.load(GOLDEN / "golden_onnx.npz") as data:
        expected = data[f"patches_{name}_embeddings"]
    made = encoder(read_description(DESCRIBED / "patches.toml"))
    assert made.batch_size == 64
    assert error(embedded(made, signals("patch_signals")[name]), expected) <= 1e-3


def test_an_output_is_chosen_by_its_name() -> None:
    with np.load(GOLDEN / "golden_onnx.npz") as data:
        expected = data["patches_odd_length_activations"]
    description = replace(described("patches.toml", output="activations"), dimension=10)
    assert error(embedded(encoder(description), signals("patch_signals")["odd_length"]), expected) <= 1e-3


@pytest.mark.parametrize("name", ["noise", "chirp", "chord"])
def test_a_model_of_samples_is_within_a_ten_thousandth(name: str) -> None:
    samples = signals("waveform_signals")[name]
    with np.load(GOLDEN / "golden_onnx.npz") as data:
        expected = data[f"waveform_{name}_embedding"]
    description = read_description(DESCRIBED / "waveform.toml")
    whole = replace(description, audio=replace(description.audio, window=len(samples) / 16_000))
    assert error(embedded(encoder(whole), samples)[0], expected) <= 1e-4


def test_claps_embeddings_are_within_a_ten_thousandth() -> None:
    """Tracks of less than 10 s are repeated whole times, longer ones cut into windows."""
    made = encoder(read_description(DESCRIBED / "clap" / "clap.toml"))
    audio = signals("clap_signals")
    ours = [embedded(made, audio[name]) for name in ("short", "most_of_it", "equal", "long")]
    ours.append(embedded(made, audio["long"][960_000:]))
    with np.load(GOLDEN / "golden_clap.npz") as data:
        assert error(np.concatenate(ours), data["audio_embeds"]) <= 1e-4


def test_the_descriptions_that_ship_have_the_front_ends_of_the_golden_files() -> None:
    clap, tiny = (
        read_description(path) for path in (SHIPPED / "clap.toml", DESCRIBED / "clap" / "clap.toml")
    )
    effnet, patches = (
        read_description(path) for path in (SHIPPED / "discogs-effnet.toml", DESCRIBED / "patches.toml")
    )
    assert front_end(clap) == LogMel(48_000, n_fft=1024, hop=480, bands=64, fmin=50.0, fmax=14_000.0)
    assert (clap.mel, clap.audio, clap.model) == (tiny.mel, tiny.audio, tiny.model)
    assert (effnet.mel, effnet.audio, effnet.model) == (patches.mel, patches.audio, patches.model)
    assert (window_samples(effnet), default_hop(effnet)) == (127 * 256 + 512, 62 * 256 / 16_000)


@pytest.mark.parametrize("padding", ["zeros", "none"])
@pytest.mark.parametrize("frame_tail", ["drop", "pad"])
@pytest.mark.parametrize("samples", [1, 300, 2000, 2047, 2048, 2049, 9999])
def test_patches_are_cut_from_the_frames_of_the_whole_track(
    padding: Any, frame_tail: Any, samples: int
) -> None:
    description = described("patches.toml")
    assert description.mel is not None
    mel = dict(description.mel) | {
        "n_fft": 64, "hop": 16, "bands": 8, "patch": 5, "patch_hop": 3, "frame": 48, "floor": 1e-5,
        "padding": padding, "frame_tail": frame_tail,
    }  # fmt: skip
    description = replace(description, mel=mel)
    whole = {name: value for name, value in mel.items() if name not in ("patch", "patch_hop")}
    audio = np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)
    frames = LogMel(16_000, **whole)(audio)
    expected = [frames[start : start + 5] for start in range(0, len(frames) - 4, 3)]
    framer = Framer(described_spec(description, description.variants[0], "").framing)
    windows = np.concatenate([framer.push(audio), framer.finish()])
    made = front_end(description)
    assert made is not None
    ours = [made(window) for window in windows]
    if expected:
        np.testing.assert_allclose(np.stack(ours), np.stack(expected), atol=1e-5)
    else:  # shorter than a patch: silence follows
        assert [one.shape for one in ours] == [(5, 8)]


class FakeSession:
    """A model that tells what it was given, and answers in a shape."""

    def __init__(self, shape: tuple[int | None, ...], answer: Any, kind: str = "tensor(float)") -> None:
        self.inputs = (Tensor("in", shape, kind),)
        self.outputs = (Tensor("out", (None, 3), "tensor(float)"),)
        self.given: list[Any] = []
        self._answer = answer

    def run(self, output: str, feeds: Any) -> Any:
        self.given.append(feeds["in"])
        return self._answer(feeds["in"])


def fake(shape: tuple[int | None, ...], axes: tuple[str, ...], answer: Any = None, **options: Any) -> Any:
    """A session, and an encoder of three numbers of windows of 4 samples, or of 2 frames of 3 bands."""
    name = "waveform.toml" if "samples" in axes else "patches.toml"
    kind = options.pop("kind", "tensor(float)")
    description = described(name, axes=axes, input=None, output=None, **options)
    audio = replace(description.audio, window=4 / 16_000, hop=None)
    mel = None if description.mel is None else dict(description.mel)
    if mel is not None:
        mel |= {"n_fft": 4, "hop": 2, "bands": 3, "padding": "none", "frame_tail": "drop", "fmax": 8000.0}
        mel |= {"patch": 2, "patch_hop": 2}
    description = replace(description, audio=audio, mel=mel, dimension=3)
    session: Any = FakeSession(shape, answer or (lambda x: np.arange(3 * len(x)).reshape(-1, 3)), kind)
    return session, DescribedEncoder(
        description, session, described_spec(description, description.variants[0], "")
    )


def sound(count: int, samples: int) -> Float32:
    return np.random.default_rng(1).normal(0, 0.2, (count, samples)).astype(np.float32)


@pytest.mark.parametrize(
    ("axes", "shape"),
    [
        (("batch", "frames", "bands"), (4, 2, 3)),
        (("batch", "bands", "frames"), (4, 3, 2)),
        (("batch", "channel", "frames", "bands"), (4, 1, 2, 3)),
        (("batch", "frames", "bands", "channel"), (4, 2, 3, 1)),
        (("channel", "bands", "batch", "frames"), (1, 3, 4, 2)),
    ],
)
def test_axes_are_put_into_the_models_order(axes: tuple[str, ...], shape: tuple[int, ...]) -> None:
    answer = np.arange(12.0).reshape(4, 3)
    session, made = fake(tuple(None if n == 4 else n for n in shape), axes, lambda _: answer)
    windows = sound(4, 6)
    made.embed(windows)
    plain_session, plain = fake((None, 2, 3), ("batch", "frames", "bands"))
    plain.embed(windows)
    (given,), (expected,) = session.given, plain_session.given
    assert given.shape == shape
    order = [axis for axis in axes if axis != "channel"]
    back = given.squeeze(axes.index("channel")) if "channel" in axes else given
    back = back.transpose([order.index(axis) for axis in ("batch", "frames", "bands")])
    np.testing.assert_array_equal(back, expected)


def test_a_fixed_batch_is_filled_up_with_zeros() -> None:
    session, made = fake((4, 4), ("batch", "samples"))
    out = made.embed(sound(6, 4))
    assert [given.shape for given in session.given] == [(4, 4), (4, 4)]
    assert not session.given[1][2:].any()
    np.testing.assert_array_equal(out[4:], np.arange(6).reshape(2, 3))
    assert made.batch_size == 4


def test_a_batch_that_the_file_leaves_open_can_be_described() -> None:
    session, made = fake((None, 4), ("batch", "samples"), batch=2)
    made.embed(sound(3, 4))
    assert [len(given) for given in session.given] == [2, 2]
    with pytest.raises(WeightsError, match="takes 4 windows at a time: its description says 2"):
        fake((4, 4), ("batch", "samples"), batch=2)


def test_a_model_without_an_axis_for_the_batch_gets_one_window_at_a_time() -> None:
    session, made = fake((4,), ("samples",), lambda x: np.array([x.sum(), 0, 0]))
    windows = sound(3, 4)
    np.testing.assert_allclose(made.embed(windows)[:, 0], windows.sum(axis=1), rtol=1e-5)
    assert [given.shape for given in session.given] == [(4,)] * 3


@pytest.mark.parametrize(("pool", "expected"), [("mean", 2.0), ("max", 3.0), ("first", 1.0)])
def test_an_output_with_a_time_axis_is_pooled(pool: Any, expected: float) -> None:
    def answer(x: Any) -> Any:
        return np.broadcast_to(np.array([[1.0], [2.0], [3.0]]), (len(x), 3, 3))

    _, made = fake((None, 4), ("batch", "samples"), answer, pool=pool)
    np.testing.assert_array_equal(made.embed(sound(2, 4)), np.full((2, 3), expected))
    _, unpooled = fake((None, 4), ("batch", "samples"), answer)
    with pytest.raises(WeightsError, match=r"is of the shape \(2, 3, 3\): an embedding a window is \(2, 3\)"):
        unpooled.embed(sound(2, 4))


def test_embeddings_get_the_length_one_if_that_is_described() -> None:
    answer, units = np.array([[3.0, 0, 4], [0, 0, 0]]), np.array([[0.6, 0, 0.8], [0, 0, 0]])
    _, made = fake((None, 4), ("batch", "samples"), lambda x: answer, normalise=True)
    np.testing.assert_allclose(made.embed(sound(2, 4)), units, rtol=1e-6)


def test_a_model_of_half_precision_gets_it() -> None:
    session, made = fake((None, 4), ("batch", "samples"), kind="tensor(float16)")
    made.embed(sound(2, 4))
    assert session.given[0].dtype == np.float16
    assert made.dtype == "float16"


def test_amplitudes() -> None:
    """LAION's int16 round trip: clipped, and cut towards zero; transformers' mean 0 and variance 1."""
    x = np.array([[-1.5, -0.99999, 0.00004, 0.5, 1.5]], np.float32)
    as_int16 = np.array([[-32767, -32766, 1, 16383, 32767]]) / 32767
    np.testing.assert_allclose(AMPLITUDES["int16"](x), as_int16, rtol=1e-6)
    standardised = AMPLITUDES["standardised"](sound(3, 1000) + 0.3)
    np.testing.assert_allclose(standardised.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(standardised.std(axis=1), 1, atol=1e-4)
    assert AMPLITUDES["as-is"](x) is x


@pytest.mark.parametrize(
    ("shape", "axes", "options", "told"),
    [
        ((None, 5), ("batch", "samples"), {}, r"no inputs \(batch, 4 samples\): it has in \(any, 5\)"),
        ((None, 1, 4), ("batch", "samples"), {}, "no inputs"),
        ((None, 3, 2), ("batch", "frames", "bands"), {}, r"no inputs \(batch, 2 frames, 3 bands\)"),
    ],
)
def test_a_model_that_takes_something_else_is_told_with_what_it_takes(
    shape: Any, axes: Any, options: Any, told: str
) -> None:
    with pytest.raises(WeightsError, match=told):
        fake(shape, axes, **options)


def test_names_that_a_model_has_not_are_told_with_those_it_has() -> None:
    description = described("patches.toml")
    session = Session(DESCRIBED / "patches.onnx")
    spec = described_spec(description, description.variants[0], "")
    for change, told in (
        ({"output": "embedding"}, r"no outputs called embedding: it has activations \(64, 10\), embeddings"),
        ({"input": "mel"}, r"no inputs called mel: it has melspectrogram \(64, 128, 96\)"),
        ({"axes": ("batch", "bands", "frames")}, r"no inputs \(batch, 96 bands, 128 frames\)"),
    ):
        wrong = replace(description, model=replace(description.model, **change))
        with pytest.raises(WeightsError, match=told):
            DescribedEncoder(wrong, session, spec)
    with pytest.raises(WeightsError, match="no outputs of 25 numbers"):
        DescribedEncoder(replace(description, dimension=25), session, spec)


def test_what_is_no_model_can_t_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"<html>please log in</html>")
    with pytest.raises(WeightsError, match="ONNX Runtime can't load"):
        Session(tmp_path / "m.onnx")


def test_the_spec_has_a_variant_only_where_there_are_several() -> None:
    description = described("waveform.toml")
    (variant,) = description.variants
    assert described_spec(description, variant, "").options == ()
    several = replace(description, variants=(variant, replace(variant, name="int8")))
    spec = described_spec(several, several.variants[1], "", hop=0.5, max_windows=9)
    assert (spec.options, spec.hop, spec.max_windows) == ((("variant", "int8"),), 0.5, 9)
    assert spec.describe() == "tiny-waves int8, hop 0.5 s, at most 9 windows a track"


def test_a_model_computes_in_as_many_threads_as_the_run_may_have() -> None:
    for limit in (1, 2):
        with limited_threads(limit):
            options = Session(DESCRIBED / "waveform.onnx")._session.get_session_options()
        assert options.intra_op_num_threads == min(limit, processors())
        assert options.inter_op_num_threads == 1
