"""Files that no music folder should hold, and does: each costs itself at most, and says why.

One folder holds nearly all of them beside good files, and is indexed twice for all the tests.
"""

from __future__ import annotations

import ctypes
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from audio_files import FORMS, encode, make, music, write_silent_video, write_sound
from conftest import SAMPLE_RATE, Cli, Finished, tone
from fake_encoder import FakeEncoder

from audiosim.audio import supervisor as supervisor_module
from audiosim.core.config import Home
from audiosim.core.types import Float32, TrackOutcome
from audiosim.indexing.options import IndexOptions
from audiosim.indexing.pipeline import index_events
from audiosim.indexing.plan import CONVICTED, ON_TRIAL
from audiosim.indexing.report import IndexReport, Planned
from audiosim.library.catalog import Catalog
from audiosim.library.status import home_status
from audiosim.search.similar import find_similar

pytestmark = pytest.mark.slow

HUGE = 10**9  # samples, as a header claims
CUT = 0.6  # of a file's bytes are left

# By name, why a file can't be indexed.
REASONS = {
    "empty.mp3": "the file is empty",
    "text.mp3": r"not readable as audio \(Invalid data found when processing input\)",
    "nan.wav": "damaged: it has samples that are not finite numbers",
    "infinite.wav": "damaged: it has samples that are not finite numbers",
    "no sample.wav": "there is no sound in it",
    "silence.wav": "silent: no window of it is above digital silence",
    "video.mp4": "there is no audio stream in it",
    "0 Hz.wav": "not readable as audio",
    "0 Hz.aiff": r"its header claims a sample rate of \d Hz",
    "1 Hz.wav": "its header claims a sample rate of 1 Hz",
    "2 GHz.wav": "its header claims a sample rate of 2000000000 Hz",
    "truncated aac.m4a": "not readable as audio",
    "truncated alac.m4a": "not readable as audio",
    "fifo.wav": "not a regular file",
    "socket.wav": "not a regular file",
    "device.wav": "not a regular file",
    "dangling.mp3": "a link that leads nowhere",
    "loop.mp3": "a link that leads nowhere",
}
# By name, the decoded length in s of files that look wrong and are music all the same.
LENGTHS = {
    "huge.wav": 2.0,
    "huge.flac": 2.0,
    "huge.aiff": 2.0,
    "0 Hz.flac": 2.0,  # each of its frames has the rate too
    "one sample.wav": 1 / SAMPLE_RATE,
    "8 channels.wav": 1.0,
    "8 channels.flac": 1.0,
    "8 channels.m4a": 1.0,
    "8 channels truncated.flac": 2.5,
    "384 kHz.wav": 1.0,
    "384 kHz.flac": 1.0,
    "folder.mp3/inside.wav": 1.0,
    **{
        f"truncated {name}{FORMS[name].suffix}": 2.4
        for name in ("wav16", "wav24", "wav-float", "aiff", "flac", "vorbis", "opus", "mp3", "wma")
    },
}
ODD_NAMES = {
    "newlines": b"two\nlines\r\n.wav",
    "emoji": "🎵 👩‍👩‍👧.wav".encode(),
    "NFC": unicodedata.normalize("NFC", "café.wav").encode(),
    "NFD": unicodedata.normalize("NFD", "café.wav").encode(),
    "bytes that are not UTF-8": b"caf\xe9 \xff\xfe.wav",
    "255 bytes": b"n" * 251 + b".wav",
    "terminal escapes": b"\x1b[2J\x1b]0;owned\x07.wav",
    "markup": b"[bold red][link=x]markup.wav",
    "a format": b"%s%n{0}.wav",
    "an option": b"--help.wav",
    "spaces": b"   .wav",
}
SYSTEM_FOLDERS = ("@eaDir", ".Trash", ".Trash-1000", ".Trashes", ".git")


def patched(path: Path, source: Path, offset: int, value: bytes) -> None:
    """A copy of a file with a few bytes exchanged."""
    data = bytearray(source.read_bytes())
    data[offset : offset + len(value)] = value
    path.write_bytes(data)


def after(source: Path, mark: bytes) -> int:
    return source.read_bytes().index(mark) + len(mark)


