"""Files that clients send: put down under names of ours, looked into, and kept where they are to be added.

Nothing of what a client calls a file becomes a path. What is kept is named by the digest of its audio.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from starlette.datastructures import UploadFile

from audiosim.audio.events import UNKNOWN, Ended, Failed, Probed
from audiosim.audio.extensions import extensions_of
from audiosim.audio.supervisor import DecodeSupervisor
from audiosim.audio.tagging import write_tags
from audiosim.core.errors import AudioError, AudiosimError
from audiosim.core.files import replacing
from audiosim.core.paths import AUDIO_EXTENSIONS
from audiosim.core.text import duration, visible
from audiosim.core.types import AudioInfo, Tags, Track
from audiosim.server.options import Limits
from audiosim.server.problems import ProblemError

FOLDER = "uploads"  # in the home
NAME = 200  # characters of an uploaded file's name that are told
RATE = 8_000  # Hz at which a file is read through
LEFT = re.compile(r"\.[\w]{8}\.partial")  # what a killed server leaves, as `replacing` calls it
LEFT_AGE = 86_400.0  # s after which it is removed


@dataclass(frozen=True)
class Sent:
    """A file that was sent, in a private folder.

    Parameters
    ----------
    path : Path
        Where it is.
    name : str
        What the client calls it, without folders; to be shown.
    info : AudioInfo
        What was found in it.
    """

    path: Path
    name: str
    info: AudioInfo


def check_room(folder: Path, size: int, limits: Limits) -> None:
    """See that uploaded files have room on a disk; what is to be left free stays so.

    Parameters
    ----------
    folder : Path
        Where they are to go; it may have to be made.
    size : int
        Their bytes.
    limits : Limits
        The server's.

    Raises
    ------
    ProblemError
        If there is too little.
    """
    there = next(place for place in (folder, *folder.parents) if place.exists())
    if shutil.disk_usage(there).free < limits.free + size:
        raise ProblemError(507, "There is no room for an upload", "the server's disk is nearly full")


@contextmanager
def put_down(file: UploadFile, folder: Path, limits: Limits) -> Iterator[tuple[Path, str]]:
    """Put an uploaded file on the disk while the block runs.

    Parameters
    ----------
    file : UploadFile
        The file.
    folder : Path
        A private folder.
    limits : Limits
        The server's.

    Yields
    ------
    tuple of (Path, str)
        Where it is, under a name of ours; and what the client calls it.

    Raises
    ------
    ProblemError
        If there is no room.
    """
    check_room(folder, file.size or 0, limits)
    path = folder / f"{secrets.token_hex(16)}{os.fsdecode(_suffix(file))}"
    try:
        _copy(file, path)
        yield path, visible(_given(file)[:NAME]) or "the uploaded file"
    finally:
        path.unlink(missing_ok=True)


def examined(path: Path, name: str, limits: Limits) -> AudioInfo:
    """Read a file through, in a process that stops at the limit: it must be audio, and not too much of it.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        What the client calls it.
    limits : Limits
        The server's.

    Raises
    ------
    ProblemError
        If it can't be decoded, or is too long.
    """
    found: AudioInfo | None = None
    longest, what = limits.duration, f"Can't add {name}"
    too_long = ProblemError(422, what, f"it is longer than {duration(longest)}")

    def want(path: bytes, info: AudioInfo) -> bool:
        return info.duration <= longest

    with DecodeSupervisor(
        RATE, "soxr_hq", jobs=1, want=want, second_try=True, mixing="mean", until=longest
    ) as supervisor:
        for event in supervisor.events([os.fsencode(path)]):
            match event:
                case Probed(_, info, wanted):
                    if not wanted:
                        raise too_long
                    found = info
                case Ended(_, length) if length >= longest:  # its header said less
                    raise too_long
                case Failed(_, reason):
                    raise ProblemError(422, what, reason, "Send audio that plays.")
    if found is None or found.codec == UNKNOWN:
        raise ProblemError(422, what, "it is no audio", "Send audio that plays.")
    return found


def _identified(path: Path, name: str) -> AudioInfo:
    """What a file is by now, which was examined before."""
    with DecodeSupervisor(
        RATE, "soxr_hq", jobs=1, want=lambda path, info: False, second_try=True
    ) as supervisor:
        for event in supervisor.events([os.fsencode(path)]):
            match event:
                case Probed(_, info) if info.codec != UNKNOWN:
                    return info
                case Failed(_, reason):
                    raise ProblemError(422, f"Can't add {name}", reason)
    raise ProblemError(422, f"Can't add {name}", "it is no audio any more")


def prepared(file: UploadFile, path: Path, name: str, tags: Tags, limits: Limits) -> Sent:
    """Make of an uploaded file what is to be kept: with the extension of its format, and its tags in it.

    Parameters
    ----------
    file : UploadFile
        The file.
    path : Path
        Where it was put down; it may have another place beside that then.
    name : str
        What the client calls it; it becomes the title of a file that has none, where that can be written.
    tags : Tags
        What is to be written into it.
    limits : Limits
        The server's.

    Raises
    ------
    ProblemError
        If it is no audio, in a format that runs don't look for, too long, or can't hold the tags.
    """
    info = examined(path, name, limits)
    extensions = extensions_of(os.fsencode(path), info.codec)
    if not extensions:
        why = f"index runs look for no file of its format ({info.codec})"
        raise ProblemError(422, f"Can't add {name}", why, "Send it in another format.")
    suffix = os.fsencode(path.suffix)
    if suffix not in extensions:
        path = path.rename(path.with_suffix(os.fsdecode(extensions[0])))
        info = _identified(path, name)  # a demuxer may go by it
    return _tagged(file, Sent(path, name, info), tags)


def _tagged(file: UploadFile, sent: Sent, tags: Tags) -> Sent:
    """A file with tags written into it, which were then read again."""
    given = _there(tags)
    wanted = tags
    if sent.info.tags.title is None and tags.title is None:
        wanted = replace(tags, title=_title(file))
    if wanted == Tags():
        return sent
    try:
        write_tags(os.fsencode(sent.path), wanted)
        info = _identified(sent.path, sent.name)
        lost = given - _there(info.tags)
        if not lost:
            return replace(sent, info=info)
        why = f"it does not hold {', '.join(sorted(lost))}"
    except (AudioError, ProblemError) as error:
        why = error.reason if isinstance(error, AudioError) else error.why
    if not given:
        _copy(file, sent.path)  # as it came
        return sent
    remedy = "Leave the tags out, or send it in another format: FLAC, MP3, M4A, Ogg, WAV."
    raise ProblemError(422, f"Can't write the tags of {sent.name}", why, remedy)


def _there(tags: Tags) -> set[str]:
    return {name for name, value in asdict(tags).items() if value is not None}


def place_of(sent: Sent, folder: Path) -> Path:
    """Tell where a file is to be kept: by its audio's digest."""
    return folder / f"{sent.info.digest}{sent.path.suffix}"


