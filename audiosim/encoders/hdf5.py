"""Keras 2 HDF5 weights files, read without Keras."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from audiosim.core.errors import WeightsError
from audiosim.core.types import Float32

MAX_BYTES = 512 * 2**20  # of an unpacked file; OpenL3's are about 19 MB


def read_layers(path: Path) -> list[list[Float32]]:
    """Read the tensors of each layer that has any, in the file's order.

    That is how Keras loads weights: by order, not by name. Reads ``.h5`` and ``.h5.gz``; the
    layers may lie in the root or in the group ``model_weights``.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    list of list of ndarray of float32
        Layers, each with its tensors.

    Raises
    ------
    WeightsError
        If the file is missing, truncated, or no such file.
    """
    remedy = "Fetch it again, or check that the right file was given."
    try:
        with h5py.File(io.BytesIO(_content(path)), "r") as file:
            root = file.get("model_weights", file)
            layers = [_tensors(root[name]) for name in _names(root, "layer_names")]
    except (OSError, EOFError, KeyError, ValueError, RuntimeError, TypeError, zlib.error) as error:
        raise WeightsError(f"{path} is not a readable Keras weights file", _reason(error), remedy) from error
    return [layer for layer in layers if layer]


def _content(path: Path) -> bytes:
    data = path.read_bytes()
    if not data:
        raise ValueError("the file is empty")
    if data[:2] == b"\x1f\x8b":
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            data = file.read(MAX_BYTES)
    return data


def _names(group: Any, attribute: str) -> list[str]:
    return [name.decode() if isinstance(name, bytes) else str(name) for name in group.attrs[attribute]]


def _tensors(group: Any) -> list[Float32]:
    return [np.asarray(group[name][()], np.float32) for name in _names(group, "weight_names")]


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
