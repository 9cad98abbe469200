"""Rows of an export, each made sure of: nothing in a file is taken on trust."""

from __future__ import annotations

import math
import os
import re
from typing import Any

from audiosim.audio.fingerprint import is_fingerprint
from audiosim.core.text import display_path
from audiosim.core.types import TAG_NAMES, AudioInfo, Float32, Tags
from audiosim.encoders.passage_vectors import are_passages
from audiosim.library.catalog import Record, are_odds

FARTHEST = 2.001  # cosine distance there is, with room for rounding
DIGEST = re.compile(r"[0-9a-f]{32}")
AUDIO = ("digest", "duration", "sample_rate", "channels", "codec", "size", "mtime_ns")
LEAST = {"duration": 0, "sample_rate": 0, "channels": 0, "size": -1, "windows": 1}


def record_of(row: dict[str, Any], vector: Float32, dimension: int, labels: int) -> Record:
    """The record that a row holds: `vector` is its own, `dimension` that of a window, `labels` how many.

    Raises
    ------
    ValueError
        If it is not as it should be.
    """
    path, passages, scale = row["path_bytes"], row["passages"], row["scale"]
    if path is None or not is_path(path):
        raise ValueError(f"it has a path that is not absolute: {display_path(path or b'')}")
    shown = display_path(path)
    if row["digest"] is None or not DIGEST.fullmatch(row["digest"]):
        raise ValueError(f"the digest of {shown} is not 32 hexadecimal digits")
    for name, least in LEAST.items():
        if row[name] is None or not least <= row[name] < math.inf:
            raise ValueError(f"the {name} of {shown} is {row[name]}")
    if row["mtime_ns"] is None or row["codec"] is None:
        raise ValueError(f"the time or codec of {shown} is missing")
    if scale is not None and not 0 < scale <= FARTHEST:
        raise ValueError(f"the scale of {shown} is {scale}")
    if passages is not None and not are_passages(passages, dimension, row["windows"]):
        raise ValueError(f"the passages of {shown} are damaged")
    tags = Tags(**{name: row[name] for name in TAG_NAMES})
    info = AudioInfo(**{name: row[name] for name in AUDIO}, tags=tags)
    fingerprint = row.get("fingerprint")
    if fingerprint is not None and not is_fingerprint(fingerprint):
        raise ValueError(f"the fingerprint of {shown} is damaged")
    words = row.get("words")
    if words is not None and not are_odds(words, labels):
        raise ValueError(f"the words of {shown} are damaged")
    return Record(path, info, vector, row["windows"], passages, scale, fingerprint, words)


def is_path(path: bytes) -> bool:
    """Whether these bytes are an absolute path as the catalog has them."""
    return path[:1] == b"/" and path[:2] != b"//" and b"\0" not in path and os.path.normpath(path) == path
