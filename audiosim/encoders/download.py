"""One file over HTTP, or of this machine: checked against its digest, and whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from audiosim.core.errors import WeightsError

CONNECT_LIMIT = 8.0  # s to connect, and between two packets
STALL_LIMIT = 20.0  # s without a byte, whatever the network layer is waiting for
PARTIAL = {206}  # of HTTP: the part that was asked for
NOTHING_THERE = 416  # of HTTP: nothing is behind what we have


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


def download(url: str, path: Path, digest: str | None) -> None:
    """Fetch a file, with a progress bar on a terminal; what an earlier try got of it is gone on with.

    Parameters
    ----------
    url : str
        Where it is: http, https or file.
    path : Path
        Where it goes, whole or not at all; the folders above it are made.
    digest : str or None
        What it must be: ``git:`` and its name by `git_blob_id`, ``md5:HEX`` or ``sha256:HEX``. None where
        the address alone says what it is.

    Raises
    ------
    WeightsError
        If there is no network, the server refuses, nothing arrives for STALL_LIMIT seconds, or the
        file is not the one that `digest` names.
    """
    key = hashlib.sha256(url.encode()).hexdigest()[:8]
    part = path.with_name(f".{path.name}.{key}.download")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        if digest is None or not part.exists() or not has_digest(part, digest):
            with part.open("a+b") as file:
                _fetch(url, file)
                os.fsync(file.fileno())
        _check(part, url, digest)
        part.replace(path)
    finally:
        if part.exists() and part.stat().st_size == 0:
            part.unlink()


def _check(part: Path, url: str, digest: str | None) -> None:
    if digest is None:
        return
    found = _digest(part, digest)
    if found != digest:
        part.unlink()
        ours, theirs = (one.partition(":")[2] for one in (found, digest))
        raise WeightsError(
            f"{url} gave another file than expected",
            f"its {digest_name(digest)} is {ours}, not {theirs}",
            "Nothing was kept. Try again, or bring the file from elsewhere.",
        )


def _fetch(url: str, file: IO[Any]) -> None:
    """Runs the downloader in a thread, so that a name server that hangs can't hold us."""
    failures: list[BaseException] = []

    def work() -> None:
        try:
            _copy(url, file) if urlsplit(url).scheme == "file" else _download(url, file)
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


def _download(url: str, file: IO[Any]) -> None:
    """Have a server's file, or what is missing of it, appended."""
    import pooch  # it takes longer than reading the weights, which is all that queries wait for

    have = file.seek(0, os.SEEK_END)

    def begin(response: Any, **_: object) -> None:
        if have and response.status_code not in PARTIAL and not response.is_redirect:
            file.truncate(0)  # the server gives all of it, or has none that is as long

    headers = {"Range": f"bytes={have}-"} if have else {}
    downloader = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(), timeout=CONNECT_LIMIT, headers=headers, hooks={"response": begin}
    )
    try:
        downloader(url, file, None)
    except Exception as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        if not (have and status == NOTHING_THERE):
            raise
        _download(url, file)


def _copy(url: str, file: IO[Any]) -> None:
    """Append what is missing of a file of this machine."""
    have = file.seek(0, os.SEEK_END)
    with open(url2pathname(urlsplit(url).path), "rb") as source:
        source.seek(have)
        shutil.copyfileobj(source, file)
    file.flush()


def _reason(error: BaseException) -> str:
    response = getattr(error, "response", None)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if response is not None:
        return f"the server answered {response.status_code}"
    if type(error).__name__ in {"ConnectionError", "ConnectTimeout", "SSLError"}:
        return "no connection to the server"
    return " ".join(str(error).split()) or type(error).__name__