def write_false_headers(folder: Path, scratch: Path) -> None:
    """Files whose headers claim what can't be; the sound behind them is 2 s of music."""
    wav, flac, aiff = (make(scratch, name, seed=20 + i) for i, name in enumerate(("wav16", "flac", "aiff")))
    patched(folder / "huge.wav", wav, after(wav, b"data"), (4 * HUGE).to_bytes(4, "little"))
    patched(folder / "huge.aiff", aiff, after(aiff, b"COMM") + 6, HUGE.to_bytes(4, "big"))
    for name, rate in (("0 Hz.wav", 0), ("1 Hz.wav", 1), ("2 GHz.wav", 2_000_000_000)):
        patched(folder / name, wav, 24, rate.to_bytes(4, "little"))
    patched(folder / "0 Hz.aiff", aiff, after(aiff, b"COMM") + 12, bytes(10))
    # STREAMINFO: 20 bits of rate, 8 of channels and depth, 36 of the number of samples
    claims = int.from_bytes(flac.read_bytes()[18:26], "big")
    patched(folder / "huge.flac", flac, 18, (claims >> 36 << 36 | HUGE).to_bytes(8, "big"))
    other = make(scratch, "flac", seed=23)
    patched(folder / "0 Hz.flac", other, 18, (claims & (1 << 44) - 1).to_bytes(8, "big"))


def write_odd_sounds(folder: Path) -> None:
    for name, value in (("nan.wav", np.nan), ("infinite.wav", np.inf)):
        samples = music(2.0, SAMPLE_RATE)
        samples[SAMPLE_RATE] = value
        write_sound(folder / name, samples, SAMPLE_RATE, "WAV", "FLOAT")
    write_sound(folder / "no sample.wav", np.empty(0, np.float32), SAMPLE_RATE)
    write_sound(folder / "one sample.wav", np.array([0.5], np.float32), SAMPLE_RATE)
    write_sound(folder / "silence.wav", np.zeros(2 * SAMPLE_RATE, np.float32), SAMPLE_RATE)
    many = music(4.0, 48_000, channels=8, seed=30)
    write_sound(folder / "8 channels.wav", many[:48_000], 48_000)
    write_sound(folder / "8 channels.flac", many[48_000:96_000], 48_000, "FLAC")
    encode(folder / "8 channels.m4a", many[96_000:144_000], 48_000, "aac", "ipod")
    truncate(write_sound(folder / "8 channels truncated.flac", many, 48_000, "FLAC"))
    fast = music(2.0, 384_000, seed=31)
    write_sound(folder / "384 kHz.wav", fast[:384_000], 384_000, "WAV", "PCM_24")
    write_sound(folder / "384 kHz.flac", fast[384_000:], 384_000, "FLAC", "PCM_24")
    (folder / "folder.mp3").mkdir()
    write_sound(folder / "folder.mp3" / "inside.wav", music(1.0, SAMPLE_RATE, seed=32), SAMPLE_RATE)
    write_silent_video(folder / "video.mp4")


def truncate(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(CUT * len(data))])


def write_damaged(folder: Path) -> None:
    """Every format cut short, and with a few bits flipped: in its first bytes, and anywhere."""
    for number, (name, form) in enumerate(FORMS.items()):
        path = make(folder, name, seconds=4.0, seed=100 + number)
        data = path.read_bytes()
        truncate(path.rename(folder / f"truncated {name}{form.suffix}"))
        for place, end in (("start", 500), ("body", len(data))):
            rng = np.random.default_rng([number, end])
            flipped = bytearray(data)
            for index in rng.integers(0, end, 20):
                flipped[index] ^= 1 << int(rng.integers(8))
            (folder / f"flipped {place} {name}{form.suffix}").write_bytes(flipped)


def write_what_is_no_file(folder: Path) -> None:
    os.mkfifo(folder / "fifo.wav")
    with tempfile.TemporaryDirectory(prefix="s") as short, socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{short}/s")  # its path may be no longer than this
        shutil.move(f"{short}/s", folder / "socket.wav")
    with suppress(PermissionError):
        os.mknod(folder / "device.wav", 0o20600, os.makedev(1, 5))  # /dev/zero: it would never end
    (folder / "dangling.mp3").symlink_to("nowhere.mp3")
    (folder / "loop.mp3").symlink_to("loop.mp3")


def write_odd_names(folder: Path) -> None:
    odd = folder / "odd"
    odd.mkdir()
    for number, name in enumerate(ODD_NAMES.values()):
        sound = write_sound(folder / "sound", music(1.0, SAMPLE_RATE, seed=200 + number), SAMPLE_RATE)
        try:
            os.rename(bytes(sound), os.path.join(bytes(odd), name))
        except OSError:  # this file system does not take such names
            sound.unlink()


