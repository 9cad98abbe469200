"""What there is instead, where a filter leaves no track."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from difflib import get_close_matches
from itertools import chain

from audiosim.core.tag_values import folded, genres, values
from audiosim.core.text import counted, duration, visible
from audiosim.core.types import Track
from audiosim.library.catalog import Catalog
from audiosim.library.filters import Filter
from audiosim.library.folders import located

SHOWN = 10  # names
ALIKE = 0.6  # ratio of difflib, from which names are near in spelling
WORDS = {  # for what a filter demands
    "genres": "genre",
    "artists": "artist",
    "albums": "album",
    "years": "years",
    "under": "folder",
    "min_duration": "least length",
    "max_duration": "greatest length",
}
NAMES: dict[str, Callable[[Track], list[str]]] = {
    "genres": lambda track: genres(track.tags.genre),
    "artists": lambda track: values(track.tags.artist or track.tags.album_artist),
    "albums": lambda track: [track.tags.album or ""],
}


def nothing_fits(catalog: Catalog, only: Filter) -> tuple[str, str]:
    """Give the reason and the remedy of an error where a filter leaves no track."""
    if catalog.files.count("indexed") and only:
        return "no track fits what was asked for", "\n".join(suggestions(catalog, only))
    return "the index holds no track", "See what became of its files: audiosim status"


def suggestions(catalog: Catalog, only: Filter) -> list[str]:
    """Say why no track fits a filter, and what there is: a sentence for each demand.

    Parameters
    ----------
    catalog : Catalog
        The home's.
    only : Filter
        What tracks must be.

    Returns
    -------
    list of str
        None where a track fits.
    """
    only = located(only, catalog)
    tracks = [entry.track for entry in catalog.tracks.entries()]
    if any(map(only.admits, tracks)):
        return []
    if not tracks:
        return ["The index holds no track."]
    alone = {each.name: replace(Filter(), **{each.name: getattr(only, each.name)}) for each in fields(only)}
    found = {name: sum(map(one.admits, tracks)) for name, one in alone.items() if one}
    unmet = [name for name, count in found.items() if not count]
    if unmet:
        return list(chain.from_iterable(_there_is(name, only, tracks) for name in unmet))
    several = ", ".join(f"{counted(count, 'track')} by the {WORDS[name]}" for name, count in found.items())
    return [f"No track fits all that was asked for. Each on its own fits some: {several}."]


def _there_is(name: str, only: Filter, tracks: Sequence[Track]) -> Iterator[str]:
    """What there is of that which one demand asks for in vain."""
    if name in NAMES:
        kinds = Counter(text.strip() for track in tracks for text in NAMES[name](track) if text)
        del kinds[""]
        yield from _names(WORDS[name], getattr(only, name), _merged(kinds))
    elif name == "years":
        years = [track.tags.year for track in tracks if track.tags.year]
        held = f"Years here: {min(years)} to {max(years)}." if years else "No track here has a year."
        yield f"No track is of the years asked for. {held}"
    elif name != "under":  # which commands speak of themselves
        lengths = [track.duration or 0.0 for track in tracks]
        how = "long" if name == "min_duration" else "short"
        yield f"No track is that {how}. Lengths here: {duration(min(lengths))} to {duration(max(lengths))}."


def _merged(kinds: Counter[str]) -> dict[str, tuple[str, int]]:
    """Names as most tracks spell them, with all their tracks, by how they compare; most tracks first."""
    spelled: dict[str, tuple[str, int]] = {}
    for text, count in kinds.most_common():
        name, before = spelled.get(folded(text), (text, 0))
        spelled[folded(text)] = name, before + count
    return dict(sorted(spelled.items(), key=lambda pair: -pair[1][1]))


def _names(noun: str, wanted: Sequence[str], there: dict[str, tuple[str, int]]) -> Iterator[str]:
    asked = ", ".join(map(visible, wanted))
    near = [name for text in wanted for name in _near(folded(text), list(there))]
    told = [visible(there[name][0]) for name in dict.fromkeys(near)][:SHOWN]
    yield f"No track has the {noun} {asked}." + (f" Near it: {', '.join(told)}." if told else "")
    shown = [f"{visible(text)} ({count})" for text, count in list(there.values())[:SHOWN]]
    if not shown:
        yield f"No track here has {'an' if noun[0] in 'aeiou' else 'a'} {noun}."
    elif noun == "genre" or not told:
        more = f" and {len(there) - SHOWN} more" if len(there) > SHOWN else ""
        yield f"{noun.capitalize()}s here: {', '.join(shown)}{more}."


def _near(wanted: str, names: list[str]) -> list[str]:
    """The names that hold what was asked for or are spelled nearly so."""
    if not wanted:
        return []
    holding = [name for name in names if wanted in name]
    return [*holding, *get_close_matches(wanted, names, SHOWN, ALIKE)]
