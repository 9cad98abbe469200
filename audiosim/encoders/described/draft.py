"""A description drafted from a model: what its inputs and outputs tell, and marks where they don't."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from audiosim.core.errors import UsageError, WeightsError
from audiosim.encoders.described.session import FLOATS, Session, Tensor

BANDS = frozenset({40, 64, 80, 96, 128, 229, 256})  # that mel spectrograms usually have
ASK = "# ?"  # marks what the file does not tell

MEL = f"""
[mel]
n_fft = 0               {ASK} samples of the Fourier transform
hop = 0                 {ASK} samples from frame to frame
bands = {{bands}}
fmin = 0.0              {ASK} Hz
# fmax = 8000.0         {ASK} Hz; left out: half the sample rate
mel_scale = "slaney"    {ASK} or "htk"
mel_norm = "slaney"     {ASK} or "none"
taper = "hann"          {ASK} or "hamming", "blackman", "rectangular"
periodic = true         {ASK} false for symmetric windows, as Essentia's
padding = "reflect"     {ASK} or "zeros", "none"; with patch one of these two
frame_tail = "drop"     {ASK} or "pad"
power = 2               {ASK} or 1
log = "db"              {ASK} or "log10", "ln", "none"
gain = 1.0              {ASK}
offset = 0.0            {ASK} log10(1 + 10000 x) is gain 10000, offset 1
floor = 1e-10           {ASK}
{{frames}}
# Where frames are those of the whole track, cut into patches (docs/encoders.md, "Front ends by name":
# Essentia), take these instead:
# patch = {{patch:<13}} {ASK} frames; takes the place of frames above, and of window and hop in [audio]
# patch_hop = {{patch:<9}} {ASK} frames from patch to patch
# and then tail = "drop" or "zeros" in [audio], padding = "zeros" or "none" above.
"""
WITH_PATCH = {"window": "; not with patch", "tail": '; with patch "drop" or "zeros"'}


def draft(model: Path) -> str:
    """Draft a description of a model.

    Parameters
    ----------
    model : Path
        The ONNX file.

    Returns
    -------
    str
        The description, in TOML. What is marked is to be seen to; some of it is wrong until then.

    Raises
    ------
    UsageError
        If there is no such file.
    WeightsError
        If it is no model that takes audio and gives embeddings.
    """
    if not model.is_file():
        raise UsageError(f"No model {model}", "there is no such file", "Check the path.")
    session = Session(model)
    chosen = _input(session.inputs)
    axes = _axes(chosen)
    outputs = [output for output in session.outputs if output.kind in FLOATS and _dimension(output)]
    if axes is None or not outputs:
        told = f"it takes {_listed(session.inputs)} and gives {_listed(session.outputs)}"
        raise WeightsError(f"{model} is no model of audio that can be described", told)
    return _text(model, chosen, axes, sorted(outputs, key=_likeness, reverse=True))


def _text(model: Path, chosen: Tensor, axes: list[str], outputs: list[Tensor]) -> str:
    best, *others = outputs
    lengths = dict(zip(axes, chosen.shape, strict=True))
    timed = len(best.shape) == 3 and best.shape[1] != 1
    pool = f'pool = "mean"           {ASK} or "max", "first": {best} has a time axis\n' if timed else ""
    other = f"    {ASK} the model also has {_listed(others)}" if others else ""
    mel = _mel(lengths) if "bands" in axes else ""
    notes = WITH_PATCH if mel else dict.fromkeys(WITH_PATCH, "")
    with model.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return f"""# What each field means: docs/encoders.md. The lines with {ASK} are guesses, or missing.
audiosim_encoder = 1
name = {json.dumps(_name(model))}
about = ""              {ASK} what it is, in a line
licence = ""            {ASK} of the weights
dimension = {_dimension(best)}

[model]
input = {json.dumps(chosen.name)}
axes = {json.dumps(axes)}
output = {json.dumps(best.name)}{other}
{pool}normalise = false       {ASK}

[audio]
sample_rate = 0         {ASK} Hz
window = {_window(lengths)} {ASK} s{notes["window"]}
# hop = 1.0             {ASK} s; left out: the window
tail = "repeat"         {ASK} or "tile", "zeros", "drop": what becomes of a track's rest{notes["tail"]}
amplitude = "as-is"     {ASK} or "int16", "standardised"
{mel}
[variants.default]
file = {json.dumps(model.name)}
sha256 = "{sha256}"
"""


def _mel(lengths: dict[str, int | None]) -> str:
    frames = lengths.get("frames")
    told = f"frames = {frames:<15}{ASK} of each window, whose spectrogram is its own" if frames else ""
    return MEL.format(bands=lengths.get("bands") or f"0 {ASK}", frames=told, patch=frames or 0)


def _window(lengths: dict[str, int | None]) -> str:
    samples = lengths.get("samples")
    return f"0.0                  # {samples} samples;" if samples else "0.0           "


def _input(inputs: tuple[Tensor, ...]) -> Tensor:
    """The input that has the most axes, of those of numbers with a point."""
    return max(inputs, key=lambda tensor: (tensor.kind in FLOATS, len(tensor.shape)))


def _axes(tensor: Tensor) -> list[str] | None:
    """What the axes seem to be; None where that can't be audio."""
    shape = tensor.shape
    known: dict[int, list[str]] = {1: ["samples"], 2: ["batch", "samples"]}
    if len(shape) == 3:
        known[3] = ["batch", *(["channel", "samples"] if shape[1] == 1 else _spectrogram(shape[1:]))]
    elif len(shape) == 4:
        last = shape[3] == 1 and shape[1] != 1
        known[4] = ["batch", *(_spectrogram(shape[1:3]) if last else ["channel"])]
        known[4] += ["channel"] if last else _spectrogram(shape[2:])
    return known.get(len(shape)) if tensor.kind in FLOATS else None


def _spectrogram(shape: tuple[int | None, ...]) -> list[str]:
    first, second = shape
    turned = first in BANDS and (second not in BANDS or second > first)
    return ["bands", "frames"] if turned else ["frames", "bands"]


def _dimension(tensor: Tensor) -> int:
    return (tensor.shape[-1] or 0) if len(tensor.shape) > 0 else 0


def _likeness(output: Tensor) -> tuple[bool, int]:
    """How much an output looks like embeddings: by its name, else by its numbers."""
    return "embed" in output.name.lower(), _dimension(output)


def _name(model: Path) -> str:
    name = re.sub(r"[^a-z0-9._-]+", "-", model.stem.lower()).strip("._-")
    return name[:64] or "model"


def _listed(tensors: tuple[Tensor, ...] | list[Tensor]) -> str:
    return ", ".join(map(str, tensors))
