"""What searching finds, on real music with MusiCNN: passages, and what each setting is worth.

usage: python benchmarks/search.py MUSIC [--home DIR] [--clips N] [--only-passages] [--json]

MUSIC holds one folder a soundtrack; it is indexed in DIR, or in a temporary home. Measured are:
passages: clips of 10 s from random places, 3 dB quieter, as MP3 at 96 kbit/s, each asked for where
it is from, and where another place is found, whether its fingerprint is as near; whole clips: how
often one vector of a clip is nearest to that of its track, by pooling; candidates: the tracks cut into
pieces (of a minute), whether those that passage vectors pick hold the ten best of exact search over
all windows, and how many of these columns lead to, as in a home of many tracks, opening how many caches;
settings: `audiosim eval --compare` by folder.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from common import parser, report, shown, spread
from sounds import decoded, encode

import audiosim
from audiosim.audio.fingerprint import Landmarks
from audiosim.core.config import Home
from audiosim.core.types import AudioInfo, Encoder, FrameEmbeddings, Tags
from audiosim.encoders import load_encoder
from audiosim.encoders.pooling import POOLINGS, pool, summary
from audiosim.encoders.request import EncoderRequest
from audiosim.evaluation.results import EvalOptions
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog, Entry, made_columns
from audiosim.library.filters import Filter
from audiosim.library.hubness import HUB_CORRECTIONS
from audiosim.library.index import Index, open_index
from audiosim.search.fingerprints import MEET, SECONDS
from audiosim.search.folding import Asked
from audiosim.search.passage_query import PassageQuery, ask_with
from audiosim.search.passage_search import MIN_CANDIDATES, nearest_by_passages, ranked_by_windows
from audiosim.search.ranking import RankingOptions, needed
from audiosim.search.sifting import Opened, estimated_by_passages

CLIP = 10.0  # s
QUIETER = 10 ** (-3 / 20)
SILENCE = 1e-3  # RMS, full scale 1; there is nothing to find in a pause
EXACT, NEAR = 0.5, 2.0  # s from where a clip is from
HALF = 0.5  # of the bits, which differ by chance
AROUND = 17  # hops, 0.1 s, by which codecs and rounding may move a clip
DEPTHS = (20, 50, 100, 200)  # candidates


@dataclass(frozen=True)
class Clip:
    """Where a clip was cut from."""

    file: Path
    path: bytes
    start: float


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("music", type=Path)
    arguments.add_argument("--home", type=Path)
    arguments.add_argument("--clips", type=int, default=200)
    arguments.add_argument("--piece", type=float, default=60.0, help="length of pieces in s")
    arguments.add_argument("--only-passages", action="store_true")
    chosen = arguments.parse_args()
    encoder = load_encoder(EncoderRequest(encoder="musicnn"))
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        home = chosen.home or scratch / "home"
        audiosim.index_folder([chosen.music], home=home, encoder=encoder)
        with open_index(home) as index:
            clips = list(_clips(index, scratch, chosen.clips))
            results: dict[str, Any] = {"passages": passages(index, encoder, clips)}
            lines = list(_passage_lines(results["passages"]))
            if not chosen.only_passages:
                results["whole clips"] = whole_clips(index, encoder, clips)
                results["candidates"] = candidates(index, scratch / "pieces", clips, encoder, chosen.piece)
        if not chosen.only_passages:
            results["settings"] = settings(home)
            lines += _lines(results)
    report(results, lines, as_json=chosen.json)


def passages(index: Index, encoder: Encoder, clips: list[Clip]) -> dict[str, Any]:
    """Whether each clip's own track comes first, and where in it."""
    first = near = as_like = exact = as_near = 0
    seconds = []
    for clip in clips:
        begun = time.perf_counter()
        found = audiosim.find_passages(clip.file, count=1, home=index.home.path, encoder=encoder)
        seconds.append(time.perf_counter() - begun)
        best = found.matches[0]
        own = index.catalog.files.get(clip.path)
        if own is None or best.track.digest != own.digest or best.passage is None:
            continue
        first += 1
        found_at = best.passage.start - best.passage.query_start
        away = abs(found_at - clip.start)
        near += away <= NEAR
        exact += away <= EXACT
        if away > EXACT:  # the music repeats, by fingerprint or by windows
            asked = ask_with(index, os.fsencode(clip.file), 0.0, None, "auto", encoder)
            packed = index.catalog.fingerprints.get(own.digest)
            track = None if packed is None else Landmarks.from_bytes(packed)
            if asked.landmarks is not None and track is not None:
                wrong = [differing(asked.landmarks, track, place) for place in (found_at, clip.start)]
                as_near += wrong[0] <= wrong[1] < HALF
        if away > NEAR:  # no stretch of any track is more like the clip than the one found
            most = ranked_by_windows(index, asked, index.catalog.tracks.entries())[0][0]
            as_like += best.similarity >= most.similarity - 1e-6
    return {
        "clips": len(clips),
        "right track first": first / len(clips),
        "offset within 0.5 s": exact / first,
        "offset within 0.5 s, or a fingerprint as near": (exact + as_near) / first,
        "offset within 2 s": near / first,
        "offset within 2 s, or as like by exact search": (near + as_like) / first,
        "seconds": spread(seconds),
    }


