"""JSON in which no character acts on a terminal, made quickly."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import JSONResponse


class Json(JSONResponse):
    """An answer in ASCII: what is not is written as escapes, which mean the same."""

    def render(self, content: Any) -> bytes:
        text = json.dumps(content, allow_nan=False, separators=(",", ":"))
        return text.replace("\x7f", "\\u007f").encode("ascii")
