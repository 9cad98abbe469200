"""What browsers play as it is, and a FLAC of what they don't: made by a process of its own, from any format.

A decoder's crash, or a file that never ends, costs that process.
"""

from __future__ import annotations

import os
import subprocess

from audiosim.core.child import ask_child
from audiosim.core.errors import AudioError

# By a file's extension: its MIME type, and what FFmpeg may call the codec in it (the beginning does).
PLAYED: dict[bytes, tuple[str, tuple[str, ...]]] = {
    b".mp3": ("audio/mpeg", ("mp3",)),
    b".flac": ("audio/flac", ("flac",)),
    b".wav": ("audio/wav", ("pcm_s16", "pcm_s24", "pcm_u8", "pcm_f32", "pcm_s32")),
    b".ogg": ("audio/ogg", ("vorbis", "opus", "flac")),
    b".oga": ("audio/ogg", ("vorbis", "opus", "flac")),
    b".opus": ("audio/ogg", ("opus",)),
    b".m4a": ("audio/mp4", ("aac", "mp3")),
    b".mp4": ("audio/mp4", ("aac", "mp3")),
    b".m4b": ("audio/mp4", ("aac", "mp3")),
    b".aac": ("audio/aac", ("aac",)),
    b".webm": ("audio/webm", ("vorbis", "opus")),
    b".weba": ("audio/webm", ("vorbis", "opus")),
}
LIMIT = 600.0  # s for all of it


def media_type(path: bytes, codec: str) -> str | None:
    """Give the MIME type under which browsers play a file; None where they don't.

    Parameters
    ----------
    path : bytes
        The file.
    codec : str
        What FFmpeg calls its codec.
    """
    kind, codecs = PLAYED.get(os.path.splitext(path)[1].lower(), ("", ()))
    return kind if codec.startswith(codecs) and codecs else None


def make_playable(path: bytes, output: bytes) -> None:
    """Make a FLAC of 16 bits of a file, in a process of its own.

    Parameters
    ----------
    path : bytes
        The file.
    output : bytes
        Where to put it.

    Raises
    ------
    AudioError
        If it can't be decoded, in reasonable time and space.
    """
    try:
        wrong = ask_child("audiosim.audio.transcoder", [path.hex(), output.hex()], LIMIT)
    except subprocess.TimeoutExpired as error:
        raise AudioError(f"it was not decoded in {LIMIT:g} s") from error
    if wrong != "":
        raise AudioError(wrong or "its decoder crashed")
