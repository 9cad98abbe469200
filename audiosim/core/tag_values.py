r"""Values of tags: how several stand in one text, and when two tracks have one in common.

A tag may be given several times. A home and an export keep one text for it: the values in their
order, each once, joined by ``"; "``. Whoever needs them apart, or compares them, does it here:

- Artists are separated by ``;`` only. ``AC/DC``, ``Tyler, The Creator``, ``Earth, Wind & Fire`` and
  ``Simon & Garfunkel`` are one each, and so is ``A feat. B``.
- Genres are separated by ``;``, ``/``, ``,``, ``|`` and ``\`` (``Hip-Hop/Rap`` names two), not by ``&`` or
  ``-``. The comma of ``Folk, World, & Country`` takes its ``&`` along.
- Titles and albums contain semicolons, so an album is compared whole; a filter also finds its parts.
- Case, accents, Unicode form (NFKC) and the kind and number of spaces do not count. Accents are those of
  Latin, Greek and Cyrillic: other scripts' marks make other words.
- A track is by its artists; where none is named, by its album's. ``Various Artists``, in the languages
  of the shops and taggers, and ``Unknown Artist`` are nobody: tracks do not share them.
- An album is its title together with its artists: many are called Greatest Hits.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from audiosim.core.types import Tags

JOINT = "; "
ACCENTS = re.compile("[\u0300-\u036f]")  # apart from their letters
SEMICOLON = re.compile(r"[;\uff1b]")
GENRE_SEPARATORS = re.compile(r"[;\uff1b/\uff0f,\uff0c\u3001|\\](?:\s*&(?=\s))?")
VARIOUS = (
    "various artists|various artist|various|va|v.a.|v. a.|v/a|v.v.a.a.|aa.vv.|multiple artists|compilation"
    "|verschiedene interpreten|verschiedene künstler|verschiedene|diverse interpreten|diverse künstler"
    "|diverse|artistes variés|artistes divers|divers artistes|divers|varios artistas|varios|artistas varios"
    "|vários artistas|vários intérpretes|vários|artisti vari|vari artisti|autori vari|diverse artiesten"
    "|diverse artister|diverse kunstnere|blandade artister|eri esittäjiä|różni wykonawcy|różni artyści"
    "|různí interpreti|různí umělci|různí|rôzni interpreti|különböző előadók|válogatás"
    "|разные исполнители|различные исполнители|разные артисты|сборник|різні виконавці|διάφοροι καλλιτέχνεσ"
    "|ヴァリアス・アーティスト|ヴァリアス|オムニバス|群星|合辑|合輯|华语群星|여러 아티스트|다양한 아티스트"
)
UNKNOWN = "unknown artist|unknown|[unknown]|<unknown>|[no artist]|no artist"


def joined(values: Iterable[str]) -> str | None:
    """Join the values of one tag, each once; None where there are none."""
    kept: dict[str, str] = {}
    for text in values:
        kept.setdefault(_plain(text), text.strip())
    kept.pop("", None)
    return JOINT.join(kept.values()) or None


ONCE = lru_cache(4096)  # of a library's tags most are said over and over


@ONCE
def folded(text: str) -> str:
    """Give a tag as it is compared: case, accents, Unicode form and spaces aside."""
    plain = _plain(text)
    return _plain(ACCENTS.sub("", unicodedata.normalize("NFKD", plain))) or plain  # a name of accents only


def _plain(text: str) -> str:
    """Case, Unicode form and spaces aside, not accents: two values of one tag may differ by these."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(text.split())


NOBODY = frozenset(map(folded, f"{VARIOUS}|{UNKNOWN}".split("|")))


def values(text: str | None) -> list[str]:
    """The artists, or titles, that a tag names, in its order."""
    return _split(SEMICOLON, text)


def genres(text: str | None) -> list[str]:
    """The genres that a tag names, in its order."""
    return _split(GENRE_SEPARATORS, text)


@ONCE
def names(*texts: str | None) -> frozenset[str]:
    """Whatever a user may call these tags by, as compared: the whole and each value."""
    return frozenset(folded(name) for text in texts if text for name in (text, *values(text))) - {""}


def genre_keys(tags: Tags) -> frozenset[str]:
    """The genres of a track, as compared."""
    return _genre_keys(tags.genre)


@ONCE
def _genre_keys(text: str | None) -> frozenset[str]:
    return frozenset(map(folded, genres(text)))


def artist_keys(tags: Tags) -> frozenset[str]:
    """Those by whom a track is, as compared; empty where nobody is named."""
    return people(tags.artist) or people(tags.album_artist)


def album_keys(tags: Tags) -> frozenset[str]:
    """The album of a track once for each of its artists; two with a key in common are of one album."""
    title = folded(tags.album or "")
    by = people(tags.album_artist) or names(tags.album_artist) or people(tags.artist)
    return frozenset(f"{title}\0{artist}" for artist in by or ("",)) if title else frozenset()


@ONCE
def people(text: str | None) -> frozenset[str]:
    """The artists that a tag names, as compared, without those that are nobody."""
    return frozenset(map(folded, values(text))) - NOBODY


def _split(separators: re.Pattern[str], text: str | None) -> list[str]:
    return [value for part in separators.split(text or "") if (value := part.strip())]
