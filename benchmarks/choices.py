"""What cheaper settings cost in quality: hop sizes and window limits, on real music.

usage: python benchmarks/choices.py FOLDER [--encoder NAME] [--weights FILE] [--tracks N] [--json]

Embeds tracks of two to five minutes at hop 0.1 s once; every other setting's windows are among
those. For each setting: its share of the windows, the cosine of its track vectors to those of hop
0.1 s, and how many of each track's five nearest stay the same.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from common import parser, report

from audiosim import AudioError, EncoderRequest, extract_files, load_encoder, pool
from audiosim.audio.framing import chosen_runs
from audiosim.core.types import FrameEmbeddings

FINE = 0.1  # s
SETTINGS: list[tuple[str, int, int | None]] = [  # name, every nth window, limit
    ("hop 0.1 s", 1, None),
    ("hop 0.5 s", 5, None),
    ("hop 1.0 s", 10, None),
    ("hop 1.0 s, 120 windows", 10, 120),
    ("hop 1.0 s, 60 windows", 10, 60),
    ("hop 1.0 s, 30 windows", 10, 30),
]


def subset(frames: FrameEmbeddings, step: int, limit: int | None) -> FrameEmbeddings:
    """The windows that a setting would embed."""
    indices = np.arange(0, len(frames), step)
    if limit is not None:
        indices = indices[np.concatenate([list(run) for run in chosen_runs(len(indices), limit)])]
    return FrameEmbeddings(frames.embedding[indices], frames.timestamps[indices], frames.level[indices])


def nearest_five(vectors: Any) -> list[set[int]]:
    similarities = vectors @ vectors.T
    np.fill_diagonal(similarities, -2)
    return [set(np.argsort(-row)[:5].tolist()) for row in similarities]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--encoder", default="openl3")
    options.add_argument("--weights", type=Path)
    options.add_argument("--input-repr")
    options.add_argument("--tracks", type=int, default=40)
    arguments = options.parse_args()
    request = EncoderRequest(
        arguments.encoder, input_repr=arguments.input_repr, hop=FINE, weights=arguments.weights
    )
    encoder = load_encoder(request)
    files = [path for path in sorted(arguments.folder.rglob("*")) if path.suffix in (".ogg", ".opus", ".mp3")]
    files = [path for path in files if 120 <= soundfile.info(path).duration <= 300][: arguments.tracks]
    tracks: list[FrameEmbeddings] = []
    for path, frames in extract_files(files, encoder):
        if isinstance(frames, AudioError):
            sys.exit(f"{path}: {frames.reason}")
        tracks.append(frames)
        print(f"{len(tracks)} of {len(files)} tracks", file=sys.stderr)
    total = sum(map(len, tracks))
    rows, lines = (
        [],
        ["| setting | windows | cosine, mean (least) | nearest five kept |", "|---|---|---|---|"],
    )
    reference = np.stack([pool(track).vector for track in tracks])
    for name, step, limit in SETTINGS:
        chosen = [subset(track, step, limit) for track in tracks]
        vectors = np.stack([pool(frames).vector for frames in chosen])
        cosines = (vectors * reference).sum(axis=1)
        kept = [len(a & b) / 5 for a, b in zip(nearest_five(vectors), nearest_five(reference), strict=True)]
        share = sum(map(len, chosen)) / total
        row = {
            "setting": name,
            "share": share,
            "cosine mean": float(cosines.mean()),
            "cosine min": float(cosines.min()),
            "nearest five kept": float(np.mean(kept)),
        }
        rows.append(row)
        lines.append(
            f"| {name} | {share:.1%} | {cosines.mean():.4f} ({cosines.min():.4f}) | {np.mean(kept):.1%} |"
        )
    results = {"encoder": encoder.spec.describe(), "tracks": len(tracks), "settings": rows}
    report(results, [f"{encoder.spec.describe()}, {len(tracks)} tracks", *lines], as_json=arguments.json)


if __name__ == "__main__":
    main()
