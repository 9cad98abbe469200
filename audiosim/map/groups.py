"""Groups of tracks, and the colours that tell them apart on a map."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from audiosim.core.tag_values import folded, genres, values
from audiosim.core.text import display_path, visible
from audiosim.core.types import Track
from audiosim.map.palette import HUES, REST, Colour, ramp

Color = Literal["folder", "genre", "artist", "album", "year", "words"]
COLORS: tuple[Color, ...] = get_args(Color)
MANY_GENRES = 40  # more distinct ones say little
MANY_YEARS = 12  # more are shown as decades


@dataclass(frozen=True)
class Group:
    """Tracks of one colour; ``rest`` marks those that have no group, or one beyond the colours."""

    name: str
    count: int
    colour: Colour
    rest: bool = False


@dataclass(frozen=True)
class Grouping:
    """The groups, as a legend lists them, and the index of each spot's among them."""

    by: Color
    groups: Sequence[Group]
    of: Sequence[int]


def group_tracks(
    tracks: Sequence[Track], by: Color | None = None, words: Sequence[str | None] = ()
) -> Grouping:
    """The groups of tracks; `by` is chosen to suit them where it is None.

    The largest come first, years in their order. What is beyond the colours shares the last one. By words,
    `words` has each track's.
    """
    by = by or _suitable(tracks)
    keys, names = _word_keys(words) if by == "words" else _KEYS[by](tracks)
    counts = Counter(key for key in keys if key is not None)
    ranked = sorted(counts, key=lambda key: (-counts[key], names[key]))[: len(HUES)]
    if by == "year":
        ranked.sort()
    colours = ramp(len(ranked)) if by == "year" else HUES
    groups = [Group(names[k], counts[k], colour) for k, colour in zip(ranked, colours, strict=False)]
    others, one = len(counts) - len(ranked), by.removesuffix("s")
    rest: list[tuple[str | None, str]] = [("", f"{others} other {one}{'s' * (others > 1)}")] if others else []
    if None in keys:
        rest.append((None, f"no {one}"))
    numbers: dict[str | None, int] = {key: number for number, key in enumerate(ranked)}
    for key, name in rest:
        members = counts.total() - sum(g.count for g in groups) if key == "" else keys.count(None)
        numbers[key] = len(numbers)
        groups.append(Group(name, members, REST, rest=True))
    return Grouping(by, groups, [numbers[key] if key in numbers else numbers[""] for key in keys])


def _suitable(tracks: Sequence[Track]) -> Color:
    keys, names = _tag_keys(_genre)(tracks)
    tagged = len(keys) - keys.count(None)
    return "genre" if tagged > len(keys) / 2 and 2 <= len(names) <= MANY_GENRES else "folder"


_Keys = tuple[list[str | None], dict[str, str]]  # of each track, None where it has none; their names


def _tag_keys(tag: Callable[[Track], str | None]) -> Callable[[Sequence[Track]], _Keys]:
    """Groups by a tag's first value, each named as it is most often written."""

    def keys(tracks: Sequence[Track]) -> _Keys:
        texts = [(tag(track) or "").strip() for track in tracks]
        spellings: dict[str, Counter[str]] = {}
        for text in filter(None, texts):
            spellings.setdefault(folded(text), Counter())[text] += 1
        names = {
            key: visible(min(found, key=lambda text: (-found[text], text)))
            for key, found in spellings.items()
        }
        return [folded(text) or None if text else None for text in texts], names

    return keys


def _genre(track: Track) -> str | None:
    return next(iter(genres(track.tags.genre)), None)


def _artist(track: Track) -> str | None:
    return next(iter(values(track.tags.artist) or values(track.tags.album_artist)), None)


def _album(track: Track) -> str | None:
    return track.tags.album


def _folder_keys(tracks: Sequence[Track]) -> _Keys:
    keys = [os.fsdecode(os.path.dirname(track.path)) for track in tracks]
    return list(keys), short_names(set(keys))


def _year_keys(tracks: Sequence[Track]) -> _Keys:
    years = [track.tags.year for track in tracks]
    if len(set(years) - {None}) > MANY_YEARS:
        decades = [None if year is None else year // 10 * 10 for year in years]
        keys = [None if decade is None else f"{decade:04}s" for decade in decades]
    else:
        keys = [None if year is None else f"{year:04}" for year in years]
    return keys, {key: key for key in keys if key is not None}


def _word_keys(words: Sequence[str | None]) -> _Keys:
    return list(words), {word: visible(word) for word in words if word is not None}


_KEYS: dict[Color, Callable[[Sequence[Track]], _Keys]] = {
    "folder": _folder_keys,
    "genre": _tag_keys(_genre),
    "artist": _tag_keys(_artist),
    "album": _tag_keys(_album),
    "year": _year_keys,
}


def short_names(folders: Iterable[str]) -> dict[str, str]:
    """Each folder's last parts, as many as it takes to tell it from the others."""
    parts = {folder: folder.split("/") for folder in folders}
    names: dict[str, str] = {}
    depth = 1
    while parts:
        ends = {folder: "/".join(own[-depth:]) for folder, own in parts.items()}
        counts = Counter(ends.values())
        done = [folder for folder, own in parts.items() if counts[ends[folder]] == 1 or depth >= len(own)]
        for folder in done:
            names[folder] = display_path(os.fsencode(ends[folder] or folder))
            del parts[folder]
        depth += 1
    return names
