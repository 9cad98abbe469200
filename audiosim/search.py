"""Queries: from audio files to the tracks of the index that sound most like them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from audiosim.audio.crew import Crew
from audiosim.audio.events import Ended, Failed, Probed, Restarted, Samples
from audiosim.cache import Cache
from audiosim.catalog import Catalog, Configuration
from audiosim.config import Home, find_home, no_index
from audiosim.configure import Wish, kept_configuration
from audiosim.encoders import load_encoder_for
from audiosim.errors import AudioError, AudiosimError, HomeError, LockedError, StoreError, UsageError
from audiosim.extract import Extractor
from audiosim.library import identity
from audiosim.pooling import pool
from audiosim.store_process import StoreProcess
from audiosim.types import AudioInfo, Encoder, Float32, FrameEmbeddings, Match, Precision, Track

DEFAULT_COUNT = 10
READER_WAIT = 1.0  # s for Chroma to be free, before exact search answers
ANSWER_LIMIT = 30.0  # s for Chroma to answer, before exact search does
MIN_CANDIDATES = 50  # asked of Chroma at least, then ranked exactly


@dataclass(frozen=True)
class Query:
    """One audio file asked with; ``indexed``: it is in the index under this path."""

    track: Track
    vector: Float32
    indexed: bool


@dataclass(frozen=True)
class SearchResult:
    """The answer: the queries as understood, and the matches, best first.

    ``exact_because`` says why Chroma was not asked, where exact search answered.
    """

    queries: list[Query]
    matches: list[Match]
    exact_because: str | None = None


def find_similar(
    queries: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    count: int = DEFAULT_COUNT,
    home: str | os.PathLike[str] | None = None,
    include_self: bool = False,
    precision: Precision = "auto",
    encoder: Encoder | None = None,
) -> SearchResult:
    """The tracks of the index nearest to one audio file, or to several taken together.

    Parameters
    ----------
    queries : audio files, indexed or not; several count as the normalised mean of their vectors.
    count : how many matches at most.
    home : the home folder; by default ``AUDIOSIM_HOME`` or the platform's user data folder.
    include_self : whether the queries' own audio may be among the matches.
    precision : of the network, where a query has to be embedded.
    encoder : to embed with instead of loading one; it must be the home's.

    Raises
    ------
    UsageError : when a query does not exist.
    AudiosimError : when there is no index, or a query can't be decoded.
    """
    place = find_home(home)
    paths = [queries] if isinstance(queries, str | os.PathLike) else list(queries)
    if not paths:
        raise UsageError("Nothing to search with", "no query was given", "Name an audio file.")
    if count < 1:
        raise UsageError(f"Can't find {count} tracks", "the number must be at least 1")
    if not place.catalog.exists():
        raise no_index(place)
    with Catalog(place.catalog, read_only=True) as catalog:
        configuration = catalog.configuration
        if configuration is None:
            raise no_index(place)
        kept_configuration(configuration, Wish(), encoder)
        with StoreProcess() as store:  # it loads Chroma while the query is found
            resolver = _Resolver(catalog, configuration, precision, encoder)
            resolved = resolver.resolve([identity(path) for path in paths])
            vector = mean_direction([query.vector for query in resolved])
            hidden = set() if include_self else {query.track.digest for query in resolved}
            wanted = count + catalog.copies(hidden)
            ids, reason = _nearest(store, place, catalog, vector, wanted)
        matches = _rank(catalog.tracks(ids).values(), vector, hidden, count)
        return SearchResult(resolved, matches, reason)


def mean_direction(vectors: Sequence[Float32]) -> Float32:
    """The normalised mean (dim,) of unit vectors.

    Raises
    ------
    AudiosimError : when they cancel out.
    """
    total = np.sum([vector.astype(np.float64) for vector in vectors], axis=0)
    norm = float(np.linalg.norm(total))
    if norm < 1e-6:
        raise AudiosimError(
            "The queries cancel out", "their mean has no direction", "Ask with fewer at a time."
        )
    direction: Float32 = (total / norm).astype(np.float32)
    return direction


def exact_nearest(vectors: Iterable[tuple[str, Float32]], vector: Float32, count: int) -> list[str]:
    """Ids of the `count` unit vectors nearest to `vector` by cosine, nearest first."""
    ids: list[str] = []
    rows: list[Float32] = []
    for id_, row in vectors:
        ids.append(id_)
        rows.append(row)
    if not ids:
        return []
    similarities = np.stack(rows) @ vector
    order = np.argsort(-similarities, kind="stable")[:count]
    return [ids[index] for index in order]


def _nearest(
    store: StoreProcess, home: Home, catalog: Catalog, vector: Float32, count: int
) -> tuple[list[str], str | None]:
    """Candidates' ids, from Chroma if it can be asked, and why not otherwise."""
    try:
        ids = store.ask(
            "nearest",
            home,
            limit=ANSWER_LIMIT,
            vector=vector.astype("<f4").tobytes().hex(),
            count=max(2 * count, MIN_CANDIDATES),
            wait=READER_WAIT,
        )
    except LockedError:
        reason = "Chroma is in use by another process"
    except (StoreError, HomeError) as error:
        reason = " ".join(str(error).split())
    else:
        return ids, None
    return exact_nearest(catalog.indexed_vectors(), vector, count), reason