def write_system_folders(folder: Path) -> None:
    for place in (folder, folder / "odd"):
        for name in SYSTEM_FOLDERS:
            (place / name / "deep").mkdir(parents=True)
            shutil.copy(folder / "text.mp3", place / name / "deep" / "left out.mp3")
            make(place / name, "wav16", seed=50)
        shutil.copy(folder / "text.mp3", place / "._left out.mp3")


def write_all(folder: Path, scratch: Path) -> set[bytes]:
    """Everything bad; returns the good files beside it."""
    (folder / "empty.mp3").touch()
    (folder / "text.mp3").write_text("no music at all\n" * 500)
    write_false_headers(folder, scratch)
    write_odd_sounds(folder)
    write_damaged(folder)
    write_what_is_no_file(folder)
    write_odd_names(folder)
    write_system_folders(folder)
    return {bytes(make(folder, name, seed=10)) for name in FORMS}


class Encoder(FakeEncoder):
    """Takes any sound, however loud a flipped bit made it."""

    def embed(self, windows: Float32) -> Float32:
        with np.errstate(all="ignore"):
            return super().embed(windows)


@dataclass(frozen=True)
class Run:
    """One index run: its report, and what it told of each file."""

    report: IndexReport
    outcomes: list[TrackOutcome]
    windows: int

    def paths(self, *statuses: str) -> set[bytes]:
        return {outcome.path for outcome in self.outcomes if outcome.status in statuses}

    def reason(self, path: bytes) -> str:
        (reason,) = (outcome.reason for outcome in self.outcomes if outcome.path == path)
        return reason or ""


def index(folder: Path, home: Path, encoder: FakeEncoder | None = None, **options: Any) -> Run:
    encoder = encoder or Encoder()
    events = list(
        index_events([folder], home=home, options=IndexOptions(**{"jobs": 2, **options}), encoder=encoder)
    )
    report = events[-1]
    assert isinstance(report, IndexReport)
    return Run(report, [event for event in events if isinstance(event, TrackOutcome)], encoder.windows)


@dataclass(frozen=True)
class Menagerie:
    """The folder with everything in it, indexed twice."""

    folder: Path
    home: Path
    good: set[bytes]
    first: Run
    second: Run

    def path(self, name: str | bytes) -> bytes:
        return os.path.join(bytes(self.folder), os.fsencode(name))


@pytest.fixture(scope="module")
def menagerie(tmp_path_factory: pytest.TempPathFactory) -> Menagerie:
    folder, scratch = tmp_path_factory.mktemp("menagerie"), tmp_path_factory.mktemp("scratch")
    home = tmp_path_factory.mktemp("home")
    good = write_all(folder, scratch)
    return Menagerie(folder, home, good, index(folder, home), index(folder, home))


def test_every_good_file_is_indexed(menagerie: Menagerie) -> None:
    assert menagerie.good <= menagerie.first.paths("indexed")


@pytest.mark.parametrize("name", REASONS)
def test_a_file_that_can_not_be_indexed_fails_with_a_reason(menagerie: Menagerie, name: str) -> None:
    path = menagerie.path(name)
    if name == "device.wav" and not os.path.lexists(path):
        pytest.skip("device files can't be made here")
    assert path in menagerie.first.paths("failed")
    assert re.match(REASONS[name], menagerie.first.reason(path))


@pytest.mark.parametrize("name", LENGTHS)
def test_what_is_sound_is_indexed_at_its_true_length_whatever_its_header_claims(
    menagerie: Menagerie, name: str
) -> None:
    path = menagerie.path(name)
    assert path in menagerie.first.paths("indexed")
    with Catalog(Home(menagerie.home).catalog, read_only=True) as catalog:
        track = catalog.tracks.at(path)
    assert track is not None
    assert track.duration == pytest.approx(LENGTHS[name], rel=0.2)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_file_is_indexed_whatever_its_name(menagerie: Menagerie, name: str) -> None:
    path = menagerie.path(b"odd/" + ODD_NAMES[name])
    if os.path.basename(path) not in os.listdir(os.path.dirname(path)):
        pytest.skip("this file system does not take such names")
    assert path in menagerie.first.paths("indexed")


