"""Expected MusiCNN embeddings and tags, computed by the real musicnn 0.1.0 with its published weights.

Run in the environment that make_env.sh builds, after
    DIR/bin/pip install --no-deps musicnn==0.1.0
usage: make_golden_musicnn.py OUT_DIR
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

MODELS = {"msd": "MSD_musicnn", "mtt": "MTT_musicnn"}  # by their names in audiosim
SAMPLE_RATE = 16_000  # Hz


def signals() -> Iterator[tuple[str, Any]]:
    """Yields (name, int16 mono audio at 16 kHz)."""
    rng = np.random.RandomState(2)

    def pcm(x: Any) -> Any:
        return np.round(np.clip(x, -1, 1) * 32767).astype(np.int16)

    t = np.arange(int(7.0 * SAMPLE_RATE)) / SAMPLE_RATE
    yield "chirp", pcm(0.4 * np.sin(2 * np.pi * (80 + 250 * t) * t) + 0.02 * rng.normal(size=t.size))
    t = np.arange(int(4.0 * SAMPLE_RATE)) / SAMPLE_RATE
    chord = sum(0.15 * np.sin(2 * np.pi * f * t) for f in (220.0, 277.18, 329.63, 440.0))
    beat = 0.5 * rng.normal(size=t.size) * np.exp(-30 * (t % 0.5))
    yield "chord_and_beat", pcm(chord + beat)


def main(out: Path) -> None:
    from musicnn import configuration
    from musicnn.extractor import extractor

    # With its batches of one, musicnn 0.1.0 repeats the first patch's penultimate for all later
    # ones (its loop appends the variable of the first batch): one batch must hold all patches.
    configuration.BATCH_SIZE = 64

    out.mkdir(parents=True, exist_ok=True)
    arrays = {}
    for name, audio in signals():
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            soundfile.write(file.name, audio, SAMPLE_RATE, subtype="PCM_16")
            for variant, model in MODELS.items():
                tags, _, features = extractor(file.name, model=model, input_length=3)
                arrays[f"{name}_{variant}_tags"] = tags.astype(np.float32)
                if variant == "msd":
                    arrays[f"{name}_penultimate"] = features["penultimate"].astype(np.float32)
        arrays[f"{name}_audio"] = audio
    np.savez_compressed(out / "golden_musicnn.npz", **arrays)
    print({name: array.shape for name, array in arrays.items()})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
