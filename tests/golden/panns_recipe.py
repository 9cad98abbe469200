"""The seeded weights of CNN14 that golden_panns.npz was made from: in the layout of the published files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

N_FFT, HOP, MELS, CLASSES = 1024, 320, 64, 527
BINS = N_FFT // 2 + 1
SAMPLE_RATE, FMIN, FMAX = 32000, 50, 14000
CHANNELS = (1, 64, 128, 256, 512, 1024, 2048)


def state_shapes() -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yields (name, shape) in the order of the model's state_dict."""

    def batch_norm(name: str, size: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        for part in ("weight", "bias", "running_mean", "running_var"):
            yield f"{name}.{part}", (size,)
        yield f"{name}.num_batches_tracked", ()

    yield "spectrogram_extractor.stft.conv_real.weight", (BINS, 1, N_FFT)
    yield "spectrogram_extractor.stft.conv_imag.weight", (BINS, 1, N_FFT)
    yield "logmel_extractor.melW", (BINS, MELS)
    yield from batch_norm("bn0", MELS)
    for i in range(1, len(CHANNELS)):
        block, size = f"conv_block{i}", CHANNELS[i]
        yield f"{block}.conv1.weight", (size, CHANNELS[i - 1], 3, 3)
        yield f"{block}.conv2.weight", (size, size, 3, 3)
        yield from batch_norm(f"{block}.bn1", size)
        yield from batch_norm(f"{block}.bn2", size)
    for name, size in (("fc1", CHANNELS[-1]), ("fc_audioset", CLASSES)):
        yield f"{name}.weight", (size, CHANNELS[-1])
        yield f"{name}.bias", (size,)


def front_end() -> dict[str, Any]:
    """The state's three front-end tensors, which are not learnt."""
    n = np.arange(N_FFT)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * n / N_FFT)
    angle = 2 * np.pi * (np.outer(np.arange(BINS), n) % N_FFT) / N_FFT

    def to_mel(hz: Any) -> Any:
        return np.where(hz < 1000, 3 * hz / 200, 15 + 27 * np.log(np.maximum(hz, 1) / 1000) / np.log(6.4))

    def to_hz(mel: Any) -> Any:
        return np.where(mel < 15, 200 * mel / 3, 1000 * np.exp(np.log(6.4) * (mel - 15) / 27))

    edges = to_hz(np.linspace(to_mel(np.float64(FMIN)), to_mel(np.float64(FMAX)), MELS + 2))
    low, mid, high = edges[:-2], edges[1:-1], edges[2:]
    hz = np.linspace(0, SAMPLE_RATE / 2, BINS)[:, None]
    triangles = np.maximum(0, np.minimum((hz - low) / (mid - low), (high - hz) / (high - mid)))
    return {
        "spectrogram_extractor.stft.conv_real.weight": (np.cos(angle) * window)[:, None],
        "spectrogram_extractor.stft.conv_imag.weight": (-np.sin(angle) * window)[:, None],
        "logmel_extractor.melW": triangles * 2 / (high - low),
    }


def seeded_state(seed: int = 0) -> Iterator[tuple[str, Any]]:
    """Yields (name, array), float32 but for the int64 counters, in the state_dict's order.

    One stream of uniform numbers, drawn parameter by parameter. Each kernel's weights add up
    to zero and are then scaled, lest the signals' embeddings be all alike.
    """
    rng = np.random.RandomState(seed)
    fixed = front_end()
    ranges = {
        "weight": (0.5, 1.5),
        "bias": (-0.2, 0.2),
        "running_mean": (-0.2, 0.2),
        "running_var": (0.5, 1.5),
    }
    for name, shape in state_shapes():
        part = name.split(".")[-1]
        if name in fixed:
            value = fixed[name]
        elif part == "num_batches_tracked":
            yield name, np.array(1000, np.int64)
            continue
        elif len(shape) > 1:
            value = rng.random_sample(shape)
            value -= value.mean(axis=tuple(range(1, len(shape))), keepdims=True)
            value *= 2 * (0.075 if name.startswith("fc_audioset") else 1.5) * np.sqrt(6 / np.prod(shape[1:]))
        elif name == "bn0.running_mean":
            value = rng.uniform(-45, -35, shape)  # the input is in dB, -100 to 30
        elif name == "bn0.running_var":
            value = rng.uniform(300, 500, shape)
        else:
            value = rng.uniform(*ranges[part], shape)
        yield name, value.astype(np.float32)
