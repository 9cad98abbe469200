"""``audiosim list``."""

from __future__ import annotations

import sys

from audiosim.commands.options import FilterOptions, HomeOption, OutputOptions, with_options
from audiosim.commands.table import terminal_width


@with_options
def list_tracks(only: FilterOptions, output: OutputOptions, home: HomeOption = None) -> None:
    """List the tracks of the index, all or those that fit.

    Example: audiosim list --genre jazz --year 1955-1965 --format paths
    """
    from audiosim.commands.render import render
    from audiosim.library.index import indexed_tracks

    tracks = indexed_tracks(home, only=only)
    sys.stdout.buffer.write(render(tracks, output.format, width=terminal_width(), null=output.null))
    sys.stdout.buffer.flush()
