"""Real music, eight hours of it: run with AUDIOSIM_MUSIC=FOLDER python -m pytest -m music -s

FOLDER holds a folder for each soundtrack, as Debian's packages warzone2100-music,
singularity-music, planetblupi-music-ogg, asc-music and hyperrogue-music have them: 75 tracks, and
84 short effects in game-sounds/. It is copied, never changed. Takes about 15 minutes on 2 cores.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import av
import mutagen
import numpy as np
import pytest
import soundfile
from conftest import Cli
from test_cli import modules_after
from test_musicnn_end_to_end import peaks_of_memory

MUSIC = os.environ.get("AUDIOSIM_MUSIC", "")
EFFECTS = "game-sounds"

pytestmark = [pytest.mark.music, pytest.mark.skipif(not MUSIC, reason="AUDIOSIM_MUSIC names no folder")]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy that tests may change, removed at the end."""
    folder = tmp_path_factory.mktemp("real") / "music"
    shutil.copytree(MUSIC, folder, ignore=shutil.ignore_patterns("*.copyright"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("real home")


@pytest.fixture(autouse=True)
def musicnn(musicnn_weights_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIOSIM_WEIGHTS", str(musicnn_weights_folder))


def audio_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def clip(source: Path, target: Path, seconds: float) -> None:
    """The middle of a track as 128 kbit/s MP3."""
    with soundfile.SoundFile(source) as file:
        rate, count = file.samplerate, int(seconds * file.samplerate)
        file.seek(max(0, (len(file) - count) // 2))
        data = file.read(count, dtype="float32", always_2d=True)
    with av.open(str(target), "w") as container:
        stream = container.add_stream("libmp3lame", rate=rate)
        stream.bit_rate = 128_000
        stream.layout = "stereo" if data.shape[1] == 2 else "mono"
        for start in range(0, len(data), 1152):
            block = np.ascontiguousarray(data[start : start + 1152].T)
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=stream.layout.name)
            frame.sample_rate = rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_the_library_indexes_in_one_run_and_the_second_does_nothing(
    cli: Cli, library: Path, home: Path
) -> None:
    done = cli("index", library, "--home", home, "--encoder", "musicnn", "--json", timeout=1800)
    report = done.json
    print(f"\nfirst run: {report['indexed']} of {report['found']} in {report['seconds']:.0f} s")
    assert report["found"] == 159
    failed = {Path(failure["path"]).parent.name for failure in report["failures"]}
    assert failed <= {EFFECTS}
    assert report["indexed"] + report["reused"] >= 75 + 70
    assert done.code == (3 if report["failures"] else 0)
    start = time.monotonic()
    again = cli("index", library, "--home", home, "--json")
    print(f"second run: {time.monotonic() - start:.2f} s")
    assert again.code == 0
    assert again.json["unchanged"] + again.json["failed_before"] == 159
    assert time.monotonic() - start < 10


def test_a_middle_minute_transcoded_finds_its_track_first(
    cli: Cli, library: Path, home: Path, tmp_path: Path
) -> None:
    tracks = [path for path in audio_files(library) if soundfile.info(path).duration > 75]
    hits = 0
    for number, track in enumerate(tracks):
        query = tmp_path / f"{number}.mp3"
        clip(track, query, 60)
        answer = cli("similar", query, "-k", "1", "--json", "--home", home)
        hits += answer.json["matches"][0]["path"] == str(track)
    print(f"\nmiddle minute at 128 kbit/s: {hits} of {len(tracks)} first ({hits / len(tracks):.3f})")
    assert hits / len(tracks) >= 0.82


def test_an_indexed_query_answers_at_once_without_tensorflow(cli: Cli, library: Path, home: Path) -> None:
    query = next(path for path in audio_files(library) if path.parent.name == "singularity")
    times = []
    for _ in range(5):
        start = time.monotonic()
        assert cli("similar", query, "--home", home).code == 0
        times.append(time.monotonic() - start)
    print(f"\nsimilar on an indexed track: {min(times):.2f} to {max(times):.2f} s")
    assert min(times) < 2.5
    assert "tensorflow" not in modules_after("similar", query, "--home", home)


def test_ten_renamed_and_ten_retagged_cost_no_inference_and_leave_no_ghost(
    cli: Cli, library: Path, home: Path
) -> None:
    files = [path for path in audio_files(library) if path.parent.name != EFFECTS]
    for path in files[0:50:5]:
        path.rename(path.with_name(f"renamed {path.name}"))
    for path in files[1:51:5]:
        tags = mutagen.File(path, easy=True)
        if tags.tags is None:
            tags.add_tags()
        tags["title"] = ["Another title"]
        tags.save()
        os.utime(path, ns=(0, path.stat().st_mtime_ns + 2_000_000_000))
    report = cli("index", library, "--home", home, "--json").json
    assert (report["indexed"], report["moved"], report["reused"]) == (0, 10, 10)
    assert report["audio_seconds"] == 0
    status = cli("status", "--home", home, "--json").json
    assert (status["tracks"] + status["failed"], status["gone"]) == (159, 0)
    answers = cli("similar", files[2], "-k", "1000", "--json", "--home", home).json["matches"]
    assert {answer["path"] for answer in answers} <= {str(path) for path in audio_files(library)}


def test_openl3_with_seeded_weights_runs_end_to_end(
    cli: Cli, library: Path, seeded_weights: Path, tmp_path: Path
) -> None:
    folder, own = library / "singularity", tmp_path / "openl3"
    first = cli("index", folder, "--home", own, "--weights", seeded_weights, "--json", timeout=3600)
    assert first.json["indexed"] == len(audio_files(folder))
    print(f"\nopenl3: {first.json['audio_seconds'] / first.json['seconds']:.0f} x real time")
    query = audio_files(folder)[0]
    query.rename(query.with_name("renamed.ogg"))
    second = cli("index", "--home", own, "--json")
    assert (second.code, second.json["moved"]) == (0, 1)
    answer = cli("similar", query.with_name("renamed.ogg"), "-k", "5", "--json", "--home", own)
    assert len(answer.json["matches"]) == 5


def test_memory_of_29_minutes_is_that_of_3(
    library: Path, tmp_path: Path, musicnn_weights_folder: Path
) -> None:
    durations = {path: soundfile.info(path).duration for path in audio_files(library)}
    longest = max(durations, key=lambda path: durations[path])
    three = min(durations, key=lambda path: abs(durations[path] - 180))
    assert durations[longest] > 29 * 60
    peaks = peaks_of_memory([three, longest], tmp_path, musicnn_weights_folder)
    short, long = (peak / 2**20 for peak in peaks)
    print(f"\npeak memory: 3 min {short:.0f} MB, 29 min {long:.0f} MB", file=sys.stderr)
    assert long - short < 100
    assert long < 1536