def differing(clip: Landmarks, track: Landmarks, later: float) -> float:
    """The least share of a clip's bits that differ where a track has it so many s later, or nearly so.

    Of landmarks that meet none, half do, as by chance.
    """
    shares = []
    for hops in range(round(later / SECONDS) - AROUND, round(later / SECONDS) + AROUND + 1):
        apart = np.abs(clip.places[:, None] + hops - track.places)
        nearest = apart.argmin(axis=1)
        met = apart[np.arange(len(clip)), nearest] <= MEET
        wrong = (clip.bits != track.bits[nearest]).mean(axis=1)
        shares.append(float(np.where(met, wrong, HALF).mean()))
    return min(shares)


def whole_clips(index: Index, encoder: Encoder, clips: list[Clip]) -> dict[str, float]:
    """How often a clip's vector is nearest to its own track's, by pooling: queries are short at times."""
    entries = list(index.catalog.tracks.entries())
    tracks = [frames for e in entries if (frames := _frames(index, e)) is not None]
    centre = np.mean([summary(frames) for frames in tracks], axis=0)
    asked = dict(audiosim.extract_files([clip.file for clip in clips], encoder))
    owners = {entry.track.path: entry.track.digest for entry in entries}
    first: dict[str, float] = {}
    for pooling, centred in product(POOLINGS, (False, True)):
        shift = centre if centred else None
        vectors = np.stack([pool(frames, pooling, shift).vector for frames in tracks])
        right = [
            entries[int((vectors @ pool(own, pooling, shift).vector).argmax())].track.digest
            == owners[clip.path]
            for clip in clips
            if isinstance(own := asked[os.fspath(clip.file)], FrameEmbeddings)
        ]
        first[f"{pooling}, centred" if centred else pooling] = float(np.mean(right))
    return first


def _frames(index: Index, entry: Entry) -> FrameEmbeddings | None:
    cached = index.cache.read(entry.track.digest)
    return None if cached is None else cached.frames


def candidates(
    index: Index, folder: Path, clips: list[Clip], encoder: Encoder, length: float
) -> dict[str, Any]:
    """Recall@10 of the candidates against exact search over all windows, tracks cut to pieces."""
    recalls: dict[int, list[float]] = {depth: [] for depth in DEPTHS}
    by_columns, caches = [], []
    with _pieces(index, folder, length) as (pieces, entries):
        for clip in clips:
            asked = ask_with(index, os.fsencode(clip.file), 0.0, None, "auto", encoder)
            best = {c.entry.id for c in ranked_by_windows(pieces, asked, entries)[0][:10]}
            picked = [entry.id for entry in nearest_by_passages(pieces, asked, entries, max(DEPTHS))]
            for depth in DEPTHS:
                recalls[depth].append(len(best & set(picked[:depth])) / len(best))
            opened = _opened(pieces, asked)
            some = {c.entry.id for c in opened.best(needed(10, RankingOptions()))[:10]}
            by_columns.append(len(best & some) / len(best))
            caches.append(float(opened.opened))
        size = sum(len(blob) for _, blob in pieces.catalog.tracks.all_passages())
        hours = sum(entry.track.duration or 0.0 for entry in entries) / 3600
    return {
        "pieces": len(entries),
        "recall@10": {str(depth): float(np.mean(values)) for depth, values in recalls.items()},
        "recall@10 by columns": float(np.mean(by_columns)),
        "caches by columns": spread(caches),
        "bytes an hour of music": size / hours,
    }


def _opened(index: Index, asked: PassageQuery) -> Opened:
    """The search as in a home of many tracks."""
    wanted = Asked([asked.query], [], Filter(), RankingOptions(), include_self=False)
    estimated = estimated_by_passages(index, asked, wanted, MIN_CANDIDATES)
    assert estimated is not None
    return Opened(index, estimated, partial(ranked_by_windows, index, asked))


