"""Which described encoders there are: those that come with audiosim, of files, and kept for homes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from audiosim.core.errors import UsageError
from audiosim.encoders.described.entry import DescribedEntry, model_folder
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

    return DescribedEntry(card, read, renew=True)


def entry_of_file(path: Path, *, renew: bool = False) -> DescribedEntry:
    """Make the entry of a description that a user gives; with `renew` it replaces what is kept of it.

    Raises
    ------
    UsageError
        If there is none, it is wrong, or has the name of an encoder that comes with audiosim.
    """
    from audiosim.core.paths import expanded
    from audiosim.encoders.described.card import card_of
    from audiosim.encoders.described.description import read_description

    description = read_description(Path(expanded(str(path))))
    if description.name in built_in():
        raise UsageError(
            f"The description {path} can't be called {description.name}",
            "an encoder that comes with audiosim is called so",
            "Choose another name in it.",
        )
    return DescribedEntry(card_of(description), lambda: description, given=True, renew=renew)


def kept_entry(path: Path, *, named: bool = True) -> DescribedEntry:
    """Make the entry of a description that is kept for homes; `named` if its name stands for it."""
    from audiosim.encoders.described.card import card_of
    from audiosim.encoders.described.description import read_description

    description = read_description(path)
    return DescribedEntry(card_of(description), lambda: description, named=named)


def find_kept(name: str) -> DescribedEntry | None:
    """Find the description that was imported under a name.

    Where none was, but homes have some of that name, gives one of these, which leads to each of them.
    """
    from audiosim.encoders.described import names

    folder = model_folder().path
    imported = names.imported(folder, name)
    if imported is not None:
        return kept_entry(imported)
    kept = names.descriptions(folder, name)
    return kept_entry(kept[0], named=False) if kept else None


def imported_names() -> list[str]:
    """List the names that descriptions were imported under."""
    from audiosim.encoders.described import names

    return [name for name in names.imported_names(model_folder().path) if name not in built_in()]


def imported(path: Path) -> Path:
    """Keep a description and those of its models that are beside it, and let its name stand for it.

    The first model is fetched, if need be.

    Returns
    -------
    Path
        Where the first is kept.
    """
    from audiosim.encoders.described.names import let_stand
    from audiosim.encoders.request import EncoderRequest

    entry = entry_of_file(path, renew=True)
    first, *others = entry.description.variants
    folder = model_folder()
    several: list[Variant] = [
        first,
        *(one for one in others if folder.has_model(entry.description, one.audio)),
    ]
    digests = []
    for variant in several:
        options = {"variant": variant.name} if others else {}
        request = EncoderRequest(entry.card.name, options=options.items())
        encoder = entry.load(request, precision="auto", batch_size=None, read_only=False, quick=False)
        digests.append(encoder.spec.weights)
    return let_stand(folder.path, entry.card.name, digests[0])
