"""An encoder that a description makes of an ONNX model: windows -> front end -> model -> embeddings."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from audiosim.core.errors import WeightsError
from audiosim.core.threads import on_each_processor
from audiosim.core.types import EncoderSpec, Float32, Framing
from audiosim.encoders.described.description import Amplitude, Description, Variant
from audiosim.encoders.described.session import FLOATS, Session, Tensor
from audiosim.encoders.described.windows import default_hop, window_samples
from audiosim.encoders.log_mel import LogMel

VERSION = 1  # of this front end; raised by whatever changes embeddings
BATCH_SIZE = 4  # windows, where the model takes any number; CLAP takes least by itself, threads share a few
INT16 = 32767.0  # full scale
LEAST_VARIANCE = 1e-7  # that is divided by, as transformers' feature extractors do
TAILS: dict[str, Literal["pad", "drop", "repeat", "tile"]] = {
    "zeros": "pad",
    "drop": "drop",
    "repeat": "repeat",
    "tile": "tile",
}


def described_spec(
    description: Description,
    variant: Variant,
    weights: str,
    *,
    hop: float | None = None,
    max_windows: int | None = None,
) -> EncoderSpec:
    """Make the spec of an encoder that is described; the hop, in s, is the description's unless given."""
    hop = float(hop or default_hop(description))
    several = len(description.variants) > 1
    return EncoderSpec(
        name=description.name,
        version=VERSION,
        options=(("variant", variant.name),) if several else (),
        weights=weights,
        sample_rate=description.audio.sample_rate,
        resampler="soxr_hq",
        hop=hop,
        dimension=description.dimension,
        framing=_framing(description, hop),
        max_windows=max_windows,
    )


def _framing(description: Description, hop: float) -> Framing:
    audio, mel = description.audio, description.mel
    step, tail = round(hop * audio.sample_rate), TAILS[audio.tail]
    if mel is None or "patch" not in mel:
        return Framing(window_samples(description), step, tail=tail)
    # Frames are those of the whole track: a window is the samples that its frames are made of.
    frame = mel.get("frame", mel["n_fft"])
    lead = frame // 2 if mel["padding"] == "zeros" else 0
    trail = lead if mel["frame_tail"] == "drop" else frame - lead + (mel["hop"] if lead else 0) - 1
    return Framing(window_samples(description), step, lead=lead, trail=trail, tail=tail)


def front_end(description: Description) -> LogMel | None:
    """Make the spectrogram that the model takes of a window; None where it takes the samples."""
    if description.mel is None:
        return None
    mel = {name: value for name, value in description.mel.items() if name not in ("patch", "patch_hop")}
    if "patch" in description.mel:
        mel |= {"padding": "none", "frame_tail": "drop"}  # the framing saw to both
    return LogMel(description.audio.sample_rate, **mel)


class DescribedEncoder:
    """A model with its description, ready to embed.

    Parameters
    ----------
    description : Description
        What it takes and gives.
    session : Session
        The model of one of its variants, loaded.
    spec : EncoderSpec
        As `described_spec` makes it.
    batch_size : int, optional
        Windows computed at a time, where the model takes any number.

    Raises
    ------
    WeightsError
        If the model has not the inputs and outputs described.
    """

    def __init__(
        self, description: Description, session: Session, spec: EncoderSpec, *, batch_size: int | None = None
    ) -> None:
        self.spec = spec
        self.stage_seconds = {"front end": 0.0, "network": 0.0}
        self._description, self._session = description, session
        self._mel, self._axes = front_end(description), description.model.axes
        self._amplitude = AMPLITUDES[description.audio.amplitude]
        self._input = _chosen_input(description, session, self._lengths(spec.framing.window))
        self._output = chosen_output(description.model.output, description.dimension, session)
        self._fixed = _fixed_batch(description, self._input)
        self.dtype = FLOATS[self._input.kind].__name__
        self.batch_size = self._fixed or batch_size or BATCH_SIZE

    def embed(self, windows: Float32) -> Float32:
        """Compute embeddings, float32 (n, dim), of windows, float32 (n, samples)."""
        out = np.empty((len(windows), self.spec.dimension), np.float32)
        size = self._fixed or self.batch_size
        for start in range(0, len(windows), size):
            part = windows[start : start + size]
            begin = time.perf_counter()
            images = self._images(part)
            between = time.perf_counter()
            out[start : start + len(part)] = self._embedded(images)[: len(part)]
            self.stage_seconds["front end"] += between - begin
            self.stage_seconds["network"] += time.perf_counter() - between
        return out

    def _images(self, windows: Float32) -> Float32:
        """What the front end makes of windows: (n, samples), or (n, frames, bands)."""
        windows = self._amplitude(windows)
        mel = self._mel
        return windows if mel is None else np.stack(on_each_processor(mel, list(windows)))

    def _embedded(self, images: Float32) -> Float32:
        """The embeddings of as many windows as the model takes at a time, or fewer: at least those."""
        missing = (self._fixed or 0) - len(images)
        if missing > 0:
            images = np.pad(images, [(0, missing), *[(0, 0)] * (images.ndim - 1)])
        found = self._session.run(self._output.name, {self._input.name: self._arranged(images)})
        embeddings = self._pooled(np.asarray(found, np.float32), len(images))
        if self._description.model.normalise:
            norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
            embeddings = np.divide(embeddings, norms, out=np.zeros_like(embeddings), where=norms > 0)
        return embeddings

    def _arranged(self, images: Float32) -> npt.NDArray[Any]:
        """Put the axes into the model's order."""
        have = ["batch", "samples"] if images.ndim == 2 else ["batch", "frames", "bands"]
        have += [axis for axis in self._axes if axis not in have]
        images = images.reshape(*images.shape, *[1] * (len(have) - images.ndim))
        lacking = "batch" not in self._axes  # one window, and no axis for it
        order = [have.index(axis) for axis in (["batch"] if lacking else []) + list(self._axes)]
        arranged = np.ascontiguousarray(images.transpose(order), FLOATS[self._input.kind])
        return arranged[0] if lacking else arranged

    def _pooled(self, found: Float32, count: int) -> Float32:
        pool, dimension = self._description.model.pool, self.spec.dimension
        if pool == "none":
            if found.size == count * dimension and found.shape[-1:] == (dimension,):
                return found.reshape(count, dimension)
        elif found.ndim == 3 and found.shape[::2] == (count, dimension):
            return POOLS[pool](found)
        expected = f"({count}, {dimension})" if pool == "none" else f"({count}, time, {dimension})"
        raise WeightsError(
            f"{self._output.name} of {self.spec.name} is of the shape {found.shape}",
            f"an embedding a window is {expected}",
            "Look at output, dimension and pool of the description.",
        )

    def _lengths(self, samples: int) -> dict[str, int]:
        """How long each axis is, but for the batch."""
        lengths = {"channel": 1, "samples": samples}
        if self._mel is not None:
            lengths |= {"frames": self._mel.frame_count(samples), "bands": self._mel.bands}
        return lengths


