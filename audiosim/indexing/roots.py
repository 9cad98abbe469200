"""What a run looks at: the paths that are given, or the roots of earlier runs."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence

from audiosim.audio.events import UNKNOWN, Failed, Probed
from audiosim.audio.supervisor import DecodeSupervisor
from audiosim.core.config import Home
from audiosim.core.errors import UsageError
from audiosim.core.paths import contains, identity
from audiosim.core.text import first_path
from audiosim.indexing.options import IndexOptions
from audiosim.library.catalog import Catalog
from audiosim.library.folders import known_as
from audiosim.library.scan import Globs, is_audio_name

PLAYLISTS = (b".m3u", b".m3u8", b".pls", b".xspf", b".asx", b".wax", b".wpl", b".zpl", b".cue")
# How the reasons begin for which files failed that earlier versions took for audio when they were named.
NO_AUDIO = ("not readable as audio", "there is no audio stream in it")


def given_paths(paths: Iterable[str | os.PathLike[str]], catalog: Catalog | None) -> list[bytes]:
    """Give the paths that a user names; what was forgotten by another path, through a link, has that one."""
    given = list(map(identity, paths))
    if catalog is None or not catalog.settings.forgotten:
        return given
    forgotten, roots = catalog.settings.forgotten, catalog.settings.roots()
    return [
        path if any(contains(root, path) for root in roots) else _as_forgotten(path, forgotten)
        for path in given
    ]


def _as_forgotten(path: bytes, forgotten: Iterable[bytes]) -> bytes:
    real = os.path.realpath(path)
    same = (name for name in known_as(path, forgotten) if os.path.realpath(name) == real)
    return next((name for name in same if any(contains(each, name) for each in forgotten)), path)


def chosen_roots(
    given: list[bytes],
    catalog: Catalog | None,
    home: Home,
    options: IndexOptions,
    walk: Globs,
) -> list[bytes]:
    """Tell what is to be scanned.

    Parameters
    ----------
    given : list of bytes
        Folders or files; without any, the known roots are meant.
    catalog : Catalog or None
        That knows them; None where there is none.
    home : Home
        Its home.
    options : IndexOptions
        What the user said.
    walk : Globs
        What the home leaves out.

    Returns
    -------
    list of bytes
        Those that lie in no other, at least one.

    Raises
    ------
    UsageError
        If a path is neither there nor known, or a file and no audio; or if there is none.
    """
    known = sound_roots(catalog)
    if options.exclude is not None:
        given = _without_excluded(given, walk)
    for path in given:
        if not os.path.exists(path) and not _is_known(path, known, catalog):
            why = "it is a link that leads nowhere" if os.path.islink(path) else ""
            raise UsageError(f"No such file or folder: {os.fsdecode(path)}", why)
    wanted = Globs(options.include)
    _refuse([path for path in given if wanted.includes(path, os.path.dirname(path))], catalog)
    roots = walk.outermost(given or known)
    if not roots:
        raise UsageError(
            "Nothing to index",
            f"the home {home.path} knows no folder yet",
            "Name one: audiosim index FOLDER",
        )
    return roots


def _is_known(path: bytes, roots: Sequence[bytes], catalog: Catalog | None) -> bool:
    return path in roots or (catalog is not None and any(catalog.files.all(path)))


def sound_roots(catalog: Catalog | None) -> list[bytes]:
    """Give the known roots, but for files that are no audio: earlier versions took what was named."""
    return [] if catalog is None else [r for r in catalog.settings.roots() if not _is_spoilt(r, catalog)]


def spoilt_roots(catalog: Catalog) -> list[bytes]:
    """Give the known roots that are no audio and no folders."""
    return [root for root in catalog.settings.roots() if _is_spoilt(root, catalog)]


def _is_spoilt(root: bytes, catalog: Catalog) -> bool:
    if is_audio_name(root):
        return False
    row = catalog.files.get(root)
    return row is not None and row.state != "indexed" and (row.reason or "").startswith(NO_AUDIO)


def _without_excluded(given: list[bytes], walk: Globs) -> list[bytes]:
    """The paths that are given, but for files that the same command leaves out: a shell gives all."""
    kept = [path for path in given if os.path.isdir(path) or not walk.excludes(path, os.path.dirname(path))]
    if given and not kept:
        raise UsageError("Nothing to index", "`exclude` leaves out all that is given")
    return kept


def _refuse(given: Sequence[bytes], catalog: Catalog | None) -> None:
    """See that files which are given are audio.

    Raises
    ------
    UsageError
        If one is not.
    """
    refused = [path for path in given if os.path.isfile(path) and path.lower().endswith(PLAYLISTS)]
    if refused:
        raise UsageError(
            f"A playlist can't be indexed: {first_path(refused)}",
            "it names files, and holds no audio",
            "Index the folders that its files lie in: audiosim index FOLDER",
        )
    refused = [path for path in given if os.path.exists(path) and _is_special(path)]
    if refused:
        raise UsageError(f"Neither a file nor a folder: {first_path(refused)}")
    refused = list(_unreadable([path for path in given if _is_in_doubt(path, catalog)]))
    if refused:
        raise UsageError(
            f"No audio: {first_path(refused)}", "nothing here reads it", "Name audio files, or their folders."
        )


def _is_special(path: bytes) -> bool:
    mode = os.stat(path).st_mode
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _is_in_doubt(path: bytes, catalog: Catalog | None) -> bool:
    """Whether a file has to be looked into, for its name does not tell, and no run has done so."""
    if is_audio_name(path) or not os.path.isfile(path):
        return False
    row = None if catalog is None else catalog.files.get(path)
    return row is None or row.state == "failed"


def _unreadable(paths: Sequence[bytes]) -> Iterator[bytes]:
    """The files that are no audio, of which one can say so."""
    if not paths:
        return
    with DecodeSupervisor(8_000, "soxr_hq", jobs=1, want=lambda path, info: False) as supervisor:
        for event in supervisor.events(paths):
            match event:
                case Probed(path, info) if info.codec == UNKNOWN:
                    yield path
                case Failed(path, _, "audio"):
                    yield path
