"""JSON in which no character acts on a terminal, made quickly."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import JSONResponse


def inert_text(content: Any) -> str:
    """Write JSON on one line, in ASCII: what is not is written as escapes, which mean the same."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    return text.replace("\x7f", "\\u007f")


class Json(JSONResponse):
    """An answer in ASCII."""

    def render(self, content: Any) -> bytes:
        return inert_text(content).encode("ascii")
