"""CSV files of a user's: labels of tracks, judged triplets."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from audiosim.core.errors import UsageError
from audiosim.core.paths import identity


@dataclass(frozen=True)
class Row:
    """The cells of the columns asked for, "" where there is none, and the number of the line they end in."""

    line: int
    cells: tuple[str, ...]


def read_rows(file: Path, columns: Sequence[str], what: str) -> list[Row]:
    """Read the cells of some columns, in UTF-8 or whatever bytes there are; empty lines are no rows.

    Parameters
    ----------
    file : Path
        The file.
    columns : sequence of str
        The columns wanted; others may be there.
    what : str
        What the file holds, for messages: "labels".

    Raises
    ------
    UsageError
        If the file can't be read, or its first line does not name the columns.
    """
    try:
        with open(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as lines:
            reader = csv.DictReader(lines)
            if not set(columns) <= set(reader.fieldnames or ()):
                raise UsageError(
                    f"{file} holds no {what}",
                    f"its first line does not name the columns {', '.join(columns[:-1])} and {columns[-1]}",
                    f"Begin the file with the line: {','.join(columns)}",
                )
            return [Row(reader.line_num, tuple(row[name] or "" for name in columns)) for row in reader]
    except (OSError, csv.Error) as error:
        raise UsageError(
            f"Can't read the {what} of {file}", getattr(error, "strerror", None) or str(error)
        ) from error


def path_in(file: Path, text: str) -> bytes:
    """Give the file that a cell names; relative paths are relative to the CSV file's folder."""
    return identity(os.path.join(file.absolute().parent, text))
