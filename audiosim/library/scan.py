"""Walking a music folder: which files are worth indexing, and what could not be seen.

Paths are absolute and the file system's own bytes: symbolic links not resolved, Unicode not
normalised. File links are followed, folder links only when given as arguments.
"""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field

from audiosim.core.machine_folders import is_machine_file, is_machine_folder
from audiosim.core.paths import AUDIO_EXTENSIONS, outermost
from audiosim.library.catalog import PENDING, FileRow


@dataclass(frozen=True)
class FoundFile:
    """A file worth indexing.

    Parameters
    ----------
    path : bytes
        The file, absolute.
    size, mtime_ns : int
        Size in bytes and time of modification in ns.
    ctime_ns : int, optional
        Time of the last change of content, name or rights in ns, which no program can set; None where
        the system has none.
    """

    path: bytes
    size: int
    mtime_ns: int
    ctime_ns: int | None = None

    @classmethod
    def at(cls, path: bytes, status: os.stat_result) -> FoundFile:
        """Take what `os.stat` says of a file."""
        ctime_ns = None if os.name == "nt" else status.st_ctime_ns  # there it is when the file was made
        return cls(path, status.st_size, status.st_mtime_ns, ctime_ns)

    def same(self, row: FileRow) -> bool:
        """Tell whether size and time of modification are those of a file that is known."""
        return (self.size, self.mtime_ns) == (row.size, row.mtime_ns)

    def touched(self, row: FileRow) -> bool:
        """Tell whether a file that seems the `same` may be another: programs can set all but its ctime."""
        unknown = self.ctime_ns is None or row.ctime_ns in (None, PENDING)
        return not unknown and self.ctime_ns != row.ctime_ns


@dataclass(frozen=True)
class Globs:
    """What is wanted: by patterns over paths relative to the root, or over names; case does not count.

    One that begins with a slash is over whole paths; ``**/`` at its beginning stands for no folder too.
    What a root itself is called does not count, but that it must be included where it is a file.

    Parameters
    ----------
    include : sequence of str
        Patterns of which a file must match one, or a folder that it is in, if there are any.
    exclude : sequence of str
        Patterns of which a file must match none, nor a folder that it is in.
    forgotten : set of bytes
        Files and folders, absolute, that a file must not be, nor lie in, unless the root does too.
    """

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    forgotten: Set[bytes] = frozenset()

    def admit(self, path: bytes, root: bytes) -> bool:
        """Tell whether a file below the root is wanted."""
        return self.includes(path, root) and not self.excludes(path, root)

    def includes(self, path: bytes, root: bytes) -> bool:
        """Tell whether a file at or below the root is one of those to include."""
        while self.include and not _matches(path, root, self.include):
            path = os.path.dirname(path)
            if len(path) <= len(root):
                return False
        return True

    def excludes(self, path: bytes, root: bytes) -> bool:
        """Tell whether a file below the root is one of those to exclude, or forgotten."""
        while (self.exclude or self.forgotten) and len(path) > len(root):
            if path in self.forgotten or (self.exclude and _matches(path, root, self.exclude)):
                return True
            path = os.path.dirname(path)
        return False

    def passes(self, path: bytes, root: bytes) -> bool:
        """Tell whether a walk from the root passes by a path below it, or all that lies below that."""
        if path == root:
            return False
        *folders, name = path[len(root.rstrip(b"/")) + 1 :].split(b"/")
        if not is_audio_name(name):
            folders.append(name)
        return (
            is_machine_file(name)
            or any(map(is_machine_folder, folders))
            or self.excludes(path, root)
            or self.excludes(path + b"/", root)
        )

    def outermost(self, roots: Sequence[bytes]) -> list[bytes]:
        """Keep the roots that walks from no other root would come to."""
        return outermost(roots, apart=self._apart)

    def _apart(self, path: bytes, root: bytes) -> bool:
        return self.passes(path, root) or (os.path.isfile(path) and not is_audio_name(path))


@dataclass
class Scan:
    """What was found at or below one root.

    Parameters
    ----------
    root : bytes
        The file or folder that was looked at.
    present : bool
        Whether it is there.
    files : list of FoundFile
        Files worth indexing, in order of path.
    problems : list of (bytes, str)
        Files that can't be indexed, with the reason.
    unlisted : list of (bytes, str)
        Folders that could not be read, with the reason; below them nothing is known.
    globs : Globs
        What was wanted.
    left_out : int
        The number of files that were not.
    others : int
        The number of files that are no audio.
    gone : bool
        Whether a root that is not there is gone by itself, as of a file `is_gone` tells.
    """

    root: bytes
    present: bool = True
    files: list[FoundFile] = field(default_factory=list)
    problems: list[tuple[bytes, str]] = field(default_factory=list)
    unlisted: list[tuple[bytes, str]] = field(default_factory=list)
    globs: Globs = field(default_factory=Globs)
    left_out: int = 0
    others: int = 0
    gone: bool = False


