"""Whether fingerprints tell recordings apart, and find copies of them: precision, recall, cost.

usage: python benchmarks/fingerprints.py MUSIC [--tracks N] [--pairs N] [--seed N]
           [--without-library] [--json]

forms: pairs of different pieces of one form (benchmarks/forms.py); demo: all pairs of the pieces that
examples/make_music.py makes; library: all pairs of files in MUSIC; copies: N tracks of MUSIC, each changed
in nine ways and written to a file: recall by way, and every pair of files of two tracks that is
taken for one recording; `lost` are copies that are found only where no pair is passed over as not
promising (search/promising.py); cost: processor time and bytes. Beside each, where `fpcalc` is installed,
Chromaprint's fingerprints of the same files, by their bits that differ at the best offset.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations, islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

import forms
import numpy as np
import soundfile
import soxr
from chromaprint import CHROMAPRINT, Raw, chromaprint, difference
from common import parser, report
from sounds import decoded, encode

from audiosim.audio.decode import decode_blocks
from audiosim.audio.fingerprint import Fingerprinter, Landmarks
from audiosim.audio.probe import probe
from audiosim.core.paths import AUDIO_EXTENSIONS
from audiosim.core.types import Float32
from audiosim.search.fingerprints import overlap

SHORTEST, LONGEST = 30.0, 300.0  # s, of the tracks that are changed


@dataclass
class Sound:
    """A file, its fingerprint, the processor time that took, and Chromaprint's where it is installed."""

    file: Path
    landmarks: Landmarks
    size: int
    duration: float
    seconds: float
    raw: Raw | None


@dataclass
class Count:
    """Of some pairs, how many are taken for one recording, and the seconds that took."""

    pairs: int = 0
    same: int = 0
    lost: int = 0
    seconds: float = 0.0
    most: tuple[float, float] = (
        0.0,
        0.0,
    )  # correlations of pitches and bands, of the pair that is most alike
    least: tuple[float, float] = (1.0, 1.0)  # of each, by itself
    chromaprint: int = 0
    differ: list[float] = field(default_factory=list)  # share of Chromaprint's bits, of each pair
    chromaprint_seconds: float = 0.0

    def add_copy(self, first: Sound, second: Sound) -> None:
        same = self.same
        self.add(first, second)
        if self.same == same:
            with patch.multiple("audiosim.search.fingerprints", as_fast=_promising, faster=_promising):
                found = overlap(first.landmarks, second.landmarks)
            self.lost += found is not None and found.is_same

    def add(self, first: Sound, second: Sound) -> None:
        begun = time.perf_counter()
        found = overlap(first.landmarks, second.landmarks)
        self.seconds += time.perf_counter() - begun
        self.pairs += 1
        self.same += found is not None and found.is_same
        likeness = (found.pitch, found.bands) if found is not None and found.met > 0.5 else (0.0, 0.0)
        self.most = max(self.most, likeness, key=min)
        self.least = min(self.least[0], likeness[0]), min(self.least[1], likeness[1])
        if first.raw is not None and second.raw is not None:
            begun = time.perf_counter()
            wrong = difference(first.raw, second.raw)
            self.chromaprint_seconds += time.perf_counter() - begun
            self.chromaprint += wrong <= CHROMAPRINT
            self.differ.append(wrong)

    def shown(self) -> str:
        each = 1e3 / max(1, self.pairs)
        text = f"{self.same} of {self.pairs} taken for one recording, {self.lost} lost,"
        text += f" {each * self.seconds:.2f} ms a pair,"
        text += f" least {self.least[0]:.2f} {self.least[1]:.2f}, most {self.most[0]:.2f} {self.most[1]:.2f}"
        if self.chromaprint_seconds:
            text += f"; Chromaprint {self.chromaprint}, {each * self.chromaprint_seconds:.2f} ms"
        return text


def _promising(_: Landmarks, others: Sequence[Landmarks]) -> list[bool]:
    return [True] * len(others)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("music", type=Path)
    arguments.add_argument("--tracks", type=int, default=30)
    arguments.add_argument("--pairs", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=2, help="chooses the pieces and the tracks")
    arguments.add_argument("--without-library", action="store_true", help="leave out library and cost")
    chosen = arguments.parse_args()
    results = Results(quiet=chosen.json)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        results["forms"] = varied(scratch, chosen.pairs, chosen.seed)
        results["demo"] = demo(scratch / "demo")
        results["copies"], results["copies, different"] = copies(
            scratch, some(chosen.music, chosen.tracks, chosen.seed)
        )
        if not chosen.without_library:
            library = [heard(path) for path in audio_files(chosen.music)]
            results["library"] = among(library)
            results["cost"] = cost(library)
    if chosen.json:
        report(plain(results), [], as_json=True)


class Results(dict[str, Any]):
    """What was found, told as it is."""

    def __init__(self, *, quiet: bool) -> None:
        super().__init__()
        self._quiet = quiet

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        if not self._quiet:
            print("\n".join(_lines(name, value)), flush=True)


def plain(value: Any) -> Any:
    """Results as JSON has them."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return asdict(value) if isinstance(value, Count) else value


def varied(scratch: Path, count: int, seed: int) -> dict[str, Count]:
    """What becomes of pairs of different pieces, by what differs."""
    found: dict[str, Count] = defaultdict(Count)
    for change, *pieces in forms.pairs(count, seed):
        sounds = []
        for name, piece in zip("ab", pieces, strict=True):
            soundfile.write(scratch / f"{name}.wav", piece.play(), forms.RATE)
            sounds.append(heard(scratch / f"{name}.wav"))
        found[change].add(*sounds)
    return dict(sorted(found.items()))


def demo(folder: Path) -> Count:
    """All pairs of the pieces of examples/make_music.py."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))
    import make_music

    make_music.main(folder)
    return among([heard(path) for path in sorted(folder.rglob("*.*"))])


