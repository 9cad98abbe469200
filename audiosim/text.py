"""Text that is safe to show: names and tags can hold anything."""

from __future__ import annotations

import os
import unicodedata


def visible(text: str) -> str:
    """`text` with control characters and other invisible ones written out, as Python escapes."""
    return "".join(_visible_character(c) for c in text)


def display_path(path: bytes) -> str:
    """A path as valid Unicode, safe to show."""
    return visible(path.decode("utf-8", "backslashreplace"))


def utf8_path(path: bytes) -> str:
    """A path as valid Unicode, unchanged if it is; bytes that are not become U+FFFD."""
    return path.decode("utf-8", "replace")


def is_utf8(path: bytes) -> bool:
    """Whether a path's bytes are valid UTF-8."""
    try:
        path.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def file_name(path: bytes) -> str:
    """The last part of a path, safe to show."""
    return display_path(os.path.basename(path))


def duration(seconds: float | None) -> str:
    """Seconds as ``m:ss`` or ``h:mm:ss``."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size(count: int) -> str:
    """A number of bytes for people."""
    value = float(count)
    for unit in ("bytes", "KB", "MB", "GB"):
        if round(value, 1) < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def _visible_character(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return character.encode("unicode_escape").decode("ascii")
    return character
