"""How long a described encoder's windows are, and how far from each other."""

from __future__ import annotations

from audiosim.encoders.described.description import Description


def window_samples(description: Description) -> int:
    """Count the samples of a window: in patches of frames, those that the frames are made of."""
    mel = description.mel
    if mel is not None and "patch" in mel:
        frame: int = mel.get("frame", mel["n_fft"])
        return int(mel["patch"] - 1) * int(mel["hop"]) + frame
    return round((description.audio.window or 0) * description.audio.sample_rate)


def default_hop(description: Description) -> float:
    """Tell how far windows are from each other, in s, where nothing is said."""
    audio, mel = description.audio, description.mel
    if mel is not None and "patch" in mel:
        return float(mel.get("patch_hop", mel["patch"]) * mel["hop"] / audio.sample_rate)
    return float(audio.hop or audio.window or 0)