def among(sounds: list[Sound]) -> Count:
    """All pairs of some files."""
    count = Count()
    for pair in combinations(sounds, 2):
        count.add(*pair)
    return count


def audio_files(music: Path) -> list[Path]:
    """The files of a folder, in order."""
    return sorted(path for path in music.rglob("*") if path.suffix.lower().encode() in AUDIO_EXTENSIONS)


def some(music: Path, count: int, seed: int) -> list[Path]:
    """So many tracks of half a minute to five, by chance."""
    files = audio_files(music)
    order = (files[row] for row in np.random.default_rng(seed).permutation(len(files)))
    fit = (path for path in order if SHORTEST <= probe(os.fspath(path), lambda: None).duration <= LONGEST)
    return list(islice(fit, count))


def copies(scratch: Path, files: list[Path]) -> tuple[dict[str, Count], Count]:
    """What becomes of tracks and changed ones, by the way; and of all pairs of two tracks' files."""
    found: dict[str, Count] = defaultdict(Count)
    families = []
    for original in files:
        samples, rate = decoded(os.fspath(original))
        family = [heard(original)]
        for way, write in WAYS.items():
            file = write(scratch / way.replace(" ", "-"), samples, rate)
            family.append(heard(file))
            found[way].add_copy(family[0], family[-1])
            file.unlink()
        families.append(family)
    different = Count()
    for first, second in combinations(families, 2):
        for one in first:
            for other in second:
                different.add(one, other)
    return found, different


def heard(path: Path) -> Sound:
    """The fingerprints of a file."""
    fingerprinter, seconds, duration = Fingerprinter(), 0.0, 0.0
    for block in decode_blocks(os.fspath(path)):
        begun = time.process_time()
        if block is None:
            fingerprinter, duration = Fingerprinter(), 0.0
        else:
            fingerprinter.push(block.samples, block.sample_rate)
            duration += len(block.samples) / block.sample_rate
        seconds += time.process_time() - begun
    begun = time.process_time()
    data = fingerprinter.finish()
    seconds += time.process_time() - begun
    landmarks = Landmarks.from_bytes(data)
    assert landmarks is not None
    return Sound(path, landmarks, len(data), duration, seconds, chromaprint(path))


def cost(library: list[Sound]) -> dict[str, float]:
    """Processor time and bytes of a fingerprint, and MusiCNN's processor time, resampling aside."""
    from audiosim.encoders import load_encoder
    from audiosim.encoders.request import EncoderRequest

    duration = sum(sound.duration for sound in library)
    encoder = load_encoder(EncoderRequest(encoder="musicnn"))
    window = encoder.spec.framing.window
    windows = np.random.default_rng(1).standard_normal((encoder.batch_size, window)).astype(np.float32)
    encoder.embed(windows)
    begun = time.process_time()
    for _ in range(4):
        encoder.embed(windows)
    network = (time.process_time() - begun) / (4 * len(windows) * encoder.spec.hop)
    own = sum(sound.seconds for sound in library) / duration
    return {
        "ms a second of audio": 1e3 * own,
        "MusiCNN, ms a second of audio": 1e3 * network,
        "share": own / network,
        "bytes a minute": 60 * sum(sound.size for sound in library) / duration,
    }


def _flac(change: Callable[[Float32, int], Float32]) -> Callable[[Path, Float32, int], Path]:
    def write(stem: Path, samples: Float32, rate: int) -> Path:
        file = stem.with_suffix(".flac")
        soundfile.write(file, change(samples, rate), rate)
        return file

    return write


def _mp3(stem: Path, samples: Float32, rate: int) -> Path:
    file = stem.with_suffix(".mp3")
    encode(file, samples, rate, codec="libmp3lame", container="mp3", bit_rate=128_000, out_rate=44_100)
    return file


def _opus(stem: Path, samples: Float32, rate: int) -> Path:
    file = stem.with_suffix(".opus")
    encode(file, samples, rate, codec="libopus", container="ogg", bit_rate=64_000, out_rate=48_000)
    return file


def _resampled(stem: Path, samples: Float32, rate: int) -> Path:
    file = stem.with_suffix(".wav")
    soundfile.write(file, soxr.resample(samples, rate, 32_000), 32_000)
    return file


def _faded(samples: Float32, rate: int) -> Float32:
    weights = np.ones(len(samples), np.float32)
    weights[-10 * rate :] = np.linspace(1, 0, len(weights[-10 * rate :])) ** 2
    return samples * weights


WAYS: dict[str, Callable[[Path, Float32, int], Path]] = {
    "MP3 128": _mp3,
    "Opus 64": _opus,
    "trimmed by 2 s": _flac(lambda samples, rate: samples[2 * rate :]),
    "6 dB quieter": _flac(lambda samples, rate: samples * np.float32(10 ** (-6 / 20))),
    "resampled": _resampled,
    "2 % faster": _flac(lambda samples, rate: soxr.resample(samples, 1.02 * rate, rate)),
    "4 % slower": _flac(lambda samples, rate: soxr.resample(samples, 0.96 * rate, rate)),
    "first half": _flac(lambda samples, rate: samples[: len(samples) // 2]),
    "5 s of silence before": _flac(lambda samples, rate: np.pad(samples, (5 * rate, 0))),
    "faded out": _flac(_faded),
}


def _lines(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, Count):
        yield f"{name}: {value.shown()}"
    elif name == "cost":
        yield ", ".join(f"{what} {number:.3g}" for what, number in value.items())
    else:
        yield from (f"{name}, {what}: {count.shown()}" for what, count in value.items())


if __name__ == "__main__":
    main()
