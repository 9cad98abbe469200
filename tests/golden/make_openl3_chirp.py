"""Makes audiosim/encoders/published/openl3_chirp.npz of tests/data of github.com/marl/openl3.

usage: make_openl3_chirp.py FOLDER OUT.npz    (FOLDER: chirp_44k.wav, chirp_44k_kapre{,_linear}.npz)

The sound is resampled as resampy 0.2 does it for openl3, in float64, and kept in float32: OpenL3 sees
160 dB of power, and 16 bits of it would give other embeddings (cosine 0.991).
"""

import sys
from pathlib import Path

import numpy as np
import soundfile

from audiosim.audio.resample import KaiserBest

RATE = 48_000  # Hz
STARTS = (0.0, 0.5, 1.0)  # s


def resampled(samples, rate):
    filters = KaiserBest(rate, RATE)
    reach = filters._reach
    padded = np.pad(samples, reach)
    out = []
    for part in np.array_split(np.arange(len(samples) * RATE // rate), 100):
        centres, fractions = part * rate // RATE, (part * rate % RATE) / RATE
        inputs = padded[centres[:, None] + np.arange(2 * reach)]
        out.append((inputs * filters._taps(fractions)).sum(axis=1))
    return np.concatenate(out)


def rows(path, lead):
    with np.load(path) as data:
        times = data["timestamps"] - lead
        places = [int(np.flatnonzero(np.abs(times - start) < 1e-6)[0]) for start in STARTS]
        return data["embedding"][places].astype(np.float16)


def main(folder, out):
    samples, rate = soundfile.read(folder / "chirp_44k.wav")
    np.savez_compressed(
        out,
        chirp=resampled(samples, rate).astype("<f4"),
        mel256_music=rows(folder / "chirp_44k_kapre.npz", 0.5),  # centred: half a window before
        linear_env=rows(folder / "chirp_44k_kapre_linear.npz", 0.0),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