@pytest.mark.parametrize("place", ["start", "body"])
@pytest.mark.parametrize("name", FORMS)
def test_flipped_bits_cost_one_file_at_most(menagerie: Menagerie, name: str, place: str) -> None:
    path = menagerie.path(f"flipped {place} {name}{FORMS[name].suffix}")
    (outcome,) = (outcome for outcome in menagerie.first.outcomes if outcome.path == path)
    assert outcome.status in ("indexed", "failed")
    assert (outcome.status == "failed") == bool(outcome.reason)
    assert "Error" not in (outcome.reason or "")  # an exception's name: nobody foresaw it
    assert "its decoder" not in (outcome.reason or "")  # crashed, or hung


def test_each_file_has_one_outcome_and_failures_have_one_line(menagerie: Menagerie) -> None:
    run = menagerie.first
    assert len(run.outcomes) == len({outcome.path for outcome in run.outcomes}) == run.report.found
    assert run.paths("indexed", "failed") == {outcome.path for outcome in run.outcomes}
    for path, reason in run.report.failures:
        assert reason
        assert reason.isprintable()
        assert os.fsdecode(menagerie.folder) not in reason, path
    assert {path for path, _ in run.report.failures} == run.paths("failed")
    assert run.report.needs_a_look


def test_system_folders_and_halves_of_files_are_left_out_silently(menagerie: Menagerie) -> None:
    hidden = (*map(os.fsencode, SYSTEM_FOLDERS), b"left out")
    told = [outcome.path for outcome in menagerie.first.outcomes]
    assert not [path for path in told if any(name in path for name in hidden)]


def test_a_second_run_tries_no_failure_again_and_computes_nothing(menagerie: Menagerie) -> None:
    first, second = menagerie.first, menagerie.second
    assert second.windows == 0
    assert second.paths("failed_before") == first.paths("failed")
    assert {outcome.status for outcome in second.outcomes} == {"failed_before"}
    assert second.report.unchanged == first.report.indexed
    assert (second.report.failed, second.report.failures, second.report.gone) == (0, [], 0)
    assert not second.report.needs_a_look


def test_the_list_of_failures_outlives_the_run(menagerie: Menagerie) -> None:
    status = home_status(menagerie.home)
    assert sorted(status.failures) == sorted(menagerie.first.report.failures)
    assert status.tracks == menagerie.first.report.indexed


def test_what_was_indexed_beside_bad_files_answers(menagerie: Menagerie) -> None:
    query = os.fsdecode(min(menagerie.good))
    answer = find_similar(query, home=menagerie.home, count=1000, include_self=True, encoder=Encoder())
    assert answer.exact_because is None
    assert {match.track.path for match in answer.matches} == menagerie.first.paths("indexed")


def test_files_that_vanish_or_change_after_the_folder_was_read(music: Path, tmp_path: Path) -> None:
    vanished, changed, folder = (music / "low" / name for name in sorted(os.listdir(music / "low")))
    new = tone(5, 3000)

    def change() -> None:
        vanished.unlink()
        soundfile.write(changed, new, SAMPLE_RATE)
        folder.unlink()
        folder.mkdir()

    outcomes = {}
    for event in index_events([music], home=tmp_path / "home", encoder=FakeEncoder()):
        if isinstance(event, Planned):
            change()
        if isinstance(event, TrackOutcome):
            outcomes[event.path] = (event.status, event.reason)
    assert outcomes[bytes(vanished)] == ("failed", "it is not there")
    assert outcomes[bytes(folder)] == ("failed", "not readable (Is a directory)")
    assert [status for status, _ in outcomes.values()].count("indexed") == 4
    with Catalog(Home(tmp_path / "home").catalog, read_only=True) as catalog:
        track = catalog.tracks.at(bytes(changed))
    assert track is not None
    assert track.duration == 5.0
    again = index(music, tmp_path / "home", FakeEncoder())
    assert (again.report.unchanged, again.windows) == (4, 0)


def test_a_file_that_was_out_of_reach_for_a_moment_is_indexed_by_the_next_run(
    music: Path, tmp_path: Path
) -> None:
    track = music / "low" / "00 track.wav"
    for event in index_events([music], home=tmp_path / "home", encoder=FakeEncoder()):
        if isinstance(event, Planned):
            track.rename(tmp_path / "away.wav")
    (tmp_path / "away.wav").rename(track)
    assert index(music, tmp_path / "home", FakeEncoder()).report.indexed == 1


class Saboteur(FakeEncoder):
    """Does something once, when the first windows arrive: the first file is still being decoded."""

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__()
        self._act = act

    def embed(self, windows: Float32) -> Float32:
        if self.windows == 0:
            self._act()
        return super().embed(windows)


