"""Which descriptions are kept in a folder of weights, and which of them a name stands for.

A home finds its own by the digest. A name stands for the one that was imported last; what is only used
as a file is kept for homes, too, and changes no name.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from audiosim.core.errors import AudiosimWarning, UsageError
from audiosim.core.files import replacing
from audiosim.core.text import display_path
from audiosim.encoders.described.description import Description, read_description

TOML = "encoder.toml"
IMPORTED = "imported"  # holds the digest of the description that a name stands for


def kept_name(name: str, digest: str, file: str = TOML) -> str:
    """Name a file of a description that is kept for homes, in a folder of weights."""
    return f"described/{name}/{digest}/{file}"


def descriptions(folder: Path, name: str) -> list[Path]:
    """List the descriptions of a name that are kept in a folder of weights."""
    return sorted(_of(folder, name).glob(f"*/{TOML}")) if Path(name).name == name else []


def imported_names(folder: Path) -> list[str]:
    """List the names that descriptions were imported under."""
    names = sorted(path.parent.name for path in (folder / "described").glob(f"*/{IMPORTED}"))
    return [name for name in names if imported(folder, name) is not None]


def imported(folder: Path, name: str) -> Path | None:
    """Tell where the description is that a name stands for."""
    if Path(name).name != name or not (note := _of(folder, name) / IMPORTED).is_file():
        return None
    path = folder / kept_name(name, note.read_text("utf-8").strip())
    return path if path.is_file() else None


def let_stand(folder: Path, name: str, digest: str) -> Path:
    """Let a name stand for a description that is kept; says where that is."""
    with replacing(_of(folder, name) / IMPORTED) as note:
        note.write(f"{digest}\n".encode())
    return folder / kept_name(name, digest)


def stays(kept: Path, description: Description) -> bool:
    """Tell whether a kept description stays where another of its model and numbers is used.

    It does if it is sound. The other may have another self-test, prose or text side; where the home would
    read texts otherwise, that is told.
    """
    if not kept.is_file() or kept.read_bytes() == description.source:
        return False
    try:
        old = read_description(kept)
    except UsageError:
        return False
    if _text_side(old) != _text_side(description):
        shown = display_path(os.fsencode(description.place))
        warnings.warn(
            f"{shown} reads texts otherwise than what is kept of it, and that stays in use:"
            f" to put it in its place, run audiosim encoders import {shown}",
            AudiosimWarning,
            stacklevel=2,
        )
    return True


def _of(folder: Path, name: str) -> Path:
    return folder / "described" / name


def _text_side(description: Description) -> list[object]:
    return [description.text, *((variant.name, variant.text) for variant in description.variants)]
