"""What is known of encoders, as people and programs are shown it."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING, Any

from audiosim.commands.encoder_options import flag, listed
from audiosim.core.errors import AudiosimError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from audiosim.encoders.registry import EncoderCard, EncoderEntry
    from audiosim.encoders.weights_file import WeightsFile


def listed_entries() -> dict[str, EncoderEntry | str]:
    """Give the encoders by name, without plug-ins; for a broken description, what is wrong with it."""
    from audiosim.encoders.registry import built_in, described, find

    found: dict[str, EncoderEntry | str] = dict(built_in())
    for name in described():
        try:
            entry = find(name)
        except AudiosimError as error:
            found[name] = f"{error.what}: {error.why}"
        else:
            found |= {name: entry} if entry else {}
    return found


def encoder_fields(entry: EncoderEntry) -> dict[str, Any]:
    """Give what is known of an encoder, as JSON has it."""
    card = entry.card
    return {
        "name": card.name,
        "about": card.about,
        "dimensions": list(card.dimensions),
        "window": card.window,
        "hop": card.hop,
        "words": card.words,
        "licence": card.licence,
        "download": card.download,
        "text_download": card.text_download,
        "options": {option.name: list(option.choices) for option in card.options},
        "weights": weights_fields(entry),
    }


def weights_fields(entry: EncoderEntry) -> list[dict[str, Any]]:
    """Give where the weights of an encoder are, as JSON has it."""
    return [
        {
            "name": one.name,
            "source": one.source or None,
            "path": None if one.path is None else str(one.path),
            "proven": one.proven,
        }
        for one in entry.weights()
    ]


def told(entry: EncoderEntry, width: int | None) -> str:
    """Tell people what is known of an encoder, each thing in its line; `width` is as for `weights_text`."""
    from audiosim.core.text import size

    card = entry.card
    facts = {
        "what": card.about,
        "numbers a window": listed(card.dimensions),
        "window": f"{card.window:g} s",
        "hop": f"{card.hop:g} s",
        "words": "yes" if card.words else "no",
        "licence": card.licence,
        "download": size(card.download),
    }
    facts |= {"to read texts": f"{size(card.text_download)} more"} if card.text_download else {}
    facts |= {flag(option.name): f"{listed(option.choices)}" for option in card.options}
    widest = max(map(len, facts))
    indent = " " * (widest + 2)
    lines = [
        textwrap.fill(f"{name:{widest}}  {value}", width or sys.maxsize, subsequent_indent=indent)
        for name, value in facts.items()
    ]
    return "\n".join([card.name, *lines, weights_text({card.name: entry}, width)])


def weights_text(entries: Mapping[str, EncoderEntry | str], width: int | None) -> str:
    """Tell where each of the encoders' weights are.

    Parameters
    ----------
    entries : mapping of str to EncoderEntry or str
        The encoders, by name; or what is wrong with one.
    width : int or None
        The terminal's columns; None where it goes to a file or a program, which get a line for each, its
        name and its place with a tab between them.

    Returns
    -------
    str
        The lines.
    """
    from audiosim.commands.table import PATH, Column, table_text

    rows: list[tuple[str, str]] = []
    for name, entry in entries.items():
        places = (
            [("", entry)] if isinstance(entry, str) else [(f" {w.name}", _place(w)) for w in entry.weights()]
        )
        rows += [(name + which, place) for which, place in places]
    if width is None:
        return "".join(f"{name}\t{place}\n" for name, place in rows)
    return table_text([Column("Weights"), PATH], rows, width)


def _place(weights: WeightsFile) -> str:
    missing = f"not here; from {weights.source}" if weights.source else "not here"
    return str(weights.path or missing)


def _row(entry: EncoderEntry) -> list[str]:
    from audiosim.core.text import size

    card: EncoderCard = entry.card
    return [
        card.name,
        card.about,
        listed(card.dimensions),
        f"{card.window:.3g} s",
        f"{card.hop:.3g} s",
        "yes" if card.words else "no",
        card.licence,
        size(card.download),
        _state(entry.weights()),
    ]


def _state(weights: Sequence[WeightsFile]) -> str:
    here = [one for one in weights if one.path is not None]
    if not here:
        return "not here"
    known, brought = sum(bool(one.source) for one in weights), sum(not one.source for one in here)
    kept = len(here) - brought
    parts = ["here" if kept == known else f"{kept} of {known} here"] if kept else []
    parts += [f"{brought} brought"] if brought else []
    return ", ".join([*parts, "proven" if all(one.proven for one in here) else "not proven"])


def encoders_table(entries: dict[str, EncoderEntry | str]) -> str:
    """Lay out the encoders, and the plug-ins, a line for each."""
    from audiosim.commands.table import ABOUT, Column, table_text, terminal_width

    rows = [
        _bare_row(name, entry) if isinstance(entry, str) else _row(entry) for name, entry in entries.items()
    ]
    rows += [_bare_row(each["name"], f"plug-in: {each['plug_in']}") for each in plug_in_fields()]

    columns = [
        Column("Encoder"),
        ABOUT,
        Column("Numbers", "number"),
        Column("Window", "number"),
        Column("Hop", "number"),
        Column("Words"),
        Column("Licence", "apart"),
        Column("Download", "number"),
        Column("Weights", "apart"),
    ]
    return table_text(columns, rows, terminal_width())


def _bare_row(name: str, told: str) -> list[str]:
    return [name, told, *[""] * 7]


def plug_in_fields() -> list[dict[str, str]]:
    """Give what is known of plug-ins without importing them, as JSON has it."""
    from audiosim.encoders.registry import plug_ins

    return [{"name": name, "plug_in": _plug_in(point)} for name, point in plug_ins().items()]


def _plug_in(point: Any) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else str(point.value)