def settings(home: Path) -> list[dict[str, Any]]:
    """What `audiosim eval --compare` says, by folder."""
    options = EvalOptions(
        exclude_same=None, poolings=POOLINGS, centring=(False, True), hub_corrections=HUB_CORRECTIONS
    )
    found = audiosim.evaluate(home, options)
    return [
        {
            "setting": result.variant.name,
            "map": [result.figures["map"].value, result.figures["map"].low, result.figures["map"].high],
            "precision@5": result.figures["precision@5"].value,
            "hubness": result.lists.hubness,
            "gain": [gain.figure.value, gain.figure.low, gain.figure.high],
        }
        for result, gain in zip(found.results, found.gains, strict=True)
    ]


def _clips(index: Index, scratch: Path, count: int) -> Iterator[Clip]:
    tracks = [e.track for e in index.catalog.tracks.entries() if (e.track.duration or 0) >= CLIP + 2]
    rng = np.random.default_rng(1)
    rows = sorted(rng.integers(len(tracks), size=count))
    last, samples, rate = b"", np.zeros(0, np.float32), 1
    for number, row in enumerate(rows):
        if tracks[row].path != last:
            last = tracks[row].path
            samples, rate = decoded(last)
        part = np.zeros(1, np.float32)
        while np.sqrt(np.mean(np.square(part))) < SILENCE:
            start = float(rng.uniform(0, len(samples) / rate - CLIP))
            part = samples[int(start * rate) : int((start + CLIP) * rate)] * np.float32(QUIETER)
        file = scratch / f"clip{number}.mp3"
        encode(file, part, rate, codec="libmp3lame", container="mp3", bit_rate=96_000, out_rate=44_100)
        yield Clip(file, last, start)


@contextmanager
def _pieces(index: Index, folder: Path, seconds: float) -> Iterator[tuple[Index, list[Entry]]]:
    """A home in which each track is cut into pieces."""
    home = Home(folder)
    folder.mkdir()
    configuration = replace(index.configuration, cache=home.cache)
    cache = Cache(home.cache, configuration.spec)
    length = max(1, round(seconds / configuration.spec.hop))
    with Catalog(home.catalog) as catalog:
        catalog.settings.set_configuration(configuration)
        for entry in index.catalog.tracks.entries():
            cached = index.cache.read(entry.track.digest)
            assert cached is not None
            for start in range(0, len(cached.frames), length):
                frames = cached.frames
                part = slice(start, start + length)
                piece = FrameEmbeddings(
                    frames.embedding[part], frames.timestamps[: len(frames.level[part])], frames.level[part]
                )
                digest = f"{entry.track.digest[:24]}{start:08d}"
                lasts = len(piece) * configuration.spec.hop
                info = AudioInfo(digest, lasts, 16_000, 1, "", 0, 0, Tags())
                try:
                    vector = configuration.pooler(piece)
                except audiosim.AudioError:
                    continue
                cache.write(info, piece, "float32")
                catalog.files.record(entry.track.path + b"#%d" % start, info, vector)
        made_columns.LEAST = 1
        catalog.keep_columns()
    with open_index(folder) as pieces:
        yield pieces, list(pieces.catalog.tracks.entries())


def _passage_lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"{found['clips']} clips: right track first {found['right track first']:.1%}; of these, offset"
    yield f"within 0.5 s {found['offset within 0.5 s']:.1%}, or at a place whose fingerprint is as near"
    yield f"{found['offset within 0.5 s, or a fingerprint as near']:.1%}"
    yield f"within 2 s {found['offset within 2 s']:.1%}, or as like by exact search"
    yield f"{found['offset within 2 s, or as like by exact search']:.1%}"
    yield f"{found['seconds']['median']:.2f} s each, embedding it included"


def _lines(results: dict[str, Any]) -> Iterator[str]:
    picked = results["candidates"]
    yield "clips whose pooled vector is nearest to their track's: " + ", ".join(
        f"{name} {share:.3f}" for name, share in results["whole clips"].items()
    )
    yield f"{picked['pieces']} pieces recall@10 by candidates: " + ", ".join(
        f"{depth}: {recall:.3f}" for depth, recall in picked["recall@10"].items()
    )
    caches = shown(picked["caches by columns"])
    yield f"by columns: {picked['recall@10 by columns']:.3f}, caches opened {caches}"
    yield f"passages take {picked['bytes an hour of music'] / 1e3:.1f} KB an hour of music"
    for row in results["settings"]:
        value, low, high = row["map"]
        gain, least, most = row["gain"]
        yield (
            f"{row['setting']:36} MAP {value:.3f} [{low:.3f} {high:.3f}]"
            f"  gain {gain:+.3f} [{least:+.3f} {most:+.3f}]"
            f"  P@5 {row['precision@5']:.3f}  hubness {row['hubness']:.2f}"
        )


if __name__ == "__main__":
    main()
