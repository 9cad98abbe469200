"""Which encoding the bytes of a file's tags are in, where that is not what they claim.

ID3v1 and 'Latin-1' frames of ID3v2 hold whatever the machine of their day wrote: CP1251, Shift-JIS, GBK. So
do LIST INFO and, against their standards, APE items and Vorbis comments. All such texts of a file are looked
at together. UTF-8 shows itself, but for single signs after a capital. Of the older encodings each gives a
reading, which costs bits in its writing (letters.py). One that is CLEAR bits cheaper than Latin-1 (a thousand
to one), and SURE bits cheaper than every other (sixty to one), is taken; else nothing changes. Of 14,000
names from Western locales, none is changed. charset-normalizer, made for documents, changed 188 of 298.
"""

from __future__ import annotations

import codecs
from collections.abc import Collection
from dataclasses import dataclass

from audiosim.audio.letters import WRITINGS, bits

WESTERN = "cp1252"
CLEAR = 10.0  # bits, against Latin-1
SURE = 6.0  # bits, against other encodings
LIKELY = 5.0  # bits, of UTF-8 against Latin-1: few bytes that are not UTF-8 could be
WORSE = 2.0  # bits, by which a single text may be less likely so
FEWEST, FEWEST_WIDE = 3, 2  # letters, which tell more than signs do


class Latin1(bytes):
    """Bytes that are said to be Latin-1."""


Value = str | bytes  # bytes where the file does not say, or not truly, how they are encoded


@dataclass(frozen=True)
class _Reading:
    """Texts by one encoding, and what each costs."""

    encoding: str
    texts: tuple[str, ...]
    costs: tuple[float, ...]

    @property
    def cost(self) -> float:
        return sum(self.costs) + WRITINGS[self.encoding].rarity


def encoding_of(values: Collection[Value]) -> str | None:
    """The older encoding that the bytes among a file's values are in, if that is clear."""
    unclear = {value for value in values if isinstance(value, bytes) and not value.isascii()}
    texts = sorted(value for value in unclear if _as_utf8(value) is None)
    readings = [reading for name in WRITINGS if (reading := _reading(texts, name)) is not None]
    if not texts or not readings:
        return None
    best = min(readings, key=lambda reading: reading.cost)
    others = [one.cost for one in readings if one.texts != best.texts and one.encoding != WESTERN]
    sure = all(cost - best.cost >= SURE for cost in others)
    if best.encoding == WESTERN:
        return WESTERN if sure else None
    western = next(reading for reading in readings if reading.encoding == WESTERN)
    claimed = any(isinstance(text, Latin1) for text in texts)
    clear = western.cost - best.cost >= (CLEAR if claimed else SURE)
    fit = all(own <= other + WORSE for own, other in zip(best.costs, western.costs, strict=True))
    return best.encoding if sure and clear and fit and _has_letters(best) else None


def decoded(value: Value, encoding: str | None) -> str:
    """A value as text, by the encoding found for those of its file that are in none that they claim."""
    if isinstance(value, str):
        return value
    text = _as_utf8(value)
    if text is None and encoding is not None:
        text = _read(value, encoding)
    if text is not None:
        return text
    return _western(value) if isinstance(value, Latin1) else value.decode("utf-8", "replace")


def _reading(texts: Collection[bytes], encoding: str) -> _Reading | None:
    """Nothing where one of them can't be in the encoding."""
    read = [_read(text, encoding) for text in texts]
    found = tuple(text for text in read if text is not None)
    if len(found) < len(texts):
        return None
    return _Reading(encoding, found, tuple(bits(text, WRITINGS[encoding]) for text in found))


def _read(value: bytes, encoding: str) -> str | None:
    """The text of an encoding; a last character that a tag's end cut is left out."""
    if encoding == WESTERN:
        return _western(value)
    try:
        return codecs.getincrementaldecoder(encoding)().decode(value)
    except UnicodeDecodeError:
        return None


def _as_utf8(value: bytes) -> str | None:
    text = _read(value, "utf-8")
    if text is None or text.isascii() != value.isascii():
        return None
    if not isinstance(value, Latin1) or text.isascii():
        return text
    cost = min(bits(text, writing) for writing in WRITINGS.values())
    return text if cost + LIKELY <= bits(_western(value), WRITINGS[WESTERN]) else None


def _western(value: bytes) -> str:
    """By CP1252, which has signs where Latin-1 has controls, unless it lacks one of the bytes."""
    try:
        return value.decode(WESTERN)
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _has_letters(reading: _Reading) -> bool:
    letters = sum(c.isalpha() and not c.isascii() for text in reading.texts for c in text)
    return letters >= (FEWEST_WIDE if WRITINGS[reading.encoding].wide else FEWEST)
