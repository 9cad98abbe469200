"""Arrays that grow row by row and must not fill the memory."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from audiosim.core.types import Float32, Frames

SPILL_BYTES = 32 * 2**20  # beyond that, rows go to disk as they come


class Rows:
    """Rows of numbers: in memory, or in an unnamed file once they are many.

    Parameters
    ----------
    width : int
        Numbers in a row.
    dtype : numpy.dtype
        What they are kept as.
    folder : Path or None
        Where the file is made; None for the system's temporary folder.
    """

    def __init__(self, width: int, dtype: np.dtype[Any], folder: Path | None) -> None:
        self._width, self._dtype, self._folder = width, dtype, folder
        self._parts: list[Frames] = []
        self._file: IO[bytes] | None = None
        self._closed = False
        self.count = 0

    def append(self, rows: Float32) -> None:
        """Add rows float32 (n, width)."""
        if self._closed:
            return  # its track was dropped while they were computed
        self.count += len(rows)
        with np.errstate(over="ignore"):  # infinite in float16: `pool` refuses the track
            kept: Frames = rows.astype(self._dtype)
        if self._file is not None:
            self._file.write(kept.tobytes())
            return
        self._parts.append(kept)
        if self.count * self._width * self._dtype.itemsize > SPILL_BYTES:
            if self._folder is not None:
                self._folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115  # see close
            self._file.writelines(part.tobytes() for part in self._parts)
            self._parts = []

    def array(self) -> Frames:
        """Take all rows (count, width), once."""
        if self._file is None:
            rows: Frames = np.concatenate(self._parts, dtype=self._dtype)
            return rows
        self._file.flush()
        mapped: Frames = np.memmap(self._file, self._dtype, "r", shape=(self.count, self._width))
        self.close()  # the map stays
        return mapped

    def close(self) -> None:
        """Give up the rows; those that still come go nowhere."""
        self._closed = True
        if self._file is not None:
            self._file.close()