def chosen_output(name: str | None, dimension: int, session: Session) -> Tensor:
    """Choose a model's output by its name, or else the one whose last axis has as many numbers.

    Raises
    ------
    WeightsError
        If there is none, or there are several, or its last axis has another length.
    """
    fitting = [
        output
        for output in session.outputs
        if output.kind in FLOATS and (output.name == name if name else output.shape[-1:] == (dimension,))
    ]
    if len(fitting) != 1:
        wanted = f"called {name}" if name else f"of {dimension} numbers"
        raise _not_one("output", wanted, fitting, session.outputs)
    (chosen,) = fitting
    if chosen.shape and chosen.shape[-1] not in (None, dimension):
        raise WeightsError(
            f"The output {chosen} gives no embeddings of {dimension} numbers",
            "its last axis has another length",
            "Look at output and dimension of the description.",
        )
    return chosen


def _chosen_input(description: Description, session: Session, lengths: dict[str, int]) -> Tensor:
    """The input that the description means; others there must not be: they would stay empty."""
    model = description.model
    fitting = [
        each
        for each in session.inputs
        if each.kind in FLOATS
        and (each.name == model.input if model.input else _fits(each, model.axes, lengths))
    ]
    wanted = f"called {model.input}" if model.input else _wanted(model.axes, lengths)
    if len(fitting) != 1:
        raise _not_one("input", wanted, fitting, session.inputs)
    (chosen,) = fitting
    if not _fits(chosen, model.axes, lengths):
        raise WeightsError(
            f"The input {chosen} does not take the windows described",
            f"they are {_wanted(model.axes, lengths)}",
            "Look at axes, window and the front end of the description.",
        )
    if len(session.inputs) > 1:
        others = ", ".join(str(each) for each in session.inputs if each is not chosen)
        raise WeightsError(f"The model wants more than audio: {others}", "a description can't give it that")
    return chosen


def _fits(tensor: Tensor, axes: tuple[str, ...], lengths: dict[str, int]) -> bool:
    same = len(tensor.shape) == len(axes)
    return same and all(
        axis == "batch" or there in (None, lengths[axis])
        for axis, there in zip(axes, tensor.shape, strict=True)
    )


def _wanted(axes: tuple[str, ...], lengths: dict[str, int]) -> str:
    return f"({', '.join(axis if axis == 'batch' else f'{lengths[axis]} {axis}' for axis in axes)})"


def _not_one(what: str, wanted: str, fitting: list[Tensor], there: tuple[Tensor, ...]) -> WeightsError:
    return WeightsError(
        f"The model has {'several' if fitting else 'no'} {what}s {wanted}",
        f"it has {', '.join(map(str, there))}",
        f"Name the {what} in [model] of the description.",
    )


def _fixed_batch(description: Description, tensor: Tensor) -> int | None:
    """How many windows the model takes at a time; None for any number."""
    if "batch" not in description.model.axes:
        return 1
    fixed = tensor.shape[description.model.axes.index("batch")]
    if fixed is not None and description.model.batch not in (None, fixed):
        raise WeightsError(
            f"The model takes {fixed} windows at a time",
            f"its description says {description.model.batch}",
            "Leave batch out of it.",
        )
    return fixed or description.model.batch


def _int16(windows: Float32) -> Float32:
    """As LAION's CLAP: clipped, then cut, not rounded, to 16 bits."""
    whole = (np.clip(windows, -1.0, 1.0) * np.float32(INT16)).astype(np.int16)
    return (whole / np.float32(INT16)).astype(np.float32)


def _standardised(windows: Float32) -> Float32:
    """Mean 0 and variance 1, window by window, as transformers' Wav2Vec2FeatureExtractor."""
    centred = windows - windows.mean(axis=1, keepdims=True, dtype=np.float64)
    found: Float32 = (
        centred / np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + LEAST_VARIANCE)
    ).astype(np.float32)
    return found


POOLS: dict[str, Callable[[Float32], Float32]] = {
    "mean": lambda found: np.asarray(found.mean(1)),
    "max": lambda found: np.asarray(found.max(1)),
    "first": lambda found: found[:, 0],
}
AMPLITUDES: dict[Amplitude, Callable[[Float32], Float32]] = {
    "as-is": lambda windows: windows,
    "int16": _int16,
    "standardised": _standardised,
}
