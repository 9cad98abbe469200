"""One file over HTTP: checked against its digest, and whole or not at all."""

from __future__ import annotations

import hashlib
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import IO, Any

import pooch

from audiosim.core.errors import WeightsError
from audiosim.core.files import replacing

CONNECT_LIMIT = 8.0  # s to connect, and between two packets
STALL_LIMIT = 20.0  # s without a byte, whatever the network layer is waiting for


DIGEST_NAMES = {"git": "git blob id", "md5": "MD5", "sha256": "SHA-256"}


def git_blob_id(path: Path) -> str:
    """Name a file as git does: SHA-1 of "blob", size, a zero byte and the content."""
    data = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def has_digest(path: Path, digest: str) -> bool:
    """Tell whether a file is the one that a digest names, as ``sha256:HEX``."""
    return _digest(path, digest) == digest


def digest_name(digest: str) -> str:
    """Name the kind of a digest as people do: "MD5" for ``md5:HEX``."""
    return DIGEST_NAMES[digest.partition(":")[0]]


def _digest(path: Path, like: str) -> str:
    """A file's digest of the kind that another has: ``git:``, ``md5:`` or ``sha256:``, hexadecimal."""
    kind = like.partition(":")[0]
    if kind == "git":
        return f"git:{git_blob_id(path)}"
    with path.open("rb") as file:
        state = hashlib.file_digest(file, partial(hashlib.new, kind, usedforsecurity=False))
    return f"{kind}:{state.hexdigest()}"


def download(url: str, path: Path, digest: str) -> None:
    """Fetch a file, with a progress bar on a terminal.

    Parameters
    ----------
    url : str
        Where it is.
    path : Path
        Where it goes, whole or not at all.
    digest : str
        What it must be: ``git:`` and its name by `git_blob_id`, ``md5:HEX`` or ``sha256:HEX``.

    Raises
    ------
    WeightsError
        If there is no network, the server refuses, nothing arrives for STALL_LIMIT seconds, or the
        file is not the one that `digest` names.
    """
    with replacing(path) as file:
        _fetch(url, file)
        file.flush()
        found = _digest(Path(file.name), digest)
        if found != digest:
            ours, theirs = (one.partition(":")[2] for one in (found, digest))
            raise WeightsError(
                f"{url} gave another file than expected",
                f"its {digest_name(digest)} is {ours}, not {theirs}",
                "Nothing was kept. Try again, or bring the file from elsewhere.",
            )


def _fetch(url: str, file: IO[Any]) -> None:
    """Runs pooch's downloader in a thread, so that a name server that hangs can't hold us."""
    downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=CONNECT_LIMIT)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            downloader(url, file, None)
        except BaseException as error:
            failures.append(error)
            response = getattr(error, "response", None)
            if response is not None:  # an error's is false
                response.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    size, moved = -1, time.monotonic()
    while thread.is_alive():
        thread.join(0.2)
        now = Path(file.name).stat().st_size
        if now != size:
            size, moved = now, time.monotonic()
        elif time.monotonic() - moved > STALL_LIMIT:
            raise WeightsError(f"{url} can't be fetched", f"nothing arrived for {STALL_LIMIT:g} s")
    if failures:
        raise WeightsError(f"{url} can't be fetched", _reason(failures[0])) from failures[0]


def _reason(error: BaseException) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answered {response.status_code}"
    if type(error).__name__ in {"ConnectionError", "ConnectTimeout", "SSLError"}:
        return "no connection to the server"
    return " ".join(str(error).split()) or type(error).__name__
