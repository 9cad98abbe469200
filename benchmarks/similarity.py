"""One table for audiosim's encoders and variants and for other programs: albums that find themselves.

usage: python benchmarks/similarity.py FOLDER... [--peers PYTHON] [--work DIR] [--clips N] [--json]

Tracks are all files below the FOLDERs, their labels the folders they lie in, each an album or a game.
Measured by audiosim.evaluation, for every encoder whose weights are there, for MFCC Gaussians, and for the
programs of peers.txt, where PYTHON is that of an environment which has them: mean average precision,
R-precision and precision of the first five answers, each with 95 % intervals, hubness, the paired
difference in MAP to the first row; how often a clip, the middle minute of a track of three minutes and
more, finds the rest of that track before all other tracks; the processor time that an hour of
music takes, decoding included; and the bytes that are compared for a track. With --work, indexes and clips
are kept in DIR, and a later run takes them, and its times, from there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import parser, report
from systems import Music, System, measured

from audiosim.core.types import Float64
from audiosim.evaluation import metrics
from audiosim.evaluation.significance import Difference, Figure, bootstrap, differences, proportion

CUTOFFS = (5,)
SHOWN = ("map", "r_precision", "precision@5")


@dataclass(frozen=True)
class Row:
    """A row of the table."""

    name: str
    figures: dict[str, Figure]
    behind: Difference
    hubness: float
    clips: Figure | None  # None where no track is long enough
    seconds: float  # an hour of music
    size: int


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("folders", type=Path, nargs="+")
    arguments.add_argument("--peers", metavar="PYTHON")
    arguments.add_argument("--work", type=Path)
    arguments.add_argument(
        "--clips", type=int, help="at most so many [default: of all tracks that are long enough]"
    )
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = (chosen.work or Path(folder)).absolute()
        music, systems, missing = measured(
            [each.absolute() for each in chosen.folders], work, chosen.peers, chosen.clips
        )
    rows = list(table(music, systems))
    results = {
        "tracks": len(music.tracks),
        "hours": music.hours,
        "labels": len({track.path.rpartition(b"/")[0] for track in music.tracks}),
        "queries": int((music.judged.shares > 0).sum()),
        "excluded same": music.judged.exclude_same,
        "chance": float(music.judged.shares[music.judged.shares > 0].mean()),
        "clips": len(music.clips),
        "rows": [asdict(row) for row in rows],
        "not measured": missing,
    }
    report(results, list(lines(results, rows)), as_json=chosen.json)


def table(music: Music, systems: Sequence[System]) -> Iterator[Row]:
    """Judge the systems, in audiosim.evaluation's measures."""
    asked = music.judged.shares > 0
    labels = music.judged.truth.main_labels()[asked]
    names = metrics.measure_names(CUTOFFS)
    first: Float64 | None = None
    for system in systems:
        rankings = metrics.rank(system.near, music.judged.truth, CUTOFFS)
        per_query = rankings.measures[asked]
        first = per_query if first is None else first
        figures = dict(zip(names, bootstrap(per_query, labels), strict=True))
        rows = [one.row for one in music.clips]
        yield Row(
            system.name,
            {name: figures[name] for name in SHOWN},
            differences(first[:, :1], per_query[:, :1], labels)[0],
            metrics.hubness(metrics.occurrences(rankings.lists, len(music.tracks))),
            proportion(float(np.sum(system.clips.argmax(axis=1) == rows)), len(rows)) if rows else None,
            system.seconds / music.hours,
            system.size,
        )


def lines(results: dict[str, Any], rows: Sequence[Row]) -> Iterator[str]:
    """The table, in Markdown."""
    filtered = (
        f", answers of the same {results['excluded same']} left out" if results["excluded same"] else ""
    )
    yield (
        f"{results['tracks']} tracks, {results['hours']:.1f} hours, in {results['labels']} folders"
        f"{filtered}; {results['queries']} queries, {results['clips']} clips; random answers have a"
        f" precision of {results['chance']:.3f}"
    )
    yield from (f"not measured: {name}: {why}" for name, why in results["not measured"].items())
    yield ""
    yield (
        "| | MAP | R-precision | P@5 | MAP less that of the first row, over labels | hubness"
        " | clip finds its track | s an hour | bytes |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for row in rows:
        cells = [row.name, *(interval(row.figures[name]) for name in SHOWN)]
        cells += [over_labels(row.behind.figure) if row is not rows[0] else "", f"{row.hubness:.2f}"]
        cells += [interval(row.clips) if row.clips else "", f"{row.seconds:.0f}", str(row.size)]
        yield f"| {' | '.join(cells)} |"


def interval(figure: Figure) -> str:
    return f"{figure.value:.3f} ({figure.low:.3f}-{figure.high:.3f})"


def over_labels(figure: Figure) -> str:
    if figure.low_over_labels is None:
        return f"{figure.value:+.3f}"
    return f"{figure.value:+.3f} ({figure.low_over_labels:+.3f} to {figure.high_over_labels:+.3f})"


if __name__ == "__main__":
    main()
