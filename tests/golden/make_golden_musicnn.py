"""Expected MusiCNN embeddings, computed by the real musicnn 0.1.0 with its published weights.

Run in the environment that make_env.sh builds, after
    DIR/bin/pip install --no-deps musicnn==0.1.0
usage: make_golden_musicnn.py OUT_DIR
"""
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile as sf

SAMPLE_RATE = 16000  # Hz


def signals():
    """Yields (name, int16 mono audio at 16 kHz)."""
    rng = np.random.RandomState(2)

    def pcm(x):
        return np.round(np.clip(x, -1, 1) * 32767).astype(np.int16)

    t = np.arange(int(7.0 * SAMPLE_RATE)) / SAMPLE_RATE
    yield "chirp", pcm(0.4 * np.sin(2 * np.pi * (80 + 250 * t) * t) + 0.02 * rng.normal(size=t.size))
    t = np.arange(int(4.0 * SAMPLE_RATE)) / SAMPLE_RATE
    chord = sum(0.15 * np.sin(2 * np.pi * f * t) for f in (220.0, 277.18, 329.63, 440.0))
    beat = 0.5 * rng.normal(size=t.size) * np.exp(-30 * (t % 0.5))
    yield "chord_and_beat", pcm(chord + beat)


def main(out):
    from musicnn import configuration
    from musicnn.extractor import extractor
    configuration.BATCH_SIZE = 64

    out = Path(out)
    arrays = {}
    for name, audio in signals():
        with tempfile.NamedTemporaryFile(suffix=".wav") as f:
            sf.write(f.name, audio, SAMPLE_RATE, subtype="PCM_16")
            for model in ("MSD_musicnn", "MTT_musicnn"):
                taggram, _, features = extractor(f.name, model=model, input_length=3)
                arrays[f"{name}_{model}_taggram"] = taggram.astype(np.float32)
                for layer in ("penultimate", "mean_pool", "max_pool"):
                    arrays[f"{name}_{model}_{layer}"] = features[layer].astype(np.float32)
        arrays[f"{name}_audio"] = audio
    np.savez_compressed(out / "golden_musicnn.npz", **arrays)
    print({k: v.shape for k, v in arrays.items()})


if __name__ == "__main__":
    main(sys.argv[1])
