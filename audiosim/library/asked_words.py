"""Which words are meant, and their scores for a home's tracks.

Where the encoder has a vocabulary, the labels that a text names are looked up among the scores in the
catalog; where it reads texts, they are placed among the tracks' vectors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from difflib import get_close_matches

from audiosim.core.config import Home
from audiosim.core.errors import HomeError, UsageError
from audiosim.core.tag_values import folded
from audiosim.core.text import counted, size, span, visible
from audiosim.core.types import Float32
from audiosim.encoders.musicnn_labels import MSD, MTT
from audiosim.encoders.registry import FOR_WORDS, find_for, resolve
from audiosim.encoders.words import TextSide
from audiosim.library.catalog import Catalog
from audiosim.library.index import Index
from audiosim.library.missing_caches import missing_caches
from audiosim.library.spaces import spaces
from audiosim.library.word_scores import WordScores, text_scores

TAGS = tuple(dict.fromkeys((*MSD, *MTT)))  # what is asked of an encoder that reads any text
NEAREST = 5  # labels told where one is not known
FEW = 60  # labels that are all told then, and those near only if they are at least so
ALIKE = 0.6  # by difflib
ADDED_SPEED = 70  # seconds of audio in one on two cores, about: 18.5 ms of processor each, and 10 to decode
WORD = re.compile(r"[^\W_]+")


def all_words(index: Index, *, fetch: bool = True) -> WordScores:
    """Give the scores of all words that a home's encoder knows, or of usual tags, if it reads any text.

    Parameters
    ----------
    index : Index
        The home, open.
    fetch : bool
        Whether what reads texts is fetched, where it is not here.

    Raises
    ------
    UsageError
        If it knows no words.
    HomeError
        If no track has scores yet.
    WeightsError
        If what reads texts can't be had, or is not to be fetched.
    """
    side = text_side(index, fetch=fetch)
    return label_scores(index) if side is None else tag_scores(index, side.embed(TAGS))


def label_scores(index: Index) -> WordScores:
    """Give the scores of all labels of an encoder that reads no texts; raises what `all_words` does."""
    return WordScores(_labels(index), *index.catalog.words.all())


def tag_scores(index: Index, texts: Float32) -> WordScores:
    """Give the scores of usual tags, by what an encoder reads in them, unit vectors (tags, dim)."""
    return text_scores(TAGS, texts, index.catalog.tracks)


def asked_for(index: Index, groups: Sequence[Sequence[str]]) -> tuple[WordScores, list[list[int]]]:
    """Give the scores of what some groups of texts name, and the columns of each group.

    Raises
    ------
    UsageError
        If the home's encoder knows no words, or not these.
    HomeError
        If no track has scores yet.
    """
    for text in (text for group in groups for text in group):
        if not _words(text):
            raise UsageError(f"{visible(text) or 'An empty text'} says nothing", "it has no word")
    side = text_side(index)
    if side is not None:
        texts = tuple(dict.fromkeys(text for group in groups for text in group))
        scores = text_scores(texts, side.embed(texts), index.catalog.tracks)
        return scores, [[texts.index(text) for text in group] for group in groups]
    labels = _labels(index)
    named = named_labels(groups, labels, index.home.called, _others(index.home))
    columns = sorted({column for group in named for column in group})
    scores = WordScores(tuple(labels[column] for column in columns), *index.catalog.words.all(columns))
    return scores, [[columns.index(column) for column in group] for group in named]


def unscored(index: Index) -> list[str]:
    """Say how many tracks no words can find, as no run has made their scores; nothing where there is none."""
    count = index.catalog.words.lacking_count() if index.catalog.words.labels else 0
    left = counted(count, "track has", "tracks have")
    told = f"{left} no word scores and can't be found: index runs make them from caches that are there."
    return [told] if count else []


def text_side(index: Index, *, fetch: bool = True) -> TextSide | None:
    """Give what reads texts for a home's encoder, loaded once unless the index has it; None if it reads none.

    Raises
    ------
    WeightsError
        If it can't be had, or is not to be fetched.
    """
    if index.reader is not None:
        return index.reader
    if not index.loaded and (entry := find_for(index.spec)) is not None:
        side = entry.text_side(index.spec, read_only=not fetch)
        index.loaded.extend([] if side is None else [side])
    return next(iter(index.loaded), None)


def _labels(index: Index) -> tuple[str, ...]:
    """The labels of the scores in the catalog; an error says how to have some."""
    labels = index.catalog.words.labels
    if not labels:
        entry = find_for(index.spec)
        raise _no_scores(index) if entry is not None and entry.card.words else _no_words(index)
    return labels


def _others(asked: Home) -> Iterator[tuple[str, Sequence[str]]]:
    """The labels of a home's other spaces, and what these are called."""
    main = asked.main
    for place in (place for place in (main, *spaces(main)) if place != asked):
        with suppress(HomeError), Catalog(place.catalog, read_only=True) as catalog:
            yield "the home itself" if place == main else place.called, catalog.words.labels


