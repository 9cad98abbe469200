"""Python runs this before anything else, in each process that victims.py starts and all they start.

It notes calls of Chroma in the log that AUDIOSIM_STRESS_LOG names, which outlives a killed process:
seconds on the machine's monotonic clock, "open", "delete", "upsert" or "close", "begin" or "end".
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

LOG_VARIABLE = "AUDIOSIM_STRESS_LOG"
STORE_CALLS = {"__init__": "open", "delete": "delete", "upsert": "upsert", "seal": "close"}


def note(word: str, value: object) -> None:
    """Writes a line past every buffer of this process."""
    descriptor = os.open(os.environ[LOG_VARIABLE], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(descriptor, f"{time.monotonic():.6f} {word} {value}\n".encode())
    finally:
        os.close(descriptor)


def noted(function: Callable[..., Any], word: str) -> Callable[..., Any]:
    """The function, with a note before and after."""

    def call(*args: Any, **kwargs: Any) -> Any:
        note(word, "begin")
        result = function(*args, **kwargs)
        note(word, "end")
        return result

    return call


if LOG_VARIABLE in os.environ:
    from audiosim.backends.chroma_embedded import EmbeddedCollection

    for name, word in STORE_CALLS.items():
        setattr(EmbeddedCollection, name, noted(getattr(EmbeddedCollection, name), word))
