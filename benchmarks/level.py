"""Whether answers depend on how loud tracks are: real music, quieter and at one loudness, through MusiCNN.

usage: python benchmarks/level.py MUSIC [--tracks 60] [--seconds 45] [--json]

MUSIC holds one folder a soundtrack. Of tracks of 30 s and more, evenly spread, the middle is embedded as it
is, 6 and 12 dB quieter, and at one loudness (EBU R128: ITU-R BS.1770-4, gated; of the mix that is embedded).
Vectors are centred and whitened. Printed are: tracks at one level asked for in the library as it is (the
cosine of a track with itself, whether it is nearest, how many of the nearest five others stay); and mean
average precision by folder, in the order of searches, of libraries all of one level, or with a level drawn
for each track, against the library as it is, paired.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import parser, report
from sounds import decoded
from whitening import Learnt, precisions, scored

from audiosim.core.types import Encoder, Float32, FrameEmbeddings, Waveform
from audiosim.encoders import load_encoder
from audiosim.encoders.pooling import pool
from audiosim.encoders.request import EncoderRequest
from audiosim.evaluation.significance import differences
from audiosim.extract import Extractor
from audiosim.library.scan import scan

SHORT = 30.0  # s
AS_IT_IS = "as it is"
QUIETER = (-6.0, -12.0)  # dB
TARGETS = (-23.0, -18.0, -14.0)  # LUFS: of EBU R128, of ReplayGain 2, of what streaming services take
NEAREST = 5
DRAWS = 5
BLOCK, STEP = 0.4, 0.1  # s


@dataclass(frozen=True)
class Library:
    """Tracks at several levels: by level, in one order."""

    labels: list[str]
    loudness: list[float]  # LUFS
    frames: dict[str, list[FrameEmbeddings]]


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("music", type=Path)
    arguments.add_argument("--tracks", type=int, default=60)
    arguments.add_argument("--seconds", type=float, default=45.0, help="of each track")
    chosen = arguments.parse_args()
    library = embedded(chosen.music, chosen.tracks, chosen.seconds)
    results = {
        "tracks": len(library.labels),
        "loudness": library.loudness,
        "asked": asked(library),
        "libraries": libraries(library),
    }
    report(results, list(lines(results)), as_json=chosen.json)


def embedded(music: Path, count: int, seconds: float) -> Library:
    """Tracks that are long enough, at every level."""
    encoder = load_encoder(EncoderRequest(encoder="musicnn"))
    found = Library([], [], {})
    paths = [file.path for file in scan(bytes(music.absolute())).files]
    for path in spread(paths, 2 * count):
        samples, rate = decoded(path)
        if len(samples) < SHORT * rate or len(found.labels) == count:
            continue
        middle, half = len(samples) // 2, int(seconds * rate / 2)
        samples = samples[max(0, middle - half) : middle + half]
        loudness = lufs(samples, rate)
        if not np.isfinite(loudness):
            continue
        found.labels.append(str(Path(path.decode("utf-8", "replace")).parent))
        found.loudness.append(loudness)
        for level, gain in gains(loudness).items():
            found.frames.setdefault(level, []).append(at_level(encoder, samples, rate, gain))
    return found


def spread(paths: Sequence[bytes], count: int) -> list[bytes]:
    step = max(1.0, len(paths) / count)
    return [paths[int(place * step)] for place in range(min(count, len(paths)))]


def gains(loudness: float) -> dict[str, float]:
    """The gain of each level in dB."""
    quieter = {f"{-gain:g} dB quieter": gain for gain in QUIETER}
    return {AS_IT_IS: 0.0, **quieter, **{f"at {target:g} LUFS": target - loudness for target in TARGETS}}


def at_level(encoder: Encoder, samples: Float32, rate: int, gain: float) -> FrameEmbeddings:
    louder = (samples * 10 ** (gain / 20)).astype(np.float32)
    return Extractor[str](encoder).extract(Waveform(louder, rate))


def lufs(samples: Float32, rate: int) -> float:
    """Integrated loudness of a mono signal by ITU-R BS.1770-4, in LUFS; -inf for silence."""
    from scipy.signal import lfilter

    weighted = samples.astype(np.float64)
    for feedforward, feedback in k_weighting(rate):
        weighted = lfilter(feedforward, feedback, weighted)
    size, step = int(BLOCK * rate), int(STEP * rate)
    squares = np.concatenate([[0.0], np.cumsum(np.square(weighted))])
    power = (squares[size::step] - squares[:-size:step]) / size
    power = power[power > 10 ** ((-70 + 0.691) / 10)]
    if len(power):
        power = power[power > power.mean() / 10]  # 10 LU below what is above -70
    with np.errstate(divide="ignore"):
        return float(-0.691 + 10 * np.log10(power.mean() if len(power) else 0.0))


def k_weighting(rate: int) -> list[tuple[list[float], list[float]]]:
    """The standard's two filters, a shelf and a high-pass, at any rate."""
    k, q, high = np.tan(np.pi * 1681.974450955533 / rate), 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    band, norm = high**0.4996667741545416, 1 + k / q + k * k
    shelf = [(high + band * k / q + k * k) / norm, 2 * (k * k - high) / norm]
    shelf.append((high - band * k / q + k * k) / norm)
    poles = [1.0, 2 * (k * k - 1) / norm, (1 - k / q + k * k) / norm]
    k, q = np.tan(np.pi * 38.13547087602444 / rate), 0.5003270373238773
    norm = 1 + k / q + k * k
    return [(shelf, poles), ([1.0, -2.0, 1.0], [1.0, 2 * (k * k - 1) / norm, (1 - k / q + k * k) / norm])]


