"""The token that lets requests in, kept in a file that only its owner reads."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from audiosim.core.errors import AudiosimError

FILE = "serve.token"  # in the home
LEAST = 16  # characters


def read_token(path: Path) -> str:
    """Read the token in a file; one is made where there is none.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    AudiosimError
        If the file can't be read or made, others can read it, or what is in it is too short.
    """
    try:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return _checked(path)
    except OSError as error:
        raise AudiosimError(f"Can't make {path}", error.strerror or str(error)) from error
    token = secrets.token_urlsafe(32)
    with open(made, "w", encoding="ascii") as file:
        file.write(f"{token}\n")
    return token


def _checked(path: Path) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            token = file.read(4096).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise AudiosimError(f"Can't read the token in {path}", str(error)) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise AudiosimError(
            f"The token in {path} is not a secret", "others may read the file", f"Run: chmod 600 {path}"
        )
    if len(token) < LEAST or not token.isascii() or not token.isprintable() or " " in token:
        raise AudiosimError(
            f"The token in {path} is none",
            f"it needs {LEAST} letters and digits or more, on one line",
            "Remove the file: a new one is made.",
        )
    return token
