"""Where a command's answer goes: stdout, or a file that is whole or not there."""

from __future__ import annotations

import sys
from pathlib import Path

from audiosim.core.errors import AudiosimError


def write_output(data: bytes, file: Path | None) -> None:
    """Write a command's answer.

    Parameters
    ----------
    data : bytes
        The answer.
    file : Path or None
        Where to write it; None for stdout.

    Raises
    ------
    AudiosimError
        If the file can't be written.
    """
    if file is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    from audiosim.core.files import replacing

    try:
        with replacing(file) as written:
            written.write(data)
    except OSError as error:
        raise AudiosimError(f"Can't write {file}", error.strerror or str(error)) from error