@pytest.fixture
def long_and_short(tmp_path: Path) -> Path:
    """A track of minutes, more than waits in a queue, and two short ones after it."""
    folder = tmp_path / "music"
    folder.mkdir()
    write_sound(folder / "a long.wav", music(200.0, SAMPLE_RATE), SAMPLE_RATE)
    for name in ("b.wav", "c.wav"):
        soundfile.write(folder / name, tone(3, 100 + 10 * ord(name[0])), SAMPLE_RATE)
    return folder


def signal_decoder(number: signal.Signals) -> None:
    (decoder,) = (each for each in threading.enumerate() if isinstance(each, supervisor_module._Member))
    assert decoder._process is not None
    os.kill(decoder._process.pid, number)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (signal.SIGSEGV, "its decoder crashed (SIGSEGV)"),
        (signal.SIGKILL, "its decoder crashed (SIGKILL)"),  # as the system does where memory is short
    ],
)
def test_a_decoder_that_crashes_costs_a_file_for_good_only_when_it_does_so_again_alone(
    long_and_short: Path, tmp_path: Path, number: signal.Signals, reason: str
) -> None:
    long = bytes(long_and_short / "a long.wav")
    run = index(long_and_short, tmp_path / "home", Saboteur(lambda: signal_decoder(number)), jobs=1)
    assert run.report.failures == [(long, reason + ON_TRIAL)]
    assert run.report.indexed == 2
    again = index(long_and_short, tmp_path / "home", Saboteur(lambda: signal_decoder(number)))
    assert again.report.failures == [(long, reason + CONVICTED)]
    third = index(long_and_short, tmp_path / "home", FakeEncoder())
    assert third.paths("failed_before") == {long}
    assert third.windows == 0
    assert index(long_and_short, tmp_path / "home", FakeEncoder(), retry_failed=True).report.indexed == 1


