"""Whether what has changed in decoding since a cache was made can concern it.

Windows are made by decoding, whose changes leave the encoder, and so its fingerprint, as they are.
A cache says by which decoding it was made, `audiosim.core.version.DECODING` counting them:

1. All before the second; these caches do not say.
2. FFmpeg's idea of a file decides who decodes it, and DTS or AC-3 in PCM is decoded; channels
   that cancel each other are mixed otherwise; levels are those of windows without their DC offset.
3. A sound shorter than the only window it fills is followed by silence, where MusiCNN's was repeated.

A file whose other audio stream is taken now has another digest, and needs no answer from here.
"""

from __future__ import annotations

import numpy as np

from audiosim.core.types import Float32
from audiosim.library.cache import CachedTrack

CODED = frozenset({"ac3", "dts", "eac3", "mlp", "truehd"})  # what libsndfile takes for PCM in a WAV
LOSSLESS = ("pcm_s", "flac", "alac", "wavpack", "ape", "tta", "tak")  # as CDs with DTS on them are kept
NOISE = -20.0  # dBFS; DTS taken for PCM is noise above that
NOISE_SPREAD = 1.0  # dB, between its louder and its softer windows
QUIET = -16.0  # dBFS; the mean of channels that cancel each other hardly has a louder window
SHORT = 4.0  # s; above MusiCNN's window
STEADY = 4  # successive windows of one level: silence with an offset, or a synthetic sound


def concerns(cached: CachedTrack, codec: str) -> bool:
    """Tell whether a track may give other windows or levels if it were decoded again.

    Parameters
    ----------
    cached : CachedTrack
        What is kept of it.
    codec : str
        FFmpeg's name of its codec, as the catalog has it.

    Returns
    -------
    bool
        False where today's decoding made it, or gives the same. True is no promise of a change.
    """
    if cached.decoding < 3 and len(cached.frames) == 1 and cached.duration < SHORT:
        return True
    level = cached.frames.level.astype(np.float32)
    heard = level[np.isfinite(level)]
    return cached.decoding < 2 and (
        codec in CODED
        or (cached.channels > 1 and _quiet(heard))
        or _steady(level)
        or (codec.startswith(LOSSLESS) and cached.channels == 2 and _noise(heard))
    )


def _quiet(heard: Float32) -> bool:
    return bool(heard.max(initial=-np.inf) < QUIET)


def _steady(level: Float32) -> bool:
    """Whether the level stands still for a while, as float16 has it, and not at digital silence."""
    run = min(STEADY, len(level))
    stretches = np.lib.stride_tricks.sliding_window_view(level, run)
    first = stretches[:, :1]
    return bool(((stretches == first) & np.isfinite(first)).all(axis=1).any())


def _noise(heard: Float32) -> bool:
    if not len(heard):
        return False
    soft, usual, loud = np.percentile(heard, [10, 50, 90])
    return bool(usual > NOISE and loud - soft < NOISE_SPREAD)
