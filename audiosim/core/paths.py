"""Paths of files and folders: how they are known, and which lies in which."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from audiosim.core.errors import UsageError

AUDIO_EXTENSIONS = frozenset(
    b".aac .ac3 .aif .aifc .aiff .alac .ape .au .caf .dff .dsf .flac .m4a .m4b .mka .mp+ .mp2 .mp3"
    b" .mp4 .mpc .oga .ogg .opus .ra .rf64 .shn .snd .spx .tak .tta .voc .w64 .wav .wave .weba .webm"
    b" .wma .wv".split()
)
NO_HOME = "the system knows no home folder of this user"


def identity(path: str | bytes | os.PathLike[str]) -> bytes:
    """Give the bytes by which a file is known: absolute, nothing else changed.

    Links stay as they are, but for one that ``..`` follows: what is meant is the folder above its target.
    """
    whole = os.path.join(os.getcwdb(), os.fsencode(path))
    known = b"/"
    for part in whole.split(b"/"):
        if part == b"..":
            known = os.path.dirname(os.path.realpath(known) if os.path.islink(known) else known)
        elif part not in (b"", b"."):
            known = os.path.join(known, part)
    return known


def expanded(path: str) -> str:
    """Give a path with a leading ``~`` replaced, as a shell does; ``./~`` is a folder of that name.

    Raises
    ------
    UsageError
        If no home folder is known: there is no ``HOME``, and the user is not in the system's list.
    """
    found = os.path.expanduser(path)
    if found == path and (path == "~" or path.startswith("~/")):
        raise UsageError(f"{path} can't be found", NO_HOME, "Give the whole path, or set HOME.")
    # what is taken for a Path loses its "./"
    return os.path.join(os.getcwd(), path) if os.path.normpath(found).startswith("~") else found


def contains(root: bytes, path: bytes) -> bool:
    """Tell whether a path is the root or lies below it."""
    return path == root or path.startswith(root.rstrip(b"/") + b"/")


def outermost(
    roots: Sequence[bytes], apart: Callable[[bytes, bytes], bool] = lambda path, root: False
) -> list[bytes]:
    """Keep the roots that lie in no other, or only by way of a folder link, or `apart` from it; sorted."""

    def holds(root: bytes, path: bytes) -> bool:
        return contains(root, path) and not _through_link(root, path) and not apart(path, root)

    kept: list[bytes] = []
    for root in sorted(set(roots)):
        if not any(holds(other, root) for other in kept):
            kept.append(root)
    return kept


def _through_link(root: bytes, path: bytes) -> bool:
    """Whether a folder link lies between the root and a path below it; a walk would not follow."""
    while path != root and len(path) > len(root):
        if os.path.islink(path) and os.path.isdir(path):
            return True
        path = os.path.dirname(path)
    return False
