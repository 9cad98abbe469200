"""The seeded weights and signals that the golden files were made from.

The weights are pseudo-random, in the layout of the published files, so that any other
implementation can be held against openl3 without the published files: whatever agrees on these
weights agrees on the published ones. numpy.random.RandomState is used because NumPy freezes its
streams for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

FILTERS = (64, 64, 128, 128, 256, 256, 512, 512)
EMBEDDING_SIZES = (512, 6144)
INPUT_REPRS = ("mel256", "mel128", "linear")


def seeded_layers(seed: int = 0) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields (layer name, {weight name: float32 array}) in the network's order."""
    rng = np.random.RandomState(seed)

    def batch_norm(size: int, mean: float, var: float) -> dict[str, Any]:
        return {
            "gamma:0": rng.uniform(0.5, 1.5, size),
            "beta:0": rng.normal(0.0, 0.1, size),
            "moving_mean:0": rng.normal(mean, 0.1, size),
            "moving_variance:0": rng.uniform(0.5, 1.5, size) * var,
        }

    yield "batch_normalization", batch_norm(1, -40.0, 400.0)  # the input is in dB, -80..0
    channels = 1
    for i, filters in enumerate(FILTERS):
        last = i == len(FILTERS) - 1
        name = "audio_embedding_layer" if last else ("conv2d" if i == 0 else f"conv2d_{i}")
        scale = np.sqrt(2.0 / (9 * channels))
        yield (
            name,
            {
                "kernel:0": rng.normal(0.0, scale, (3, 3, channels, filters)),
                "bias:0": rng.normal(0.0, 0.1, filters),
            },
        )
        if not last:
            yield f"batch_normalization_{i + 1}", batch_norm(filters, 0.0, 1.0)
        channels = filters


def write_weights(path: Path, seed: int = 0) -> None:
    """Writes a Keras 2 HDF5 weights file, as openl3's own are."""
    with h5py.File(path, "w") as f:
        names = []
        for layer, weights in seeded_layers(seed):
            names.append(layer)
            group = f.create_group(layer)
            group.attrs["weight_names"] = [f"{layer}/{w}".encode() for w in weights]
            for w, value in weights.items():
                group.create_dataset(f"{layer}/{w}", data=value.astype(np.float32))
        f.attrs["layer_names"] = [n.encode() for n in names]
        f.attrs["backend"] = b"tensorflow"
        f.attrs["keras_version"] = b"2.15.0"


def signals() -> Iterator[tuple[str, Any, int, dict[str, Any]]]:
    """Yields (name, int16 audio [n] or [n, channels], sample rate in Hz, options)."""
    rng = np.random.RandomState(1)

    def pcm(x: Any) -> Any:
        return np.round(np.clip(x, -1, 1) * 32767).astype(np.int16)

    t = np.arange(int(2.3 * 48000)) / 48000
    chirp = 0.4 * np.sin(2 * np.pi * (100 + 1700 * t) * t) + 0.02 * rng.normal(size=t.size)
    yield "chirp", pcm(chirp), 48000, {"hop_size": 0.5, "center": True}
    yield "uncentred", pcm(chirp[:57600]), 48000, {"hop_size": 0.1, "center": False}
    t = np.arange(int(1.7 * 44100)) / 44100
    left = sum(0.2 * np.sin(2 * np.pi * f * t) for f in (220.0, 277.18, 329.63))
    right = 0.3 * np.sin(2 * np.pi * 440.0 * t) * np.exp(-3 * (t % 0.5))
    yield "stereo44k", pcm(np.stack([left, right], 1)), 44100, {"hop_size": 1.0, "center": True}
    yield "noise22k", pcm(0.3 * rng.normal(size=int(1.2 * 22050))), 22050, {"hop_size": 1.0, "center": True}
    yield "short", pcm(chirp[:19200]), 48000, {"hop_size": 1.0, "center": True}
    yield "silence", np.zeros(48000, np.int16), 48000, {"hop_size": 1.0, "center": True}