def placed(frames: Sequence[FrameEmbeddings], known: Learnt) -> Float32:
    return known.space(np.stack([pool(each, "mean", known.centre).vector for each in frames]))


def asked(library: Library) -> dict[str, Any]:
    """Each track at another level, asked for in the library as it is."""
    known = Learnt.of(library.frames[AS_IT_IS])
    plain = placed(library.frames[AS_IT_IS], known)
    own = nearest_others(plain @ plain.T)
    results = {}
    for level, frames in library.frames.items():
        cosines = placed(frames, known) @ plain.T
        itself = cosines.diagonal()
        kept = [len(set(a) & set(b)) / NEAREST for a, b in zip(own, nearest_others(cosines), strict=True)]
        results[level] = {
            "cosine with itself": [float(np.median(itself)), float(itself.min())],
            "nearest": float((cosines.argmax(axis=1) == np.arange(len(plain))).mean()),
            "five kept": float(np.mean(kept)),
        }
    return results


def nearest_others(cosines: Float32) -> list[list[int]]:
    others = cosines.copy()
    np.fill_diagonal(others, -2.0)
    return [row.tolist() for row in np.argsort(-others, axis=1, kind="stable")[:, :NEAREST]]


def libraries(library: Library) -> dict[str, Any]:
    """Mean average precision by folder of libraries of other levels, each centred and whitened by itself."""
    plain = precision(library.frames[AS_IT_IS], library.labels)
    results = {level: compared(plain, frames, library.labels) for level, frames in library.frames.items()}
    drawn = [library.frames[AS_IT_IS], *(library.frames[f"{-gain:g} dB quieter"] for gain in QUIETER)]
    for draw in range(DRAWS):
        choice = np.random.default_rng(draw).integers(len(drawn), size=len(library.labels))
        mixed = [drawn[one][row] for row, one in enumerate(choice)]
        results[f"0, 6 or 12 dB quieter, draw {draw + 1}"] = compared(plain, mixed, library.labels)
    return results


def precision(frames: Sequence[FrameEmbeddings], labels: Sequence[str]) -> Any:
    return precisions(scored(placed(frames, Learnt.of(frames))), labels)


def compared(plain: Any, frames: Sequence[FrameEmbeddings], labels: Sequence[str]) -> dict[str, float]:
    own = precision(frames, labels)
    change = differences(plain[:, None], own[:, None])[0].figure
    return {"map": float(own.mean()), "change": change.value, "low": change.low, "high": change.high}


def lines(results: dict[str, Any]) -> list[str]:
    loudness = np.array(results["loudness"])
    spread_out = f"{loudness.min():.1f} to {loudness.max():.1f}, deviation {loudness.std():.1f}"
    text = [f"{results['tracks']} tracks, {np.median(loudness):.1f} LUFS ({spread_out})"]
    text.append("asked for in the library as it is:")
    for level, found in results["asked"].items():
        median, least = found["cosine with itself"]
        itself = f"cosine with itself {median:.3f} (least {least:.3f}), nearest {found['nearest']:.3f}"
        text.append(f"  {level:16} {itself}, five kept {found['five kept']:.3f}")
    text.append("libraries of other levels:")
    for level, found in results["libraries"].items():
        interval = f"({found['low']:+.3f} to {found['high']:+.3f})"
        text.append(f"  {level:30} MAP {found['map']:.3f}, {found['change']:+.3f} {interval}")
    return text


if __name__ == "__main__":
    main()