def scan(root: bytes, globs: Globs | None = None) -> Scan:
    """Find everything worth indexing at or below a root.

    Parameters
    ----------
    root : bytes
        A file or folder, absolute.
    globs : Globs, optional
        What is wanted; everything, by default.

    Returns
    -------
    Scan
        What was found, and what could not be seen.
    """
    globs = globs or Globs()
    result = Scan(root, globs=globs)
    try:
        mode = os.stat(root).st_mode
    except OSError:
        result.present, result.gone = False, is_gone(root)
        return result
    for path in sorted(_walk(root, result)) if stat.S_ISDIR(mode) else [root]:
        if globs.admit(path, root):
            _look(path, result)
        else:
            result.left_out += 1
    return result


def holds_any(root: bytes, globs: Globs | None = None) -> bool:
    """Tell whether a scan of a root would find anything, or fail to see something; it walks no further.

    Parameters
    ----------
    root : bytes
        A file or folder, absolute.
    globs : Globs, optional
        What is wanted; everything, by default.

    Returns
    -------
    bool
        False for a folder without audio, and for what is not there.
    """
    if not os.path.isdir(root):
        return os.path.lexists(root)
    globs = globs or Globs()
    result = Scan(root, globs=globs)
    return any(globs.admit(path, root) for path in _walk(root, result)) or bool(result.unlisted)


def _walk(folder: bytes, result: Scan) -> Iterator[bytes]:
    """Paths of audio files below a folder, by their names; no order, no recursion limit."""
    folders = [folder]
    while folders:
        current = folders.pop()
        try:
            with os.scandir(current) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if not is_machine_folder(entry.name):
                            folders.append(entry.path)
                    elif not is_audio_name(entry.name):
                        result.others += 1
                    elif not _is_folder_link(entry):
                        yield entry.path
        except OSError as error:
            if not result.globs.excludes(current + b"/", result.root):
                result.unlisted.append((current, f"folder not readable ({error.strerror})"))


def _look(path: bytes, result: Scan) -> None:
    try:
        status = os.stat(path)
    except OSError as error:
        reason = "a link that leads nowhere" if os.path.islink(path) else f"not readable ({error.strerror})"
        result.problems.append((path, reason))
        return
    if not stat.S_ISREG(status.st_mode):
        result.problems.append((path, "not a regular file"))
        return
    result.files.append(FoundFile.at(path, status))


def is_gone(path: bytes) -> bool:
    """Tell whether a file is gone by itself: its folder is there, with something in it, so its disk is too.

    A link that leads nowhere is not: what it leads to may be on another disk.
    """
    try:
        names = os.listdir(os.path.dirname(path))
    except OSError:
        return False
    return os.path.basename(path) not in names and not all(name.startswith(b".") for name in names)


def is_audio_name(path: bytes) -> bool:
    """Tell by its name whether a file is to be taken for one of audio."""
    name = os.path.basename(path)
    return os.path.splitext(name)[1].lower() in AUDIO_EXTENSIONS and not is_machine_file(name)


def _is_folder_link(entry: os.DirEntry[bytes]) -> bool:
    try:
        return entry.is_symlink() and entry.is_dir()
    except OSError:
        return False  # a looping link; `_look` says so


def _matches(path: bytes, root: bytes, patterns: Sequence[str]) -> bool:
    below = path[len(root.rstrip(b"/")) + 1 :] if path != root else os.path.basename(path)
    whole, relative = os.fsdecode(path).lower(), os.fsdecode(below).lower()
    name = relative.rsplit("/", 1)[-1]
    return any(
        fnmatch.fnmatchcase(whole if pattern.startswith("/") else relative, pattern)
        or fnmatch.fnmatchcase(name, pattern)
        for given in patterns
        for pattern in _forms(given.lower())
    )


def _forms(pattern: str) -> tuple[str, ...]:
    """A pattern, with no slash after a folder's name, and without what stands for any folders or none."""
    pattern = pattern.rstrip("/") or pattern
    bare = pattern.removeprefix("**/")
    return (pattern,) if bare == pattern else (pattern, bare)
