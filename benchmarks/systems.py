"""What similarity.py compares: audiosim's encoders and variants, MFCC Gaussians, other programs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from gaussians import gaussian_distances
from peers import processor_time
from sounds import decoded

import audiosim
from audiosim.core.types import Float32, Float64, Track
from audiosim.encoders import load_encoder
from audiosim.encoders.pooling import POOLINGS
from audiosim.encoders.registry import built_in, plug_ins
from audiosim.encoders.request import EncoderRequest
from audiosim.evaluation.artist_filter import Judged, judged
from audiosim.evaluation.home import EvaluatedHome
from audiosim.evaluation.labels import label_tracks
from audiosim.evaluation.variants import Variant
from audiosim.library.hubness import Cosine, HubScaling, scales, similarities

FIRST = "musicnn"  # the encoder of the first row
CLIP, LONG = 60.0, 180.0  # s
GAUSSIANS, PEERS = "gaussians", ("musly", "bliss")


@dataclass(frozen=True)
class Clip:
    """A minute, and what is left of its track, the one of that row."""

    row: int
    clip: Path
    rest: Path


@dataclass(frozen=True)
class Music:
    """Tracks (n,), what is right, and clips (m,) with the rests of the tracks that they were cut out of."""

    tracks: list[Track]
    judged: Judged
    clips: list[Clip]

    @property
    def parts(self) -> tuple[list[Path], list[Path]]:
        """The files of the clips, and of the rests."""
        return [one.clip for one in self.clips], [one.rest for one in self.clips]

    @property
    def hours(self) -> float:
        return sum(track.duration or 0.0 for track in self.tracks) / 3600


@dataclass(frozen=True)
class System:
    """One way to compare tracks, larger being more alike.

    ``near`` gives rows (k, n) of tracks with tracks; ``clips`` (m, n) are those of clips with tracks,
    each with its own rest in the place of its track.
    """

    name: str
    near: Callable[[slice], Float32]
    clips: Float64
    seconds: float  # of processor time, for all tracks
    size: int  # bytes a track


def measured(
    folders: Sequence[Path], work: Path, peers: str | None, most: int | None
) -> tuple[Music, list[System], dict[str, str]]:
    """The music, and every system that is there; those that are not, and why."""
    music: Music | None = None
    systems: list[System] = []
    missing: dict[str, str] = {}
    for name in sorted({*built_in(), *plug_ins()}, key=lambda one: (one != FIRST, one)):
        try:
            encoder = load_encoder(EncoderRequest(encoder=name))
        except audiosim.AudiosimError as error:
            missing[name] = str(error).splitlines()[0]
            continue
        home, seconds = indexed(folders, work / name, encoder)
        music = music or prepared(home, work / "clips", most)
        systems += list(encoder_systems(home, encoder, music, seconds))
    if music is None:
        sys.exit(f"no encoder is there: {missing}")
    for other in (GAUSSIANS, *PEERS):
        result = work / f"{other}-{len(music.clips)}.npz"
        reason = None if result.exists() else asked(other, peers, music, result)
        if reason is None:
            systems.append(other_system(result, music))
        else:
            missing[other] = reason
    return music, systems, missing


def indexed(folders: Sequence[Path], work: Path, encoder: Any) -> tuple[Path, float]:
    """A home of the music, and the processor time that it took to make."""
    home, noted = work / "home", work / "seconds.json"
    if not noted.exists():
        begun = processor_time()
        audiosim.index_folder(folders, home=home, encoder=encoder)
        noted.write_text(json.dumps(processor_time() - begun), encoding="utf-8")
    return home, json.loads(noted.read_text(encoding="utf-8"))


def prepared(home: Path, folder: Path, most: int | None) -> Music:
    """The tracks of a home but for clips, judged by folder, and clips of so many of the long ones."""
    found = EvaluatedHome.load(home)
    tracks = [track for track in found.tracks if folder not in path_of(track).parents]
    labels = label_tracks("folder", tracks).labels
    folder.mkdir(parents=True, exist_ok=True)
    rows = [row for row, track in enumerate(tracks) if (track.duration or 0.0) >= LONG]
    chosen = np.linspace(0, len(rows) - 1, min(len(rows), most or len(rows))).round().astype(int)
    clips = []
    for row in [rows[place] for place in chosen]:
        digest = tracks[row].digest
        one = Clip(row, folder / f"{digest}-clip.flac", folder / f"{digest}-rest.flac")
        if not one.rest.exists():
            cut(tracks[row], one)
        clips.append(one)
    numbers = found.recordings({track.digest for track in tracks})
    return Music(tracks, judged(tracks, labels, "folder", "auto", numbers), clips)


def path_of(track: Track) -> Path:
    return Path(track.path.decode("utf-8", "surrogateescape"))


def cut(track: Track, into: Clip) -> None:
    """Write the middle minute of a track, and the rest of it."""
    samples, rate = decoded(track.path)
    start, length = len(samples) // 2 - round(CLIP / 2 * rate), round(CLIP * rate)
    soundfile.write(into.clip, samples[start : start + length], rate)
    soundfile.write(into.rest, np.delete(samples, slice(start, start + length)), rate)


def encoder_systems(home: Path, encoder: Any, music: Music, seconds: float) -> Iterator[System]:
    """An encoder, searched as a new home is, and otherwise."""
    found = EvaluatedHome.load(home)
    if not {bytes(path) for part in music.parts for path in part} <= {track.path for track in found.tracks}:
        audiosim.index_folder([music.clips[0].clip.parent], home=home, encoder=encoder)
        found = EvaluatedHome.load(home)
    digests = {track.path: track.digest for track in found.tracks}
    asked = [digests[track.path] for track in music.tracks]
    asked += [digests[bytes(path)] for part in music.parts for path in part]
    for variant in dict.fromkeys([found.own, *variants(found.own)]):
        vectors = found.space.vectors(asked, variant)
        tracks, clips, rests = np.split(vectors, np.cumsum([len(music.tracks), len(music.clips)]))
        recordings = music.judged.truth.recordings
        clip_near = with_rests(clips @ tracks.T, np.sum(clips * rests, axis=1), music)
        if variant.hub_correction == "score":
            own = scales(tracks).astype(np.float64)
            scaling = HubScaling(float(np.median(own)), Cosine(tracks, recordings).usual())
            clip_near = scaling.scores(clip_near.astype(np.float64), own)
        yield System(
            f"audiosim, {encoder.spec.name}: {variant.name}",
            similarities(tracks, variant.hub_correction, recordings=recordings),
            clip_near,
            seconds,
            vectors.shape[1] * vectors.itemsize,
        )


def variants(own: Variant) -> list[Variant]:
    """What else to try of an encoder: its parts one by one."""
    plain = replace(own, hub_correction="none")
    flat = replace(plain, whitening=False)
    scaled = replace(flat, hub_correction="score")
    others = [replace(flat, pooling=pooling) for pooling in POOLINGS if pooling != own.pooling]
    return [plain, scaled, flat, replace(flat, centring=False), *others]


def asked(name: str, python: str | None, music: Music, result: Path) -> str | None:
    """Have another system compare the tracks, and keep what it says; why it can't, where it can't."""
    if name == GAUSSIANS:
        np.savez(result, **gaussian_distances([path_of(track) for track in music.tracks], *music.parts))
        return None
    if python is None:
        return "no --peers given"
    clips = [[str(path) for path in pair] for pair in zip(*music.parts, strict=True)]
    task = result.with_suffix(".json")
    task.write_text(json.dumps({"tracks": [str(path_of(track)) for track in music.tracks], "clips": clips}))
    program = Path(__file__).with_name("peers.py")
    done = subprocess.run(
        [python, program, name, task, result], check=False, stderr=subprocess.PIPE, text=True
    )
    print(done.stderr, end="", file=sys.stderr)
    if not done.returncode:
        return None
    return (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]


def other_system(result: Path, music: Music) -> System:
    """A system that has compared the tracks; what it can't read comes last."""
    found = np.load(result)
    whole = found["whole"]
    near = np.full((len(whole), len(whole)), -np.inf, np.float32)
    near[np.ix_(whole, whole)] = -found["tracks"]
    clip_near = np.full((len(music.clips), len(whole)), -np.inf)
    clip_near[:, whole] = -found["clips"]
    unread = int((~whole).sum())
    words = f"{found['name']}{f' ({unread} tracks not read)' if unread else ''}"
    clip_near = with_rests(clip_near, -found["rests"], music)
    return System(words, lambda rows: near[rows], clip_near, float(found["seconds"]), int(found["bytes"]))


def with_rests(clips: Any, rests: Any, music: Music) -> Float64:
    """Similarities (m, n) of clips to tracks with those to their rests (m,) in the place of their tracks.

    Copies of a clip's own track hold the clip too: they are no answers.
    """
    near = np.array(clips, np.float64)
    recordings = music.judged.truth.recordings
    for number, one in enumerate(music.clips):
        near[number, recordings == recordings[one.row]] = -np.inf
        near[number, one.row] = rests[number]
    return near
