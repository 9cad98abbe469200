"""What people's triplets say of a home, as a table for people and as fields for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from audiosim.commands.evaluation_tables import INTERVAL, SHOWN, difference_fields, figure_fields
from audiosim.commands.table import Column, table_text
from audiosim.core.json_fields import path_fields
from audiosim.core.text import counted, display_path, first_lines, visible
from audiosim.evaluation.significance import Difference
from audiosim.evaluation.triplets import Agreement, Triplet, TripletEvaluation

ALL = "audiosim eval --triplets FILE --json"


def triplet_table(found: TripletEvaluation, width: int | None = None) -> str:
    """Write the agreement of each variant with people as text, the best first.

    Parameters
    ----------
    found : TripletEvaluation
        One or more variants of one home.
    width : int or None
        The columns of the terminal that it is for; None where it goes to a file or a program.
    """
    several = len(found.agreements) > 1
    rows = []
    ranked = _best_first(found)
    shown = [pair for rank, pair in enumerate(ranked) if rank < SHOWN or pair[0] is found.agreements[0]]
    for one, gain in shown:
        cells = [one.variant.name, f"{one.share.value:.3f}", f"{one.share.low:.3f} to {one.share.high:.3f}"]
        rows.append([*cells, *([f"{gain.figure.value:+.3f}", f"{gain.p:.4f}"] if several else [])])
    titles = ["Agreement", INTERVAL, *(["Gain", "p"] if several else [])]
    note = f"Gain: over {found.agreements[0].variant.name}; p is not corrected for the number of variants."
    if hidden := len(ranked) - len(shown):
        note += f"\nMore: {counted(hidden, 'variant')}: --json"
    lines = [
        f"{visible(str(found.home))} ({found.encoder})",
        f"{counted(found.triplets, 'triplet')} of {visible(str(found.file))} compared; random answers agree"
        " with half of them.",
        *_left_out(found.unknown, "name tracks that are not in the index"),
        *_left_out(found.without_vector, "name tracks without a usable vector or cache"),
        "",
        table_text([Column("Variant"), *(Column(title, "number") for title in titles)], rows, width),
    ]
    return "\n".join(lines) + (f"{note}\n" if several else "")


def triplet_fields(found: TripletEvaluation) -> dict[str, Any]:
    """Give the fields of triplets; the variants best agreement first."""
    return {
        "home": str(found.home),
        "encoder": found.encoder,
        "file": str(found.file),
        "triplets": found.triplets,
        "unknown": [_triplet_fields(one) for one in found.unknown],
        "without_vector": [_triplet_fields(one) for one in found.without_vector],
        "variants": [
            {
                "variant": one.variant.name,
                **asdict(one.variant),
                "agreement": figure_fields(one.share),
                "gain": difference_fields(gain),
            }
            for one, gain in _best_first(found)
        ],
    }


def _best_first(found: TripletEvaluation) -> list[tuple[Agreement, Difference]]:
    pairs = zip(found.agreements, found.gains, strict=True)
    return sorted(pairs, key=lambda pair: -pair[0].share.value)


def _left_out(triplets: Sequence[Triplet], why: str) -> list[str]:
    if not triplets:
        return []
    lines = [f"  line {one.line}: {', '.join(map(display_path, one.paths))}" for one in triplets]
    return [f"Left out, as they {why}: {counted(len(triplets), 'triplet')}", *first_lines(lines, ALL)]


def _triplet_fields(triplet: Triplet) -> dict[str, Any]:
    names = dict(zip("abc", triplet.paths, strict=True))
    return {"line": triplet.line, **{name: path_fields(path) for name, path in names.items()}}
