"""The folder of what a server puts on the disk for a while, and those that killed servers left."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path

from audiosim.core.errors import AudiosimError
from audiosim.core.files import hold

PREFIX = "audiosim-serve-"
MAKING = "audiosim-making-"  # until it is locked: none is taken for one that was left
LOCK = "lock"  # held as long as its server runs


class Scratch:
    """A folder of a server's own, for what is sent to it and what it makes to be played.

    Attributes
    ----------
    path : Path
        The folder.
    """

    def __init__(self) -> None:
        made, self._held = Path(tempfile.mkdtemp(prefix=MAKING)), ExitStack()
        self._held.enter_context(hold(made / LOCK, wait=0, what="serving"))
        self._whole = made.rename(made.with_name(PREFIX + made.name.removeprefix(MAKING)))
        self.path = self._whole / "files"
        self.path.mkdir()

    def remove(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self._whole, ignore_errors=True)
        self._held.close()


def remove_left() -> None:
    """Remove the folders of servers of the same user that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError, AudiosimError):  # one that is gone by now, or whose server runs
            if _is_own(folder):
                with hold(folder / LOCK, wait=0, what="serving"):
                    shutil.rmtree(folder)


def _is_own(folder: Path) -> bool:
    """Whether it is a folder that a server of this user has locked, or had: no link, nobody else's."""
    status = folder.lstat()
    is_mine = not hasattr(os, "getuid") or status.st_uid == os.getuid()
    return stat.S_ISDIR(status.st_mode) and is_mine and (folder / LOCK).is_file()
