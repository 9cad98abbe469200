"""What all pictures share: paper, ink, fonts, and how they become PNG."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 180
PAPER, INK, SOFT = "#f8f7f4", "#1c1e26", "#6b6d76"
FONTS = ("Inter", "Helvetica Neue", "Segoe UI", "Roboto", "Arial", "Liberation Sans")
FALLBACK_FONTS = ("DejaVu Sans", "Noto Sans", "Noto Sans CJK JP", "Noto Sans Arabic", "Hiragino Sans")


def png(width: float, height: float, draw: Callable[[Figure], None]) -> bytes:
    """Give a picture of so many inches as a PNG file.

    Parameters
    ----------
    width, height : float
        Its size in inches.
    draw : callable
        Draws on an empty figure, on which texts can be measured.
    """
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # where it keeps its fonts is no news
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, facecolor=PAPER)
    canvas, out = FigureCanvasAgg(figure), io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)  # it is drawn as a box
        draw(figure)
        canvas.print_figure(out, format="png")
    return out.getvalue()


def installed_fonts() -> list[str]:
    """Those of the fonts we like that are installed, so that matplotlib does not ask for others."""
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    return [name for name in (*FONTS, *FALLBACK_FONTS) if name in installed]
