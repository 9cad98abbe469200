"""Tensors out of files of ``torch.save``, in both of its formats, without torch.

The older format is five pickles (a magic number, a version, the machine, the object, the keys of
its storages), then each storage in that order: its count and its numbers, little-endian. The newer
one is a zip archive, not compressed: ``NAME/data.pkl``, a file ``NAME/data/KEY`` for each storage,
and ``NAME/byteorder``. Nothing in a file is run, and no more is read than it is long.
"""

from __future__ import annotations

import io
import os
import re
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt

from audiosim.core.errors import WeightsError
from audiosim.encoders.torch_objects import MalformedError, Storage, StoredTensor
from audiosim.encoders.torch_pickle import Pickled, load

Tensor = npt.NDArray[Any]
MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
STATE_KEYS = ("model", "state_dict")  # where checkpoints of a training keep the network
Order = Literal["<", ">"]
ORDERS: dict[bytes, Order] = {b"little": "<", b"big": ">"}
REMEDY = "Fetch it again, or check that the right file was given."


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a network: those of the dictionary saved, or of its "model" or "state_dict".

    Parameters
    ----------
    path : Path
        The file, as ``.pth`` or ``.pt``.

    Returns
    -------
    dict of str to ndarray
        The tensors by name, not writable.

    Raises
    ------
    WeightsError
        If the file is damaged, holds no tensors, or names anything but tensors.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size == 0:
                raise MalformedError("the file is empty")
            zipped = file.read(4) == b"PK\x03\x04"
            file.seek(0)
            return _read_zip(file, size) if zipped else _read_legacy(file, size)
    except OSError as error:
        raise WeightsError(f"{path} can't be read", error.strerror or str(error), REMEDY) from error
    except (ValueError, EOFError, KeyError, struct.error, RuntimeError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise WeightsError(f"{path} is not a readable torch file", reason, REMEDY) from error


def _read_legacy(file: IO[bytes], size: int) -> dict[str, Tensor]:
    def pickled() -> Pickled:
        return load(file, size - file.tell())

    if file.read(2) != b"\x80\x02":
        raise MalformedError("it does not begin as torch's files do")
    file.seek(0)
    if (pickled().value, pickled().value) != (MAGIC, VERSION):
        raise MalformedError("it does not begin as torch's files do")
    pickled()  # the machine that wrote it; the numbers are little-endian whatever that was
    saved = pickled()
    places = dict(_places(file, size, pickled().value, saved.storages))

    def numbers(storage: Storage) -> bytes:
        if storage.key not in places:
            raise MalformedError("the numbers of a tensor are missing")
        file.seek(places[storage.key])
        return file.read(storage.count * np.dtype(storage.kind).itemsize)

    return _tensors(_state(saved.value), numbers, "<")


def _places(file: IO[bytes], size: int, keys: Any, storages: dict[str, Storage]) -> Iterator[tuple[str, int]]:
    """Where the numbers of each storage begin."""
    if not isinstance(keys, list):
        raise MalformedError("it does not list its storages")
    for key in keys:
        storage = storages.get(key) if isinstance(key, str) else None
        if storage is None:
            raise MalformedError("it has numbers of an unknown type")
        count = int.from_bytes(file.read(8), "little", signed=True)
        start, length = file.tell(), storage.count * np.dtype(storage.kind).itemsize
        if length > size - start:
            raise MalformedError("it is cut short")
        if count != storage.count:
            raise MalformedError(f"it has {count} numbers where {storage.count} are announced")
        yield key, start
        file.seek(length, os.SEEK_CUR)


def _read_zip(file: IO[bytes], size: int) -> dict[str, Tensor]:
    with zipfile.ZipFile(file) as archive:
        pickles = [name for name in archive.namelist() if re.fullmatch(r"[^/]+/data\.pkl", name)]
        if len(pickles) != 1:
            raise MalformedError("as a zip archive, it has no data.pkl where torch puts it")
        root = pickles[0].rpartition("/")[0]
        if sum(info.file_size for info in archive.infolist()) > size:
            raise MalformedError("its parts are longer than it is itself")

        def member(name: str) -> bytes:
            info = archive.getinfo(f"{root}/{name}")
            if info.compress_type != zipfile.ZIP_STORED:
                raise MalformedError(f"{name} in it is compressed, which torch never does")
            return archive.read(info)

        data = member("data.pkl")
        state = _state(load(io.BytesIO(data), len(data)).value)
        order = member("byteorder") if f"{root}/byteorder" in archive.namelist() else b"little"
        if order not in ORDERS:
            raise MalformedError("its byteorder is neither little nor big")
        return _tensors(state, lambda storage: member(f"data/{storage.key}"), ORDERS[order])


def _state(saved: Any) -> dict[str, StoredTensor]:
    candidates = [saved, *(saved.get(key) for key in STATE_KEYS)] if isinstance(saved, dict) else []
    for candidate in candidates:
        if isinstance(candidate, dict):
            tensors = {
                name: value
                for name, value in candidate.items()
                if isinstance(name, str) and isinstance(value, StoredTensor)
            }
            if tensors:
                return tensors
    raise MalformedError("it holds no dictionary of tensors")


def _tensors(
    state: dict[str, StoredTensor], numbers: Callable[[Storage], bytes], order: Order
) -> dict[str, Tensor]:
    arrays: dict[str, Tensor] = {}
    for storage in {tensor.storage for tensor in state.values()}:
        dtype = np.dtype(storage.kind)
        data = numbers(storage)
        if len(data) != storage.count * dtype.itemsize:
            raise MalformedError("the numbers of a tensor are cut short, or too many")
        arrays[storage.key] = np.frombuffer(data, dtype.newbyteorder(order)).astype(dtype, copy=False)
    return {name: _view(tensor, arrays[tensor.storage.key]) for name, tensor in state.items()}


def _view(tensor: StoredTensor, numbers: Tensor) -> Tensor:
    if not all(tensor.shape):
        return np.empty(tensor.shape, numbers.dtype)
    strides = [stride * numbers.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(numbers[tensor.offset :], tensor.shape, strides, writeable=False)
