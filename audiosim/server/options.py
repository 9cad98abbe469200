"""What a server is told when it starts, and its limits."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from audiosim.core.types import Encoder, Precision
from audiosim.server.ids import MediaIds

PORT = 8711
KEEP = 900.0  # s without a query that needs it, after which an encoder is let go
MB = 2**20


@dataclass(frozen=True)
class Limits:
    """What one request, and all at a time, may take.

    Parameters
    ----------
    upload : int
        Bytes of an uploaded file, with what is sent around it.
    body : int
        Bytes of any other request.
    duration : float
        Seconds of audio in an uploaded file.
    requests, uploads : int
        Requests, and uploads among them, that are answered at a time; more are told to come again.
    silence : float
        Seconds that a client may send nothing while it sends.
    sending : float
        Seconds that sending may take altogether.
    free : int
        Bytes that are left free on the disk of uploads.
    """

    upload: int = 300 * MB
    body: int = MB
    duration: float = 3600.0
    requests: int = 64
    uploads: int = 2
    silence: float = 20.0
    sending: float = 600.0
    free: int = 500 * MB


@dataclass(frozen=True)
class ServerOptions:
    """What a server is told.

    Parameters
    ----------
    home : Path, optional
        The home folder.
    host, port
        Where it listens.
    token : str, optional
        What requests must bring, where not everybody may ask.
    names : tuple of str
        Further names that the machine is called by in URLs.
    origins : tuple of str
        Other sites whose pages may ask.
    keep : float
        Seconds without a query that needs it, after which an encoder is let go.
    precision : {"auto", "float32"}
        The network's.
    limits : Limits
        What requests may take.
    encoder : Encoder, optional
        Embeds queries, instead of the home's own in a process of its own.
    ids : MediaIds
        A media server's ids of files.
    read_only : bool
        Whether nothing can be added, removed or looked for anew.
    uploads_folder : Path, optional
        Where files that are added are kept; by default in the home.
    """

    home: Path | None = None
    host: str = "127.0.0.1"
    port: int = PORT
    token: str | None = None
    names: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    keep: float = KEEP
    precision: Precision = "auto"
    limits: Limits = Limits()
    encoder: Encoder | None = None
    ids: MediaIds = field(default_factory=MediaIds)
    read_only: bool = False
    uploads_folder: Path | None = None


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches an address that is listened on."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
