"""Which file system a folder lies on, as far as the operating system tells."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from audiosim.errors import HomeError

NETWORK = frozenset(
    {
        *("afpfs", "afs", "cifs", "ncpfs", "nfs", "nfs4", "smb2", "smb3", "smbfs", "webdav"),
        *("davfs", "fuse.davfs2", "fuse.rclone", "fuse.sshfs"),
    }
)


def refuse_network(folder: Path) -> None:
    """Sees that a folder is on a local disk; where that can't be told, it is taken to be.

    Raises
    ------
    HomeError : when it is on a network share: SQLite's write-ahead log is unsafe there.
    """
    kind = file_system(folder, _mounted())
    if kind in NETWORK:
        raise HomeError(
            f"The home {folder} is on a network share ({kind})",
            "a database there can be damaged by a lost connection or a second computer",
            "Give a folder on a local disk with --home; --cache DIR may stay on the share.",
        )


def file_system(folder: Path, mounted: Iterable[tuple[str, str]]) -> str | None:
    """The type of the file system that holds a folder, of those mounted as (folder, type)."""
    real = Path(os.path.realpath(folder))
    holding = [(len(Path(place).parts), kind) for place, kind in mounted if real.is_relative_to(place)]
    return max(holding, key=lambda pair: pair[0])[1].lower() if holding else None


def _mounted() -> list[tuple[str, str]]:
    import psutil

    try:
        return [(part.mountpoint, part.fstype) for part in psutil.disk_partitions(all=True)]
    except (OSError, psutil.Error):
        return []
