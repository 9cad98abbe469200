"""Another program's distances between tracks, for similarity.py; runs where that program is installed.

usage: python peers.py musly|bliss TASK.json RESULT.npz

TASK holds "tracks", paths, and "clips", pairs of paths: a clip, and the rest of the track it was cut
out of. RESULT then holds distances, smaller being more alike: "tracks" (n, n), "clips" (m, n), each
clip with each track, "rests" (m,), each with its own rest; "seconds", the processor time of analysing
the tracks; the program's "name" and version; the "bytes" that it keeps of a track; and "whole", bool
(tracks,), whether each could be read: n counts these.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

MUSLY_RATE = 22_050  # Hz
MUSLY_EXCERPT, MUSLY_START = 60.0, 48.0  # s, as its command line has them: the middle, but no later start


def main() -> None:
    name, task, result = sys.argv[1:]
    asked = json.loads(Path(task).read_text(encoding="utf-8"))
    clips, rests = (list(part) for part in zip(*asked["clips"], strict=True)) if asked["clips"] else ([], [])
    np.savez(result, **{"musly": musly, "bliss": bliss}[name](asked["tracks"], clips, rests))


def musly(tracks: Sequence[str], clips: Sequence[str], rests: Sequence[str]) -> dict[str, Any]:
    """Distances of musly's method "timbre": mutual proximity of Gaussians of MFCCs."""
    import pymusly

    jukebox = pymusly.MuslyJukebox(method="timbre")

    def analyse(path: str) -> Any:
        return jukebox.track_from_audiodata(musly_excerpt(path))

    found, seconds, whole = analysed(tracks, analyse)
    others = [analyse(path) for path in (*clips, *rests)]
    jukebox.set_style(found)
    jukebox.add_tracks(list(enumerate([*found, *others])))
    numbered = list(enumerate(found))
    parts = list(enumerate(others, start=len(found)))
    return {
        "tracks": np.array([jukebox.compute_similarity(one, numbered) for one in numbered]),
        "clips": np.array([jukebox.compute_similarity(one, numbered) for one in parts[: len(clips)]]),
        "rests": np.array(
            [
                jukebox.compute_similarity(clip, [rest])[0]
                for clip, rest in zip(parts[: len(clips)], parts[len(clips) :], strict=True)
            ]
        ),
        "seconds": seconds,
        "name": f"musly {version('pymusly')}: timbre",
        "bytes": jukebox.track_size,
        "whole": whole,
    }


def musly_excerpt(path: str) -> Any:
    """The samples that musly listens to: its wheels for Linux have no decoder of their own."""
    import soundfile
    import soxr

    with soundfile.SoundFile(path) as file:
        rate, length = file.samplerate, round(MUSLY_EXCERPT * file.samplerate)
        file.seek(max(0, min(round(MUSLY_START * rate), (file.frames - length) // 2)))
        samples = file.read(length, dtype="float32", always_2d=True).mean(axis=1)
    return soxr.resample(samples, rate, MUSLY_RATE)


def bliss(tracks: Sequence[str], clips: Sequence[str], rests: Sequence[str]) -> dict[str, Any]:
    """Euclidean distances of bliss's descriptors, as its documentation has them compared."""
    from bliss_audio import Song

    def analyse(path: str) -> Any:
        return np.array(Song(path).analysis, np.float64)

    found, seconds, whole = analysed(tracks, analyse)
    rows, clip_rows, rest_rows = (
        np.array(part) for part in (found, [*map(analyse, clips)], [*map(analyse, rests)])
    )
    return {
        "tracks": apart(rows, rows),
        "clips": apart(clip_rows, rows) if clips else np.zeros((0, len(rows))),
        "rests": np.linalg.norm(clip_rows - rest_rows, axis=1) if clips else np.zeros(0),
        "seconds": seconds,
        "name": f"bliss {version('bliss-audio')}: Euclidean",
        "bytes": rows.shape[1] * 4,
        "whole": whole,
    }


def apart(first: Any, second: Any) -> Any:
    return np.linalg.norm(first[:, None] - second[None], axis=2)


def analysed(tracks: Sequence[str], analyse: Callable[[str], Any]) -> tuple[list[Any], float, Any]:
    """What a program makes of the tracks, the processor time it takes, and which ones it could read."""
    begun, found, whole = processor_time(), [], []
    for path in tracks:
        row = attempt(analyse, path)
        whole.append(row is not None)
        found += [row] if row is not None else []
    return found, processor_time() - begun, np.array(whole)


def attempt(analyse: Callable[[str], Any], path: str) -> Any:
    """What a program makes of a file, or of the same samples as WAV where it can't read that; else None."""
    import soundfile

    try:
        return analyse(path)
    except KeyboardInterrupt:
        raise
    except BaseException as reason:  # a panic of Rust's is no Exception
        print(f"{path}: {reason}; tried as WAV", file=sys.stderr)
    try:
        with tempfile.NamedTemporaryFile(suffix=".wav") as copy:
            soundfile.write(copy.name, *soundfile.read(path))
            return analyse(copy.name)
    except KeyboardInterrupt:
        raise
    except BaseException as reason:
        print(f"{path}: {reason}", file=sys.stderr)
        return None


def processor_time() -> float:
    """Seconds of this process and its children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main()