def keep(sent: Sent, place: Path) -> None:
    """Put a file into its place, whole or not at all.

    Raises
    ------
    AudiosimError
        If the disk can't take it.
    """
    try:
        with replacing(place) as written, open(sent.path, "rb") as read:
            shutil.copyfileobj(read, written)
    except OSError as error:
        why = error.strerror or str(error)
        raise AudiosimError("Can't keep the upload", why, f"Check the disk of {place.parent}.") from error


def is_upload(track: Track, folder: Path) -> bool:
    """Tell whether a track's file is one that `keep` put there: in the folder of uploads, by its digest."""
    place, name = os.path.split(track.path)
    return place == os.fsencode(folder) and os.path.splitext(name)[0] == track.digest.encode()


def sweep(folder: Path) -> None:
    """Remove what was being put into the folder of uploads when a server was killed, a day ago or more."""
    with suppress(OSError):
        for entry in os.scandir(folder):
            old = entry.stat(follow_symlinks=False).st_mtime < time.time() - LEFT_AGE
            if LEFT.fullmatch(entry.name) and entry.is_file(follow_symlinks=False) and old:
                os.unlink(entry.path)


def _copy(file: UploadFile, path: Path) -> None:
    file.file.seek(0)
    with open(path, "wb") as written:
        shutil.copyfileobj(file.file, written)


def _given(file: UploadFile) -> str:
    return os.path.basename((file.filename or "").replace("\\", "/"))


def _suffix(file: UploadFile) -> bytes:
    suffix = os.fsencode(os.path.splitext(_given(file).lower())[1])
    return suffix if suffix in AUDIO_EXTENSIONS else b""


def _title(file: UploadFile) -> str | None:
    """The title that a file's name may stand for."""
    name = _given(file)
    stem = os.path.splitext(name)[0] if _suffix(file) else name
    return "".join(filter(str.isprintable, stem))[:NAME].strip() or None
