"""Which described encoders there are: those that come with audiosim, of files, and kept for homes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from audiosim.core.errors import UsageError
from audiosim.encoders.described.entry import DescribedEntry, card_of, model_folder
from audiosim.encoders.registry import EncoderCard, built_in

if TYPE_CHECKING:
    from audiosim.encoders.described.description import Description, Variant


def shipped(card: EncoderCard) -> DescribedEntry:
    """Make the entry of an encoder whose description comes with audiosim."""

    def read() -> Description:
        from importlib.resources import files

        from audiosim.encoders.described.description import parse_description

        place = files("audiosim.encoders.described") / "shipped" / f"{card.name}.toml"
        return parse_description(place.read_bytes(), Path(str(place)))

    return DescribedEntry(card, read)


def entry_of_file(path: Path) -> DescribedEntry:
    """Make the entry of a description that a user gives.

    Raises
    ------
    UsageError
        If there is none, it is wrong, or has the name of an encoder that comes with audiosim.
    """
    from audiosim.core.paths import expanded
    from audiosim.encoders.described.description import read_description

    description = read_description(Path(expanded(str(path))))
    if description.name in built_in():
        raise UsageError(
            f"The description {path} can't be called {description.name}",
            "an encoder that comes with audiosim is called so",
            "Choose another name in it.",
        )
    return DescribedEntry(card_of(description), lambda: description, given=True)


def kept_entry(path: Path) -> DescribedEntry:
    """Make the entry of a description that is kept for homes."""
    from audiosim.encoders.described.description import read_description

    description = read_description(path)
    return DescribedEntry(card_of(description), lambda: description)


def find_kept(name: str) -> DescribedEntry | None:
    """Find a description that is kept by its name; of several, the one that came last."""
    kept = model_folder().descriptions(name)
    return kept_entry(kept[-1]) if kept else None


def kept_names() -> list[str]:
    """List the names of the descriptions that are kept."""
    return [name for name in model_folder().names() if name not in built_in()]


def imported(path: Path) -> Path:
    """Keep a description and those of its models that are beside it; fetch the first, if need be.

    Returns
    -------
    Path
        Where the first is kept.
    """
    from audiosim.encoders.request import EncoderRequest

    entry = entry_of_file(path)
    first, *others = entry.description.variants
    several: list[Variant] = [
        first,
        *(one for one in others if model_folder().has_model(entry.description, one.audio)),
    ]
    for variant in several:
        options = {"variant": variant.name} if others else {}
        request = EncoderRequest(entry.card.name, options=options.items())
        encoder = entry.load(request, precision="auto", batch_size=None, read_only=False, quick=False)
        if variant is first:
            place = model_folder().description(entry.card.name, encoder.spec.weights)
    return place