def _rank(
    candidates: Iterable[tuple[Track, Float32]], vector: Float32, hidden: set[str], count: int
) -> list[Match]:
    """The best candidates by exact cosine; ties in order of path."""
    scored = [
        (float(np.clip(np.dot(row.astype(np.float64), vector), -1.0, 1.0)), track)
        for track, row in candidates
        if track.digest not in hidden
    ]
    scored.sort(key=lambda pair: (-pair[0], pair[1].path))
    return [Match(rank, similarity, track) for rank, (similarity, track) in enumerate(scored[:count], 1)]


class _Resolver:
    """Finds each query's vector: in the catalog, from a cache, or by embedding the file."""

    def __init__(
        self,
        catalog: Catalog,
        configuration: Configuration,
        precision: Precision,
        encoder: Encoder | None,
    ) -> None:
        self._catalog, self._configuration = catalog, configuration
        self._precision, self._encoder = precision, encoder
        self._cache = Cache(configuration.cache, configuration.spec)

    def resolve(self, paths: Sequence[bytes]) -> list[Query]:
        found = {path: self._indexed(path) for path in dict.fromkeys(paths)}
        unknown = [path for path, query in found.items() if query is None]
        for path in unknown:
            if not os.path.exists(path):
                raise UsageError(
                    f"No such file: {os.fsdecode(path)}",
                    "it is neither there nor in the index",
                    "Check the path.",
                )
        found |= self._opened(unknown) if unknown else {}
        return [query for path in paths if (query := found[path]) is not None]

    def _indexed(self, path: bytes) -> Query | None:
        """The vector of a file as it was indexed, if it has not changed since."""
        row, track = self._catalog.file(path), self._catalog.track(path)
        if row is None or track is None:
            return None
        try:
            status = os.stat(path)
        except OSError:
            unchanged = True  # on a disk that is not mounted: what is known of it will do
        else:
            unchanged = (status.st_size, status.st_mtime_ns) == (row.size, row.mtime_ns)
        vector = self._catalog.vector(track.digest) if unchanged else None
        return None if vector is None else Query(track, vector, indexed=row.state == "indexed")

    def _opened(self, paths: list[bytes]) -> dict[bytes, Query]:
        """Files that are not in the index: identified, and embedded where their audio is new."""
        spec = self._configuration.spec
        infos: dict[bytes, AudioInfo] = {}
        vectors: dict[bytes, Float32] = {}
        extractor: Extractor[bytes] | None = None
        digests = self._catalog.all_digests()

        def want(path: bytes, info: AudioInfo) -> bool:
            return info.digest not in digests and self._cache.read(info.digest) is None

        with Crew(spec.sample_rate, spec.resampler, jobs=1, want=want) as crew:
            for event in crew.events(paths):
                match event:
                    case Probed(path, info, wanted):
                        infos[path] = info
                        if not wanted:
                            vectors[path] = self._known(path, info)
                        else:
                            extractor = extractor or Extractor(self._load(), dtype=np.float16)
                            extractor.begin(path, info.duration)
                    case Samples(path, samples) if extractor is not None:
                        extractor.push(path, samples)
                    case Restarted(path) if extractor is not None:
                        extractor.begin(path, infos[path].duration)
                    case Ended(path) if extractor is not None:
                        extractor.end(path)
                    case Failed(path, reason, _):
                        raise _unusable(path, reason)
        if extractor is not None:
            extractor.flush()
            for path, frames in extractor.finished():
                vectors[path] = self._pooled(path, frames)
        return {path: _query(path, infos[path], vectors[path]) for path in paths}

    def _known(self, path: bytes, info: AudioInfo) -> Float32:
        vector = self._catalog.vector(info.digest)
        if vector is not None:
            return vector
        cached = self._cache.read(info.digest)
        if cached is None:
            raise _unusable(path, "its cache vanished while it was read")
        return self._pooled(path, cached.frames)

    def _pooled(self, path: bytes, frames: FrameEmbeddings) -> Float32:
        try:
            return pool(frames, self._configuration.pooling).vector
        except AudioError as error:
            raise _unusable(path, error.reason) from error

    def _load(self) -> Encoder:
        return self._encoder or load_encoder_for(self._configuration.spec, precision=self._precision)


def _query(path: bytes, info: AudioInfo, vector: Float32) -> Query:
    return Query(Track(path, info.digest, info.duration, info.tags), vector, indexed=False)


def _unusable(path: bytes, reason: str) -> AudiosimError:
    return AudiosimError(f"Can't search with {os.fsdecode(path)}", reason)