@pytest.mark.usefixtures("odd_workers")
def test_what_befell_a_decoder_once_costs_a_copy_nothing_and_the_file_a_run(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    for name in ("is killed once.wav", "z copy.wav"):
        soundfile.write(folder / name, tone(3, 200), SAMPLE_RATE)
    victim = bytes(folder / "is killed once.wav")
    run = index(folder, tmp_path / "home", FakeEncoder(), jobs=1)
    assert run.report.failures == [(victim, "its decoder crashed (SIGKILL)" + ON_TRIAL)]
    assert run.report.indexed == 1
    again = index(folder, tmp_path / "home", FakeEncoder())
    assert (again.report.failed, again.report.reused, again.report.unchanged) == (0, 1, 1)


@pytest.mark.slow
def test_what_an_earlier_version_held_against_files_is_tried_once_more(
    long_and_short: Path, tmp_path: Path
) -> None:
    index(long_and_short, tmp_path / "home", FakeEncoder())
    found = (long_and_short / "b.wav").stat()
    with Catalog(Home(tmp_path / "home").catalog) as catalog:
        for name, reason in [("b.wav", "its decoder made no progress for 10 s"), ("c.wav", "damaged")]:
            path = bytes(long_and_short / name)
            catalog.files.record_failure(path, found.st_size, os.stat(path).st_mtime_ns, reason)
    again = index(long_and_short, tmp_path / "home", FakeEncoder())
    assert again.paths("reused", "indexed") == {bytes(long_and_short / "b.wav")}
    assert again.paths("failed_before") == {bytes(long_and_short / "c.wav")}


def test_a_file_that_changes_while_it_is_decoded_is_left_to_the_next_run(
    long_and_short: Path, tmp_path: Path
) -> None:
    long = long_and_short / "a long.wav"
    run = index(long_and_short, tmp_path / "home", Saboteur(lambda: os.utime(long, (1, 1))), jobs=1)
    assert run.report.failures == [(bytes(long), "it changed while it was read; the next run tries again")]
    assert run.report.indexed == 2
    assert index(long_and_short, tmp_path / "home", FakeEncoder()).report.indexed == 1


def give_up_root() -> None:
    """In a child about to start: takes from root what lets it read files that nobody may."""
    prctl, drop = ctypes.CDLL(None).prctl, 24  # PR_CAPBSET_DROP
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        prctl(drop, capability, 0, 0, 0)


def audiosim_as_a_user(*arguments: object) -> Finished:
    done = subprocess.run(
        [sys.executable, "-m", "audiosim", *map(str, arguments)],
        preexec_fn=give_up_root if os.geteuid() == 0 else None,
        capture_output=True,
        text=True,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def closed(music: Path, tmp_path: Path) -> Iterator[Path]:
    """A home that knows six tracks, of which one, and a folder with three, may not be read now."""
    index(music, tmp_path / "home", FakeEncoder())
    track = music / "low" / "00 track.wav"
    soundfile.write(track, tone(4, 700), SAMPLE_RATE)  # changed, or it would not be opened
    track.chmod(0)
    (music / "high").chmod(0)
    probe = [sys.executable, "-c", "import sys; open(sys.argv[1])", str(track)]
    user = give_up_root if os.geteuid() == 0 else None
    if subprocess.run(probe, preexec_fn=user, capture_output=True, check=False).returncode == 0:
        pytest.skip("root may read everything here, and can't give that up")
    yield music
    (music / "high").chmod(0o755)
    track.chmod(0o644)


@pytest.mark.slow
def test_files_and_folders_without_permission_fail_and_nothing_below_them_is_gone(
    closed: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    first = audiosim_as_a_user("index", "--home", home, "--json")
    assert first.code == 3, first.err
    assert {failure["path"]: failure["reason"] for failure in first.json["failures"]} == {
        str(closed / "low" / "00 track.wav"): "no permission to read it",
        str(closed / "high"): "folder not readable (Permission denied)",
    }
    assert (first.json["unchanged"], first.json["gone"]) == (2, 0)
    second = audiosim_as_a_user("index", "--home", home, "--json")
    assert second.code == 0, second.err
    assert (second.json["failed"], second.json["failed_before"], second.json["gone"]) == (0, 2, 0)
    (closed / "high").chmod(0o755)
    assert index(closed, home, FakeEncoder()).report.unchanged == 5


@pytest.mark.slow
def test_a_file_that_may_be_read_again_is_indexed_by_the_next_run(closed: Path, tmp_path: Path) -> None:
    audiosim_as_a_user("index", "--home", tmp_path / "home")
    (closed / "low" / "00 track.wav").chmod(0o644)
    assert index(closed, tmp_path / "home", FakeEncoder()).report.indexed == 1


@pytest.fixture
def indexed(music: Path, tmp_path: Path) -> Path:
    """A home whose index a fake encoder made."""
    home = tmp_path / "home"
    index(music, home, FakeEncoder())
    return home


def limit_files() -> None:
    """In a child about to start: files may not grow, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


def test_a_full_disk_exits_1_and_leaves_the_index_as_it_was(indexed: Path, music: Path, cli: Cli) -> None:
    (music / "new.mp3").write_text("no music")
    done = subprocess.run(
        [sys.executable, "-m", "audiosim", "index", "--home", str(indexed)],
        preexec_fn=limit_files,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("audiosim: ")
    later = cli("index", "--home", indexed, "--json")
    assert (later.code, later.json["unchanged"], later.json["failed"]) == (3, 6, 1)


def test_a_damaged_catalog_exits_1_with_its_path(indexed: Path, music: Path, cli: Cli) -> None:
    for path in indexed.glob("catalog.db*"):
        path.write_bytes(b"garbage" * 1000)
    for arguments in (["index"], ["status"], ["similar", music / "low" / "00 track.wav"]):
        done = cli(*arguments, "--home", indexed)
        assert (done.code, done.out) == (1, "")
        assert str(indexed / "catalog.db") in done.err
        assert "Traceback" not in done.err


def test_a_home_that_is_a_file_exits_1(music: Path, tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "file").touch()
    done = cli("index", music, "--home", tmp_path / "file")
    assert done.code == 1
    assert done.err.startswith("audiosim: Can't make the home folder")


def test_a_query_that_can_not_be_used_exits_1_with_the_reason(
    indexed: Path, tmp_path: Path, cli: Cli
) -> None:
    (tmp_path / "empty.mp3").touch()
    done = cli("similar", tmp_path / "empty.mp3", "--home", indexed, "--json")
    assert (done.code, done.out) == (1, "")
    assert done.err == f"audiosim: Can't use {tmp_path / 'empty.mp3'}: the file is empty\n"


def test_time_that_is_up_exits_0(indexed: Path, music: Path, cli: Cli) -> None:
    (music / "new.mp3").write_text("no music")
    done = cli("index", "--max-hours", "0", "--home", indexed, "--json")
    assert (done.code, done.json["left"], done.json["failed"]) == (0, 1, 0)
