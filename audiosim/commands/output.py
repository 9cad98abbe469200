"""Where a command's answer goes: stdout, or a file that is whole or not there."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from audiosim.core.errors import AudiosimError, UsageError
from audiosim.core.files import check_output
from audiosim.core.paths import AUDIO_EXTENSIONS
from audiosim.core.text import SHOWN, counted, display_path, duration, file_name, visible
from audiosim.core.told_commands import at_home

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from audiosim.core.types import Track
    from audiosim.library.filters import Filter

SHORT = 10  # s
PAGE, PICTURE, EXPORT = (".html", ".htm"), (".png",), (".parquet",)
PLAYLIST, TEXT = (".m3u8", ".m3u"), (".txt", ".log", ".md")
LISTS = (".json", ".jsonl", ".csv", *PLAYLIST)
KINDS = frozenset(  # extensions that tell a file's kind; any other tells none, and suits all
    {
        *(*PAGE, *PICTURE, *EXPORT, *TEXT, *LISTS, ".npz", ".npy", ".onnx", ".pth", ".h5", ".db", ".sqlite"),
        *(".jpg", ".jpeg", ".gif", ".webp", ".svg", ".tif", ".tiff", ".bmp", ".pdf", ".xhtml", ".xml"),
        *(".tsv", ".xls", ".xlsx", ".ods", ".doc", ".docx", ".odt", ".yaml", ".toml", ".pls", ".xspf"),
        *(".zip", ".gz", ".bz2", ".xz", ".zst", ".7z", ".tar", ".tgz", *map(os.fsdecode, AUDIO_EXTENSIONS)),
    }
)


def check_named(file: Path, what: str, kinds: Collection[str], remedy: str) -> None:
    """See that a file to write has not the extension of another format.

    Parameters
    ----------
    file : Path
        The file.
    what : str
        What is written: ``"a map"``.
    kinds : collection of str
        The extensions of `KINDS` that suit it.
    remedy : str
        What to do.

    Raises
    ------
    UsageError
        If it has.
    """
    suffix = file.suffix.lower()
    if suffix in KINDS and suffix not in kinds:
        shown = display_path(os.fsencode(file))
        raise UsageError(f"Can't write {shown}", f"{what} is no {suffix} file", remedy)


def check_answer(file: Path, what: str, kinds: Collection[str], remedy: str) -> None:
    """See that a file can be made where a user wants it, and is named for what it will hold.

    Parameters
    ----------
    file, what, kinds, remedy
        As of `check_named`.

    Raises
    ------
    UsageError
        If it has the extension of another format, or of music, or is no regular file.
    AudiosimError
        If its folder is not there.
    """
    check_output(file)
    check_named(file, what, kinds, remedy)


def check_picture(file: Path) -> None:
    """See that a picture can be made where a user wants it, as `check_answer`."""
    check_answer(file, "a PNG picture", PICTURE, "Name it .png.")


def tell_notes(notes: Sequence[str], *, quiet: bool = False, look: bool = False) -> None:
    """Say on stderr what users should know of an answer; of very many files that are left out, the first.

    Where only errors are to be told, which files are left out is told if that needs a look.
    """
    from audiosim.search.query import LEFT_OUT

    left_out = 0
    for note in notes if not quiet else [note for note in notes if look and note.endswith(LEFT_OUT)]:
        left_out += note.endswith(LEFT_OUT)
        if left_out <= SHOWN or not note.endswith(LEFT_OUT):
            typer.echo(f"audiosim: {note}", err=True)
    if left_out > SHOWN:
        more = counted(left_out - SHOWN, "more is", "more are")
        typer.echo(f"audiosim: ... and {more} left out.", err=True)


def tell_unfit(only: Filter | None, home: Path | None) -> bool:
    """Say on stderr why no track fits a filter, and what there is instead; whether there was that to say."""
    from audiosim.library.filters import Filter
    from audiosim.library.index import open_index
    from audiosim.library.suggestions import suggestions

    with open_index(home) as index:
        sentences = suggestions(index.catalog, only or Filter())
    for sentence in sentences:
        typer.echo(f"audiosim: {sentence}", err=True)
    return bool(sentences)


def tell_unanswered(only: Filter | None, home: Path | None) -> None:
    """Say on stderr that no track answers, or why none fits a filter."""
    if not tell_unfit(only, home):
        typer.echo("audiosim: no other track of the index answers.", err=True)


def tell_unopened(home: Path | None) -> None:
    """Say on stderr how many files a run has yet to bring in, as no answer can hold them."""
    from audiosim.library.index import open_index, unopened_note

    with open_index(home) as index:
        note = unopened_note(index)
        home = home and index.home.main.path  # runs are for all spaces
    if note is not None:
        typer.echo(f"audiosim: {at_home(note, home)}", err=True)


def tell_absent(tracks: Iterable[Track], home: Path | None, noun: str = "answer") -> None:
    """Say on stderr how many of these are not there now."""
    from audiosim.library.index import absent_note, open_index

    with open_index(home) as index:
        note = absent_note(index, tracks, noun)
    if note is not None:
        typer.echo(f"audiosim: {at_home(note, home)}", err=True)


def tell_unscored(home: Path | None) -> None:
    """Say on stderr how many tracks no words can find."""
    from audiosim.library.asked_words import unscored
    from audiosim.library.index import open_index

    with open_index(home) as index:
        for text in unscored(index):
            typer.echo(f"audiosim: {text}", err=True)


def tell_short(tracks: Iterable[Track]) -> None:
    """Say on stderr of which tracks, of those shown beside words, words say little."""
    short = [track for track in tracks if track.duration is not None and track.duration < SHORT]
    if len(short) == 1:
        length = duration(short[0].duration)
        told = f"{file_name(short[0].path)} is only {length} long: words say little of it."
    else:
        told = f"{len(short)} of these tracks are under {SHORT} s long: words say little of them."
    if short:
        typer.echo(f"audiosim: {told}", err=True)


def no_audio(root: bytes, include: Sequence[str] = ()) -> str:
    """Say that a folder holds no audio, or none that the patterns match; or that what was named is not there.

    Parameters
    ----------
    root : bytes
        The folder, or the file that is not there.
    include : sequence of str, optional
        The patterns of --include.

    Returns
    -------
    str
        The message.
    """
    if not os.path.exists(root):
        why = ": it is a link that leads nowhere" if os.path.islink(root) else ""
        return f"no such file or folder: {display_path(root)}{why}"
    text = f"no audio files in {display_path(root)}"
    if not include:
        return text
    return (
        f"{text} that --include {visible(', '.join(include))} lets in: a pattern must match the path of a"
        " file or folder below that folder, or its name"
    )


@contextmanager
def output_lines(file: Path | None) -> Iterator[Callable[[bytes], object]]:
    """Give what writes a command's answer line by line, each at once where it goes to stdout.

    Parameters
    ----------
    file : Path or None
        Where to write them, which is whole once the block has ended without an error; None for stdout.

    Yields
    ------
    callable
        Takes a line, with its end.

    Raises
    ------
    AudiosimError
        If the file can't be written.
    """
    if file is None:
        yield _to_stdout
        return
    from audiosim.core.files import replacing

    try:
        with replacing(file) as written:
            yield written.write
    except OSError as error:
        raise AudiosimError(f"Can't write {file}", error.strerror or str(error)) from error


def write_output(data: bytes, file: Path | None) -> None:
    """Write a command's answer.

    Parameters
    ----------
    data : bytes
        The answer.
    file : Path or None
        Where to write it; None for stdout.

    Raises
    ------
    AudiosimError
        If the file can't be written.
    """
    with output_lines(file) as write:
        write(data)


def _to_stdout(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
