"""Text that is safe to show: names and tags can hold anything."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Sequence

MOMENT = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?)", re.ASCII)
UNITS = re.compile(r"(?:(\d+)h)?\s*(?:(\d+)m(?:in)?)?\s*(?:(\d+(?:\.\d*)?)s)?", re.ASCII)
SHOWN = 50  # lines of a list
ACTING = ("Cc", "Cf", "Cs", "Zl", "Zp")  # categories of characters that do something unseen


def visible(text: str) -> str:
    """Write out control characters and other invisible ones of `text`, as Python escapes."""
    return text if text.isprintable() else "".join(map(_visible_character, text))


def visible_lines(text: str) -> str:
    """Show `text` as `visible` does, its lines kept apart."""
    return "\n".join(map(visible, text.split("\n")))


def inert_json(text: str) -> str:
    """Give a JSON document with the same values, in which no character acts on a terminal."""
    return "\n".join(map(_inert_line, text.split("\n")))  # line ends within texts are escaped already


def display_path(path: bytes) -> str:
    """Give a path as valid Unicode, safe to show."""
    return visible(path.decode("utf-8", "backslashreplace"))


def utf8_path(path: bytes) -> str:
    """Give a path as valid Unicode, unchanged if it is; bytes that are not become U+FFFD."""
    return path.decode("utf-8", "replace")


def is_utf8(path: bytes) -> bool:
    """Tell whether a path's bytes are valid UTF-8."""
    try:
        path.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def first_path(paths: Sequence[bytes]) -> str:
    """Show the first of some paths, and say how many more there are."""
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"{display_path(paths[0])}{more}"


def file_name(path: bytes) -> str:
    """Give the last part of a path, safe to show."""
    return display_path(os.path.basename(path))


def first_lines(lines: list[str], all_: str, shown: int = SHOWN) -> list[str]:
    """Keep the first of many lines; then say how many more there are, and the command that shows all."""
    more = len(lines) - shown
    return lines if more <= 0 else [*lines[:shown], f"... and {more} more: see {all_}"]


def duration(seconds: float | None) -> str:
    """Format seconds as ``m:ss`` or ``h:mm:ss``, less than one as ``0:00.4``; None as nothing."""
    if seconds is None:
        return ""
    if 0 < seconds < 0.95:
        return f"0:0{max(seconds, 0.01):.1g}"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def durations(*seconds: float) -> list[str]:
    """Format times that are compared with each other: in s, where two would look alike."""
    shown = list(map(duration, seconds))
    return shown if len(set(shown)) == len(set(seconds)) else [f"{round(value, 2):g} s" for value in seconds]


def seconds(text: str) -> float | None:
    """Read ``90``, ``90.5``, ``1:30``, ``1:02:03``, ``10m`` or ``1h 2m 3s``, in s; None if it is no time."""
    wanted = text.strip().lower()
    match = MOMENT.fullmatch(wanted) or UNITS.fullmatch(wanted)
    if match is None or not any(match.groups()):
        return None
    hours, minutes, rest = match.groups()
    return 3600 * int(hours or 0) + 60 * int(minutes or 0) + float(rest or 0)


def counted(count: int, one: str, several: str = "") -> str:
    """Say how many there are: ``1 file``, ``2 files``; `several` where an s does not do."""
    return f"{count} {one if count == 1 else several or one + 's'}"


def span(seconds: float) -> str:
    """Say how long something takes or lasts: ``1 second``, ``12 minutes``, ``3.5 hours``."""
    if seconds < 90:
        return counted(round(seconds) or int(seconds > 0), "second")
    if seconds < 5400:
        return counted(round(seconds / 60), "minute")
    return f"{seconds / 3600:.1f} hours"


def speed(factor: float) -> str:
    """Say how many times as fast as it is played audio is worked on: ``0.4 x real time``."""
    return f"{factor:.0f} x real time" if factor >= 10 else f"{factor:.2g} x real time"


def size(count: int) -> str:
    """Format a number of bytes for people."""
    value = float(count)
    for unit in ("bytes", "KB", "MB", "GB"):
        if round(value, 1) < 1000:
            return counted(count, "byte") if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def _acts(character: str) -> bool:
    return unicodedata.category(character) in ACTING


def _visible_character(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii") if _acts(character) else character


def _inert_line(line: str) -> str:
    return line if line.isprintable() else "".join(map(_json_character, line))


def _json_character(character: str) -> str:
    if not _acts(character):
        return character
    return "\\u007f" if character == "\x7f" else json.dumps(character)[1:-1]