def named_labels(
    groups: Sequence[Iterable[str]],
    labels: Sequence[str],
    where: str = "this home",
    others: Iterable[tuple[str, Sequence[str]]] = (),
) -> list[list[int]]:
    """Find the labels that groups of texts name, each once: of several that begin at a word, the longest.

    A label that names one thing in several ways ("Male speech, man speaking") is known by each of them.

    Parameters
    ----------
    groups : sequence of iterable of str
        The texts.
    labels : sequence of str
        All labels.
    where : str
        Whose these are.
    others : iterable of (str, sequence of str)
        Where else there are labels, and which; drawn where words are of none of these.

    Raises
    ------
    UsageError
        If words are of no label; it tells all of them, which labels are near, and whose these are.
    """
    known = _names(labels)
    read = [[_read(text, known) for text in group] for group in groups]
    unknown = dict.fromkeys(word for group in read for _, words in group for word in words)
    if unknown:
        raise _unknown([*unknown], labels, known, where, others)
    return [list(dict.fromkeys(label for found, _ in group for label in found)) for group in read]


def _read(text: str, known: dict[tuple[str, ...], int]) -> tuple[list[int], list[str]]:
    """The labels that a text names, and its words that are of none."""
    longest = max(map(len, known))
    words, place = _words(text), 0
    found: list[int] = []
    unknown: list[str] = []
    while place < len(words):
        length = next((n for n in range(longest, 0, -1) if tuple(words[place : place + n]) in known), 0)
        if length:
            found.append(known[tuple(words[place : place + length])])
        else:
            unknown.append(words[place])
        place += length or 1
    return found, unknown


def _names(labels: Sequence[str]) -> dict[tuple[str, ...], int]:
    """What labels may be called, as words: in full, without what stands in brackets, and by their parts."""
    known: dict[tuple[str, ...], int] = {}
    full = {label: [label, re.sub(r"\(.*?\)", "", label)] for label in labels}
    parts = {label: label.split(",") for label in labels}
    for forms in (full, parts):
        for number, label in enumerate(labels):
            for form in forms[label]:
                known.setdefault(tuple(_words(form)), number)
    known.pop((), None)
    return known


def _words(text: str) -> list[str]:
    return WORD.findall(folded(text))


def _unknown(
    words: Sequence[str],
    labels: Sequence[str],
    known: dict[tuple[str, ...], int],
    where: str,
    others: Iterable[tuple[str, Sequence[str]]],
) -> UsageError:
    """That words are of no label; with those near each, and the whole list, if it is short, once."""
    few = len(labels) <= FEW
    lines = [
        f"Nearest in spelling{f' to {visible(word)}' if len(words) > 1 else ''}: {'; '.join(near)}"
        for word in words
        if (near := _near(word, labels, known, ALIKE if few else 0.0))
    ]
    lines += [f"All of them: {', '.join(labels)}"] if few else []
    elsewhere = [name for name, theirs in others if theirs and not _read(" ".join(words), _names(theirs))[1]]
    lines += [f"Known to {' and '.join(elsewhere)}."] if elsewhere else []
    told = f"{'word' if len(words) == 1 else 'words'} {', '.join(map(visible, words))}"
    return UsageError(f"The encoder of {where} has no {told}", f"it knows {len(labels)}", "\n".join(lines))


def _near(word: str, labels: Sequence[str], known: dict[tuple[str, ...], int], alike: float) -> list[str]:
    spelled = {" ".join(name): labels[number] for name, number in known.items()}
    near = [name for name in spelled if word in name.split()]
    near += get_close_matches(word, spelled, NEAREST, alike)
    return list(dict.fromkeys(spelled[name] for name in near))[:NEAREST]


def _no_scores(index: Index) -> HomeError:
    what, made = "No track has word scores yet", "index runs make them from caches"
    missing = missing_caches(
        (entry.track.digest for entry in index.catalog.tracks.entries()), index.configuration
    )
    if missing is not None and len(missing.digests) == missing.total:
        return HomeError(what, f"{made}, and {missing}", missing.remedy)
    return HomeError(
        what,
        f"an audiosim that knew none indexed them, or they were imported; {made}",
        "Make them: audiosim index",
    )


def _no_words(index: Index) -> UsageError:
    card = resolve(FOR_WORDS).card
    return UsageError(
        f"The encoder of {index.home.called}, {index.spec.name}, knows no words",
        "",
        f"Add one that does, for words only: about {size(card.download + card.text_download)} to fetch"
        f" (`variant` int8: about a quarter of that), and for this library about"
        f" {span(index.catalog.tracks.duration() / ADDED_SPEED)} on two cores:\n"
        f"audiosim index --space words --encoder {FOR_WORDS}",
    )
