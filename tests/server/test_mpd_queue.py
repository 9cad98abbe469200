"""The example that fills MPD's queue, with a real MPD that plays to nowhere."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import mpd
import pytest
import soundfile
from conftest import SAMPLE_RATE, tone
from libraries import Library, track
from server_help import id_of, library, original, running

PROGRAM = Path(__file__).parents[2] / "examples" / "mpd_queue.py"
SETTINGS = """
music_directory "{music}"
db_file "{place}/database"
pid_file "{place}/pid"
log_file "{place}/log"
bind_to_address "{place}/socket"
audio_output {{
  type "null"
  name "nowhere"
}}
"""
needs_mpd = pytest.mark.skipif(not shutil.which("mpd"), reason="needs MPD: apt-get install mpd")


def loaded() -> Any:
    spec = importlib.util.spec_from_file_location("mpd_queue", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["mpd_queue"] = module  # its dataclasses look there
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a name that is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="mpd-") as folder:
        yield Path(folder)


@contextmanager
def playing(place: Path, music: Path) -> Iterator[Any]:
    """A client of an MPD that knows the files of a folder."""
    (place / "conf").write_text(SETTINGS.format(music=music, place=place))
    with subprocess.Popen(["mpd", "--no-daemon", place / "conf"]) as process:
        client = mpd.MPDClient()
        try:
            until(lambda: answers(place / "socket"))
            client.connect(str(place / "socket"))
            client.update()
            until(lambda: "updating_db" not in client.status())
            yield client
        finally:
            client.disconnect()
            process.terminate()


def answers(path: Path) -> bool:
    with suppress(OSError), socket.socket(socket.AF_UNIX) as tried:
        tried.connect(str(path))
        return True
    return False


@contextmanager
def filling(place: Path, url: str, *options: object) -> Iterator[subprocess.Popen[str]]:
    """The example at work; what it says is in the file `said`."""
    words = ["--server", url, "--retry", 0.2, *options]
    environment = {**os.environ, "MPD_HOST": str(place / "socket")}
    with (
        open(place / "said", "w") as said,
        subprocess.Popen(
            [sys.executable, PROGRAM, *map(str, words)], env=environment, stderr=said
        ) as process,
    ):
        try:
            yield process  # type: ignore[misc]
        finally:
            process.kill()


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def says(place: Path, text: str, times: int = 1) -> bool:
    return (place / "said").read_text().count(text) >= times


def songs(client: Any) -> list[str]:
    return [song["file"] for song in client.playlistinfo()]


def music_of(library: Library) -> Path:
    return library.home.path.parent / "music"


def play_and_hold(client: Any, place_: int) -> None:
    client.play(place_)
    client.pause(1)


@needs_mpd
@pytest.mark.slow
def test_the_queue_is_filled_with_what_is_like_what_plays_and_nothing_comes_twice(
    library: Library,
    place: Path,
) -> None:
    odd = track(library, 1).with_name("å & b#1 100% \"x\" 'y'.wav")
    track(library, 1).rename(odd)
    library.index()
    (place / "music").symlink_to(music_of(library))
    with (
        running(library) as server,
        playing(place, place / "music") as client,
        filling(place, server.url, "--ahead", 2, "--with", "hub_correction=false") as process,
    ):
        client.add("low/0.wav")
        play_and_hold(client, 0)
        until(lambda: len(songs(client)) == 3)
        asked = f"{server.url}/api/v1/similar?count=2&hub_correction=false&id={id_of(track(library, 0))}"
        like = [one["path"] for one in json.load(urllib.request.urlopen(asked))["matches"]]
        assert [str(music_of(library) / song) for song in songs(client)[1:]] == like
        assert f"low/{odd.name}" in songs(client)
        for place_ in range(1, 5):
            play_and_hold(client, place_)
            until(lambda: len(songs(client)) >= place_ + 3)  # noqa: B023
        queue = songs(client)
        assert len(set(queue[:6])) == 6  # all recordings
        assert queue[6] == queue[0]  # then the one that was heard longest ago
        process.send_signal(signal.SIGTERM)
        assert process.wait(2) == -signal.SIGTERM


@needs_mpd
@pytest.mark.slow
def test_what_is_away_is_waited_for(library: Library, place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with filling(place, f"http://127.0.0.1:{port}"):
        until(lambda: says(place, "asking MPD failed"))
        for turn in (1, 2):
            with playing(place, music_of(library)) as client:
                client.add("low/0.wav")
                play_and_hold(client, 0)
                until(lambda: says(place, "audiosim does not answer", turn))  # noqa: B023
                with running(library, port=port):
                    until(lambda: len(songs(client)) == 6)
            until(lambda: says(place, "asking MPD failed", turn + 1))  # noqa: B023


@needs_mpd
@pytest.mark.slow
def test_songs_that_one_side_does_not_know_are_passed_over(library: Library, place: Path) -> None:
    soundfile.write(music_of(library) / "low" / "new.wav", tone(3, 400), SAMPLE_RATE)
    (music_of(library) / "high" / ".mpdignore").write_text("3.wav\n")
    with (
        running(library, token="secret-token-of-the-test") as server,
        playing(place, music_of(library)) as client,
    ):
        url = f"http://127.0.0.1:{server.port}"
        with filling(place, url):
            client.add("low/new.wav")
            play_and_hold(client, 0)
            until(lambda: says(place, "A token is needed"))
        (place / "token").write_text("secret-token-of-the-test\n")
        with filling(place, url, "--token-file", place / "token"):
            until(lambda: says(place, "not in audiosim's index, so nothing is like it: low/new.wav"))
            client.addid("low/0.wav", 0)  # before it: what is known of what was played last
            until(lambda: says(place, "MPD has nothing else that is like low/0.wav"))
        queue = songs(client)
        assert len(queue) == len(set(queue)) == 6
        assert "high/3.wav" not in queue


def test_what_was_heard_comes_last_and_what_is_queued_not_at_all() -> None:
    program = loaded()
    answers = [["a"], ["b", "copy of b"], [], ["c"], ["d"], ["e", "copy of e"]]
    found = program.in_order(answers, ["d"], {"copy of b": None, "a": None})
    assert found == [["c"], ["e", "copy of e"], ["b", "copy of b"], ["a"]]
    assert program.in_order([["b", "copy of b"]], ["copy of b"], {}) == []


def test_files_and_songs_are_told_apart_by_links_too(tmp_path: Path) -> None:
    program = loaded()
    real, link = tmp_path / "real", tmp_path / "link"
    (real / "a").mkdir(parents=True)
    link.symlink_to(real)
    by_link, by_place = program.Music(str(link)), program.Music(f"{real}/")
    assert by_link.files("a/x.wav") == [f"{link}/a/x.wav", f"{real}/a/x.wav"]
    for music in (by_link, by_place):
        for folder in (real, link):
            assert music.song(f"{folder}/a/x.wav") == "a/x.wav"
        assert music.song(f"{tmp_path}/real2/x.wav") is None
    assert by_place.files("http://radio/stream") == []
    assert by_place.files("file:///m/a%20b.wav") == ["/m/a b.wav"]


def test_an_mpd_that_does_not_tell_where_its_music_lies_has_to_be_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Silent:
        def config(self) -> None:
            raise mpd.CommandError("[4@0] {config} you don't have permission")

    program = loaded()
    with pytest.raises(SystemExit, match="--music DIR"):
        program.music_of(Silent(), None)
    assert program.music_of(Silent(), str(tmp_path)).folder == str(tmp_path)
