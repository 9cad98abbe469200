"""Queries: audio files, indexed or not, as vectors."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from audiosim.audio.events import UNKNOWN, Embedded, Failed, Probed
from audiosim.core.errors import AudioError, AudiosimError, UsageError
from audiosim.core.paths import identity
from audiosim.core.text import duration
from audiosim.core.types import AudioInfo, Encoder, Float32, FrameEmbeddings, Precision, Track
from audiosim.encoders import QueryEncoder
from audiosim.library.index import Index
from audiosim.library.scan import FoundFile, is_audio_name
from audiosim.search.titles import can_be_opened, named, no_such_file, taken_for

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]

LEFT_OUT = "; it is left out."  # how the note of a file ends that is only listed, and can't be used
AWAY = 0.5  # how much what a query should not be like counts, against what it should
LISTS = (b".txt", b".text", b".lst", b".csv", b".json", b".jsonl", b".md")  # meant as a list, or as words
AT_A_TIME = 64  # queries that are looked up before the first is answered: files share decoders


@dataclass(frozen=True)
class Source:
    """Files to ask with, some of which only a list names: a folder, a playlist, stdin.

    Parameters
    ----------
    paths : list of bytes
        All of them, as the catalog knows files.
    listed : frozenset of bytes
        Those that are left out, with a note, where they can't be used.
    notes : tuple of str
        What is to be told of the lists themselves.
    unread : tuple of bytes
        What can't be read of folders.
    """

    paths: list[bytes] = field(default_factory=list)
    listed: frozenset[bytes] = frozenset()
    notes: tuple[str, ...] = ()
    unread: tuple[bytes, ...] = ()


def as_source(paths: Paths | Source) -> Source:
    """Files given in any way; they must all be usable unless they come as a `Source`."""
    if isinstance(paths, Source):
        return paths
    return Source([identity(path) for path in ([paths] if isinstance(paths, str | os.PathLike) else paths)])


@dataclass(frozen=True)
class Query:
    """One audio file asked with; ``indexed``: it is in the index under this path.

    ``frames`` and ``fingerprint`` are there where the file had to be embedded.
    """

    track: Track
    vector: Float32
    indexed: bool
    frames: FrameEmbeddings | None = None
    fingerprint: bytes = b""


def mean_direction(vectors: Sequence[Float32], against: Sequence[Float32] = ()) -> Float32:
    """The normalised mean (dim,) of unit vectors, less half the mean of those `against` which to search.

    After Rocchio, "Relevance feedback in information retrieval", 1971.

    Raises
    ------
    AudiosimError
        If they cancel out.
    """
    total = np.mean([vector.astype(np.float64) for vector in vectors], axis=0)
    if len(against):
        total = total - AWAY * np.mean([vector.astype(np.float64) for vector in against], axis=0)
    norm = float(np.linalg.norm(total))
    if norm < 1e-6:
        raise AudiosimError(
            "The queries cancel out", "their mean has no direction", "Ask with fewer at a time."
        )
    direction: Float32 = (total / norm).astype(np.float32)
    return direction


class Resolver:
    """The finder of each query's vector: in the catalog, from a cache, or by embedding the file.

    Parameters
    ----------
    index : Index
        What is searched.
    precision : {"auto", "float32"}
        What the network computes in, where a query has to be embedded.
    encoder : Encoder or None
        To embed with instead of loading one.
    longest : float
        Seconds of audio that a file which has to be decoded may hold.
    lenient : collection of bytes
        What only a list names: it is taken for paths, not for titles.
    """

    def __init__(
        self,
        index: Index,
        precision: Precision,
        encoder: Encoder | None,
        longest: float = math.inf,
        lenient: Collection[bytes] = (),
    ) -> None:
        self._longest, self._lenient = longest, lenient
        self._index, self._catalog = index, index.catalog
        self._encoder = encoder or QueryEncoder(index.spec, precision)
        self.notes: list[str] = []
        self.failed: list[bytes] = []  # of these, what was left out

    def resolve(self, paths: Iterable[bytes], lenient: Collection[bytes] = ()) -> dict[bytes, Query]:
        """The queries at these paths, by path; those of `lenient` may fail, which `notes` tells.

        Raises
        ------
        UsageError
            If a path is neither a file nor in the index, nor the title of one track.
        AudiosimError
            If one can't be decoded.
        """
        self._lenient = lenient
        found: dict[bytes, Query] = {}
        changed: dict[bytes, bytes] = {}  # new files, and those that are not as they were indexed
        for path in paths:
            try:
                known = self._looked_up(path)
            except UsageError as error:
                self._fail(path, error)
                continue
            if isinstance(known, Query):
                found[path] = known
            else:
                changed[path] = known
        opened = self._opened(list(dict.fromkeys(changed.values()))) if changed else {}
        return found | {path: opened[place] for path, place in changed.items() if place in opened}

    def resolve_each(self, source: Source) -> Iterator[tuple[bytes, Query | AudiosimError]]:
        """Each query by itself, in their order, or why it can't be used; files are opened some at a time."""
        self._lenient = source.listed
        for start in range(0, len(source.paths), AT_A_TIME):
            yield from self._each(source.paths[start : start + AT_A_TIME])

    def _each(self, paths: Sequence[bytes]) -> Iterator[tuple[bytes, Query | AudiosimError]]:
        known: dict[bytes, Query | bytes | AudiosimError] = {}
        for path in paths:
            try:
                known[path] = self._looked_up(path)
            except UsageError as error:
                known[path] = error
        places = dict.fromkeys(place for place in known.values() if isinstance(place, bytes))
        opening, opened = self._opened_each(list(places)), dict[bytes, Query | AudiosimError]()
        for path, outcome in known.items():
            while isinstance(outcome, bytes) and outcome not in opened:
                opened.update([next(opening)])  # as they are done: later ones may come first
            yield path, opened[outcome] if isinstance(outcome, bytes) else outcome

    def _looked_up(self, path: bytes) -> Query | bytes:
        """A query as it was indexed; or the file that has to be opened.

        Raises
        ------
        UsageError
            If it is neither, nor the title of one track.
        """
        query = self.indexed(path)
        if query is not None:
            return query
        place = path if can_be_opened(path) else self.titled(path)
        if place is None:
            raise self.missing(path)
        return path if place == path else self.indexed(place) or place

    def indexed(self, path: bytes) -> Query | None:
        """The vector of a file as it was indexed, if it has not changed since."""
        row, track = self._catalog.files.get(path), self._catalog.tracks.at(path)
        if row is None or track is None:
            return None
        try:
            status = os.stat(path)
        except OSError:
            unchanged = True  # on a disk that is not mounted: what is known of it will do
        else:
            found = FoundFile.at(path, status)
            unchanged = found.same(row) and not found.touched(row)
        vector = self._catalog.tracks.vector(track.digest) if unchanged else None
        return None if vector is None else Query(track, vector, indexed=row.state == "indexed")

    def titled(self, path: bytes) -> bytes | None:
        """The file of the one recording with this title, which `notes` then tells; None if there is none.

        Raises
        ------
        UsageError
            If several recordings have it.
        """
        place = None if path in self._lenient else named(self._index, path)
        if place is not None:
            self.notes.append(taken_for(path, place))
        return place

    def missing(self, path: bytes) -> UsageError:
        """Make the error for a path that is none of these; for one that a list names, without a search."""
        return no_such_file(path, None if path in self._lenient else self._index)

    def _opened(self, paths: list[bytes]) -> dict[bytes, Query]:
        """Files that are not in the index; one that can't be used is told before a model is loaded."""
        strict = [path for path in paths if path not in self._lenient]
        if len(paths) == 1 or not strict:
            return self._read(paths)
        known = self._read(strict, embed=False)
        return known | self._read([path for path in paths if path not in known])

    def _opened_each(self, paths: list[bytes]) -> Iterator[tuple[bytes, Query | AudiosimError]]:
        """Files that are not in the index, or why one can't be used, as they are done."""
        left = dict.fromkeys(paths)
        if not left:
            return
        try:
            for path, outcome in self._outcomes(paths):
                left.pop(path, None)
                yield path, outcome
        except AudiosimError as error:  # no encoder is to be had: what is indexed needs none
            yield from ((path, error) for path in left)

    def _read(self, paths: list[bytes], *, embed: bool = True) -> dict[bytes, Query]:
        """Files identified and, where their audio is new, embedded, or left where a demuxer reads it."""
        found: dict[bytes, Query] = {}
        for path, outcome in self._outcomes(paths, embed=embed):
            if isinstance(outcome, Query):
                found[path] = outcome
            else:
                self._fail(path, outcome)
        return found

    def _outcomes(
        self, paths: list[bytes], *, embed: bool = True
    ) -> Iterator[tuple[bytes, Query | AudiosimError]]:
        """What becomes of files that are opened."""
        from audiosim.extract import embed_files  # what is in the index needs none of it

        infos: dict[bytes, AudioInfo] = {}
        digests = self._catalog.tracks.all_digests()

        def is_new(info: AudioInfo) -> bool:
            return info.digest not in digests and self._index.cache.read(info.digest) is None

        def want(path: bytes, info: AudioInfo) -> bool:
            return (embed or info.codec == UNKNOWN) and is_new(info) and info.duration <= self._longest

        if embed and isinstance(self._encoder, QueryEncoder) and any(map(is_audio_name, paths)):
            self._encoder.prepare()  # decoders take longer to start
        events = embed_files(
            paths, self._encoder, want=want, dtype=np.float16, second_try=True, until=self._longest
        )
        for event in events:
            match event:
                case Probed(path, info, wanted):
                    infos[path] = info
                    if info.duration > self._longest and is_new(info):
                        yield path, self._too_long(path)
                    elif not wanted and (embed or not is_new(info)):
                        yield path, _outcome(partial(self._known, path, info))
                case Embedded(path, frames, length, fingerprint=heard):
                    if length >= self._longest:  # its header said less
                        yield path, self._too_long(path)
                    else:
                        yield path, _outcome(partial(self._pooled, path, infos[path], frames, heard))
                case Failed(path, reason):
                    yield path, unusable(path, reason)

    def _fail(self, path: bytes, error: AudiosimError) -> None:
        if path not in self._lenient:
            raise error
        self.failed.append(path)
        self.notes.append(f"{error.what}: {error.why}{LEFT_OUT}")

    def _too_long(self, path: bytes) -> AudiosimError:
        return unusable(path, f"it is longer than {duration(self._longest)}")

    def _known(self, path: bytes, info: AudioInfo) -> Query:
        vector = self._catalog.tracks.vector(info.digest)
        if vector is not None:
            return Query(_track(path, info), vector, indexed=False)
        cached = self._index.cache.read(info.digest)
        if cached is None:
            raise unusable(path, "its cache vanished while it was read")
        return self._pooled(path, info, cached.frames)

    def _pooled(
        self, path: bytes, info: AudioInfo, frames: FrameEmbeddings, fingerprint: bytes = b""
    ) -> Query:
        try:
            vector = self._index.configuration.pooler(frames).vector
        except AudioError as error:
            raise unusable(path, error.reason) from error
        return Query(_track(path, info), vector, indexed=False, frames=frames, fingerprint=fingerprint)


def _outcome(make: Callable[[], Query]) -> Query | AudiosimError:
    try:
        return make()
    except AudiosimError as error:
        return error


def unusable(path: bytes, reason: str) -> AudiosimError:
    """The error for a query that can't be asked with."""
    listing = "Give a list of files as .m3u8, or as - on stdin. For words: audiosim similar `text` WORDS"
    remedy = listing if os.path.splitext(path)[1].lower() in LISTS else ""
    return AudiosimError(f"Can't use {os.fsdecode(path)}", reason, remedy)


def _track(path: bytes, info: AudioInfo) -> Track:
    return Track(path, info.digest, info.duration, info.tags)
