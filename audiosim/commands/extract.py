"""``audiosim extract``."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from audiosim.commands.encoder_options import EncoderOptions
from audiosim.commands.options import (
    BatchSizeOption,
    JobsOption,
    PrecisionOption,
    QuietOption,
    with_options,
)
from audiosim.commands.output import check_named, tell_notes
from audiosim.commands.table import shown_path
from audiosim.core.errors import NEEDS_A_LOOK, AudioError, UsageError
from audiosim.core.text import display_path, visible
from audiosim.core.threads import limited_threads

SUFFIX = ".npz"
NAME_LIMIT = 255  # bytes, of every usual file system


@with_options
def extract(
    *,
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...", help="Audio files, folders of them, playlists, or - for paths on stdin."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where the .npz files go.")],
    request: EncoderOptions,
    per_channel: Annotated[
        bool,
        typer.Option(
            "--per-channel",
            help="Embed each channel by itself, not their mean: embedding is (windows, numbers, channels).",
        ),
    ] = False,
    jobs: JobsOption = None,
    batch_size: BatchSizeOption = None,
    precision: PrecisionOption,
    quiet: QuietOption = False,
) -> None:
    """Write the embeddings of audio files to .npz files.

    As openl3's process_audio_file does: one .npz a file, with embedding (float32), a row a window,
    and timestamps (s). It uses no home.

    Example: audiosim extract song.wav -o embeddings
    """
    import numpy as np

    from audiosim.core.files import replacing
    from audiosim.encoders import load_encoder
    from audiosim.extract import extract_files

    if not output.is_dir():
        check_named(output, "a folder", (), "Give -o a folder: it gets an .npz for each audio file.")
    files = _distinct(names)
    targets = output_paths(files, output)
    failed = 0
    with limited_threads(jobs):
        loaded = load_encoder(request, precision=precision, batch_size=batch_size)
        for path, result in extract_files(files, loaded, jobs=jobs, per_channel=per_channel):
            shown = shown_path(os.fsencode(path))
            if isinstance(result, AudioError):
                failed += 1
                typer.echo(f"failed: {shown}: {visible(result.reason)}", err=True)
                continue
            target = targets[os.fspath(path)]
            with replacing(target, durable=False) as file:
                np.savez(file, embedding=result.embedding, timestamps=result.timestamps)
            if not quiet:
                typer.echo(f"{shown} -> {display_path(os.fsencode(target))}", err=True)
    if failed and failed == len(targets):
        raise typer.Exit(1 if any(map(os.path.lexists, files)) else UsageError.exit_code)
    if failed:
        raise typer.Exit(NEEDS_A_LOOK)


def output_paths(files: list[Path], folder: Path) -> dict[str, Path]:
    """Name an .npz file for each audio file, no two the same.

    Parameters
    ----------
    files : list[Path]
        Audio files, each once.
    folder : Path
        Right below which the .npz files will lie.

    Returns
    -------
    dict[str, Path]
        By audio file: a name of its stem, or of more where stems collide.
    """
    taken: set[str] = set()
    targets: dict[str, Path] = {}
    for file in files:
        name = next(name for name in _names(file) if _folded(name) not in taken)
        taken.add(_folded(name))
        targets[os.fspath(file)] = folder / f"{name}{SUFFIX}"
    return targets


def _distinct(names: list[str]) -> list[Path]:
    """Give the files that names stand for, each once, however it was written; what lists lack, with a note.

    Raises
    ------
    UsageError
        If one that is named does not exist, or a name stands for nothing.
    """
    from audiosim.commands.sources import expand

    source = expand(names, sys.stdin.buffer)
    for path in source.paths:
        if path not in source.listed and not os.path.lexists(path):
            raise UsageError(f"No such file: {shown_path(path)}")
    tell_notes(source.notes)
    return [Path(os.fsdecode(path)) for path in source.paths]


def _names(file: Path) -> Iterator[str]:
    """Names to try: song, song.mp3, album_song.mp3, then with numbers."""
    yield _fitting(file.stem)
    yield _fitting(file.name)
    yield _fitting(f"{file.absolute().parent.name}_{file.name}")
    number = 2
    while True:
        yield _fitting(file.name, f"_{number}")
        number += 1


def _fitting(name: str, end: str = "") -> str:
    """The name, cut where the file system would refuse it."""
    while len(os.fsencode(f"{name}{end}{SUFFIX}")) > NAME_LIMIT:
        name = name[:-1]
    return name + end


def _folded(name: str) -> str:
    """Equal for names that some file systems take for one."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())
