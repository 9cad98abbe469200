"""The command line as users and scripts meet it."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SAMPLE_RATE, Cli, tone
from fake_encoder import FakeEncoder
from kept_folder import KeptFolder

import audiosim
from audiosim.core.files import hold
from audiosim.indexing.pipeline import index_folder

QUICK = ("--input-repr", "mel128", "--hop-size", "2")  # the cheapest network on few windows


@pytest.fixture
def music(kept_library: KeptFolder) -> Path:
    """The files that `indexed` knows."""
    return kept_library.restored() / "music"


@pytest.fixture
def indexed(music: Path) -> Path:
    """A home whose index a fake encoder made; queries of indexed files need no other."""
    return music.with_name("home")


def modules_after(*arguments: object) -> set[str]:
    """The modules a command has imported by its end."""
    code = (
        "import sys, atexit, json\n"
        "sys.argv = ['audiosim', *sys.argv[1:]]\n"
        "atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))\n"
        "from audiosim.cli import main\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_version(cli_process: Cli) -> None:
    done = cli_process("--version")
    assert (done.code, done.out) == (0, f"audiosim {audiosim.__version__}\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["status", "--json"], 0),
        (["similar", "low/00 track.wav", "-k", "3"], 0),
        (["list", "--format", "csv"], 0),
        (["similar", "nowhere"], 2),
        (["extract", "empty.mp3", "-o", "out", "--weights", "nowhere.h5"], 2),
        (["index", "--quiet"], 3),
        (["status", "--home", "nowhere", "--jsn"], 2),
        ([], 2),
    ],
)
def test_a_command_in_this_process_is_what_it_is_in_its_own(
    indexed: Path, music: Path, cli: Cli, cli_process: Cli, arguments: list[str], code: int
) -> None:
    (music / "empty.mp3").touch()
    settings = {"cwd": music, "AUDIOSIM_HOME": indexed, "COLUMNS": 120}
    here = cli(*arguments, **settings)
    (music / "empty.mp3").write_text("")  # a new failure once more
    own = cli_process(*arguments, **settings)
    assert (here.code, here.out, here.err) == (own.code, own.out, own.err)
    assert here.code == code


COMMANDS = (
    "index", "similar", "describe", "playlist", "duplicates", "map", "serve", "list", "eval", "status",
    "extract", "verify", "gc", "forget", "relocate", "export", "import", "encoders", "weights", "help",
)  # fmt: skip


def test_help_names_every_command_and_imports_nothing_heavy(cli: Cli) -> None:
    heavy = {
        "tensorflow",
        "chromadb",
        "numpy",
        "av",
        "soundfile",
        "h5py",
        "pooch",
        "rich.table",
        "sklearn",
        "pyarrow",
    }
    assert not modules_after("--help") & heavy
    listed = re.findall(r"^  ([a-z]+) ", cli("--help").out.partition("Commands:")[2], re.M)
    assert sorted(listed) == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_has_an_example(cli: Cli, command: str) -> None:
    done = cli(command, "--help")
    assert done.out.startswith(f"Usage: audiosim {command} ")
    assert f"Example: audiosim {command}" in " ".join(done.out.split())


def test_similar_on_an_indexed_track_imports_no_tensorflow_and_no_decoder(indexed: Path, music: Path) -> None:
    modules = modules_after("similar", music / "low" / "00 track.wav", "--home", indexed)
    assert "chromadb" not in modules  # it has a process of its own
    assert not modules & {
        "tensorflow",
        "h5py",
        "keras",
        "av",
        "soundfile",
        "soxr",
        "numpy.ma",
        "audiosim.extract",
    }


@pytest.mark.slow
@pytest.mark.long
def test_the_main_job_with_openl3_and_weights_given_once(
    cli: Cli, music: Path, seeded_weights: Path, tmp_path: Path
) -> None:
    home = tmp_path / "h"
    done = cli("index", music, "--home", home, "--weights", seeded_weights, *QUICK)
    assert done.code == 0, done.err
    assert done.out.startswith(f"Encoder: openl3 music mel128 512, hop 2 s, centred; home: {home}\n")
    assert "6 indexed" in done.out
    soundfile.write(music / "new.wav", tone(3, 117), SAMPLE_RATE)
    again = cli("index", "--home", home, "--json")
    assert again.code == 0, again.err
    assert (again.json["indexed"], again.json["unchanged"]) == (1, 6)
    query = tmp_path / "query.wav"
    soundfile.write(query, tone(3, 112), SAMPLE_RATE)
    found = cli("similar", query, "-k", "3", "--json", "--home", home)
    assert found.code == 0, found.err
    assert found.json["query"][0]["path"] == str(query)
    assert len(found.json["matches"]) == 3


@pytest.mark.slow
@pytest.mark.long
def test_extract_writes_what_openl3_would(cli: Cli, seeded_weights: Path, tmp_path: Path) -> None:
    from conftest import GOLDEN
    from recipe import signals

    audio = {name: (samples, rate) for name, samples, rate, _ in signals()}
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        soundfile.write(tmp_path / folder / "chirp.wav", audio["chirp"][0], audio["chirp"][1], "PCM_16")
    arguments = ["--hop-size", "0.5", "--weights", seeded_weights, "--precision", "float32", "-o", "out"]
    done = cli("extract", "a/chirp.wav", "b/chirp.wav", "a/chirp.wav", *arguments)
    assert done.code == 0, done.err
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"chirp.npz", "chirp.wav.npz"}
    with np.load(tmp_path / "out" / "chirp.npz") as ours, np.load(GOLDEN / "golden_mel256_512.npz") as golden:
        assert set(ours) == {"embedding", "timestamps"}
        assert ours["embedding"].dtype == np.float32
        expected = golden["chirp_embedding"]
        assert np.abs(ours["embedding"] - expected).max() <= 1e-4 * np.abs(expected).max()
        np.testing.assert_array_equal(ours["timestamps"], golden["chirp_timestamps"])


@pytest.mark.slow
def test_extract_per_channel_has_a_plane_for_each_channel(
    cli: Cli, musicnn_weights_folder: Path, tmp_path: Path
) -> None:
    left, right = tone(7, 200), tone(7, 900)
    signals = {"both": np.stack([left, right], axis=1), "left": left, "right": right}
    for name, samples in signals.items():
        soundfile.write(tmp_path / f"{name}.flac", samples, SAMPLE_RATE)
    arguments = ["--encoder", "musicnn", "--per-channel", "--precision", "float32", "-o", "out"]
    done = cli("extract", *(f"{name}.flac" for name in signals), *arguments,
               AUDIOSIM_WEIGHTS=musicnn_weights_folder)  # fmt: skip
    assert done.code == 0, done.err
    found = {}
    for name in signals:
        with np.load(tmp_path / "out" / f"{name}.npz") as data:
            found[name], timestamps = data["embedding"], data["timestamps"]
    assert found["both"].dtype == np.float32
    assert found["both"].shape == (len(timestamps), 200, 2)
    assert found["left"].shape == (len(timestamps), 200, 1)
    np.testing.assert_allclose(found["both"][:, :, :1], found["left"], atol=1e-5)
    np.testing.assert_allclose(found["both"][:, :, 1:], found["right"], atol=1e-5)
    assert np.abs(found["left"] - found["right"]).max() > 0.01


@pytest.mark.slow
def test_extract_goes_on_after_a_broken_file(cli: Cli, seeded_weights: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "good.wav", tone(1, 200), SAMPLE_RATE)
    (tmp_path / "bad.mp3").write_text("no music")
    options = ["--weights", seeded_weights, *QUICK, "-o", "out"]
    done = cli("extract", "bad.mp3", "good.wav", *options)
    assert done.code == 3
    assert "failed: bad.mp3: not readable as audio" in done.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.npz"]
    assert cli("extract", "bad.mp3", *options).code == 1
    assert cli("extract", "nowhere.mp3", *options).code == 2


def test_a_new_failure_exits_3_and_an_old_one_0_unless_strict(indexed: Path, music: Path, cli: Cli) -> None:
    (music / "bad.mp3").write_text("no music at all")
    first = cli("index", music, "--home", indexed, "--json", "--quiet")
    assert first.code == 3
    assert first.json["failures"] == [
        {"path": str(music / "bad.mp3"), "reason": first.json["failures"][0]["reason"]}
    ]
    assert "failed: " in first.err
    second = cli("index", "--home", indexed, "--json")
    assert (second.code, second.json["failed"], second.json["failed_before"]) == (0, 0, 1)
    for quiet in ((), ("--quiet",)):
        strict = cli("index", "--home", indexed, "--strict", *quiet)
        assert strict.code == 3
        assert strict.err == f"audiosim: 1 file failed before: see audiosim status --all --home {indexed}\n"


def test_an_unmounted_root_exits_3_and_says_so_even_when_quiet(indexed: Path, music: Path, cli: Cli) -> None:
    music.rename(music.with_name("unmounted"))
    done = cli("index", "--home", indexed, "--quiet")
    assert done.code == 3
    assert done.out == ""
    assert "not mounted" in done.err
    assert "--accept-removals" in done.err


def test_quiet_says_nothing_when_all_is_well(indexed: Path, cli: Cli) -> None:
    done = cli("index", "--home", indexed, "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_json_has_the_keys_of_the_contract(indexed: Path, music: Path, cli: Cli) -> None:
    report = cli("index", "--home", indexed, "--json").json
    assert set(report) >= {
        "encoder", "home", "found", "indexed", "reused", "moved", "unchanged", "gone", "failed",
        "failed_before", "audio_seconds", "seconds", "failures",
    }  # fmt: skip
    answer = cli("similar", music / "low" / "00 track.wav", "--home", indexed, "--format", "json").json
    assert set(answer) == {"query", "matches"}
    assert set(answer["matches"][0]) >= {
        "rank", "path", "similarity", "duration", "title", "artist", "album", "album_artist", "genre", "year",
    }  # fmt: skip
    assert answer["matches"][0]["title"] is None
    status = cli("status", "--home", indexed, "--json").json
    assert set(status) >= {"home", "encoder", "tracks", "hours", "failed", "gone", "bytes", "last_run"}
    assert status["tracks"] == 6


@pytest.mark.slow
def test_every_format_names_the_same_tracks(indexed: Path, music: Path, cli: Cli) -> None:
    query = music / "low" / "00 track.wav"

    def ask(*options: str) -> str:
        done = cli("similar", query, "-k", "3", "--home", indexed, *options, cwd=music.parent)
        assert done.code == 0, done.err
        return done.out

    paths = ask("--format", "paths").splitlines()
    assert len(paths) == 3
    assert [json.loads(line)["path"] for line in ask("--format", "jsonl").splitlines()] == paths
    assert [row["path"] for row in csv.DictReader(io.StringIO(ask("--format", "csv")))] == paths
    assert [line for line in ask("--format", "m3u8").splitlines() if not line.startswith("#")] == paths
    assert all(f"  {os.path.relpath(path, music.parent)}\n" in ask() for path in paths)
    assert ask("--format", "paths", "--null").split("\0")[:-1] == paths


@pytest.mark.slow
def test_bare_paths_are_the_exact_bytes(indexed: Path, music: Path) -> None:
    odd = os.fsencode(music) + b"/caf\xe9\nx.wav"
    soundfile.write(odd, tone(3, 112), SAMPLE_RATE)
    index_folder([music], home=indexed, encoder=FakeEncoder())
    command = [sys.executable, "-m", "audiosim", "similar", str(music / "low" / "00 track.wav")]
    command += ["--home", str(indexed), "--format", "paths", "--null"]
    assert odd in subprocess.run(command, capture_output=True, check=True).stdout.split(b"\0")


@pytest.mark.parametrize(
    "arguments",
    [
        ["similar"],
        ["similar", "nowhere.wav"],
        ["similar", "nowhere.wav", "-k", "0"],
        ["similar", "nowhere.wav", "--format", "xml"],
        ["similar", "nowhere.wav", "--null"],
        ["index", "nowhere"],
        ["index", "--pooling", "median"],
        ["index", "--precision", "int8"],
        ["index", "--encoder", "musicnn"],
        ["index", "--hop-size", "3"],
        ["frobnicate"],
    ],
)
def test_wrong_usage_exits_2_with_a_reason(indexed: Path, cli: Cli, arguments: list[str]) -> None:
    done = cli(*arguments, AUDIOSIM_HOME=indexed)
    assert done.code == 2
    assert done.err
    assert "Traceback" not in done.err


@pytest.mark.slow
def test_a_contradicting_flag_is_refused_with_both_values(
    cli: Cli, music: Path, seeded_weights: Path, tmp_path: Path
) -> None:
    home = tmp_path / "h"
    assert (
        cli("index", music / "low" / "00 track.wav", "--home", home, "--weights", seeded_weights, *QUICK).code
        == 0
    )
    done = cli("index", "--home", home, "--input-repr", "linear")
    assert done.code == 2
    assert "--input-repr linear" in done.err
    assert "mel128" in done.err
    assert "--rebuild" in done.err
    assert cli("index", "--home", home, *QUICK).code == 0


def test_weights_for_another_encoder_are_refused(
    cli: Cli, music: Path, musicnn_weights_folder: Path, tmp_path: Path, seeded_weights: Path
) -> None:
    options = ["--home", tmp_path / "h"]
    first = cli(
        "index", music / "low", "--encoder", "musicnn", *options, AUDIOSIM_WEIGHTS=musicnn_weights_folder
    )
    assert first.code == 0, first.err
    done = cli("index", *options, "--weights", seeded_weights, AUDIOSIM_WEIGHTS=musicnn_weights_folder)
    assert done.code == 2
    assert "musicnn" in done.err


@pytest.mark.slow
@pytest.mark.long
def test_a_rebuild_keeps_weights_that_were_given(
    cli: Cli, music: Path, seeded_weights: Path, tmp_path: Path
) -> None:
    options = ["--home", tmp_path / "h"]
    track = music / "low" / "00 track.wav"
    assert cli("index", track, *options, "--weights", seeded_weights, *QUICK).code == 0
    done = cli("index", "--rebuild", "--hop-size", "1", *options)
    assert done.code == 0, done.err
    assert "hop 1 s" in done.out


def test_without_an_index_similar_exits_1_with_the_remedy(cli: Cli, music: Path) -> None:
    done = cli("similar", music / "low" / "00 track.wav")
    assert done.code == 1
    assert "audiosim index FOLDER" in done.err
    assert "no index yet" in cli("status").out


def test_another_writer_exits_4_and_wait_waits(indexed: Path, cli: Cli) -> None:
    with hold(indexed / "index.lock", wait=0, what="testing"):
        done = cli("index", "--home", indexed)
        assert done.code == 4
        assert "--wait" in done.err
        assert cli("index", "--home", indexed, "--wait", "0.2").code == 4
    assert cli("index", "--home", indexed, "--wait", "5").code == 0


def test_missing_weights_exit_1_and_name_every_way(cli: Cli, music: Path) -> None:
    done = cli("index", music, AUDIOSIM_OPENL3_URL="http://127.0.0.1:9/")
    assert done.code == 1
    assert "--encoder musicnn" in done.err
    assert "audiosim weights import" in done.err


def test_no_progress_bar_reaches_a_log(indexed: Path, music: Path, cli: Cli) -> None:
    done = cli("index", music, "--home", indexed)
    assert "\r" not in done.err + done.out
    assert done.err == ""


def test_tags_can_not_drive_the_terminal(indexed: Path, music: Path, cli: Cli) -> None:
    import mutagen

    path = music / "low" / "01 track.flac"
    tags = mutagen.File(path)
    tags["title"] = ["\x1b[2J[bold]=cmd()\nnext"]
    tags.save()
    index_folder([music], home=indexed, encoder=FakeEncoder())
    table = cli("similar", music / "low" / "00 track.wav", "--home", indexed).out
    assert "\x1b" not in table
    assert "\\x1b[2J[bold]=cmd()\\nnext" in table


def test_status_lists_failures_with_reasons(indexed: Path, music: Path, cli: Cli) -> None:
    (music / "empty.mp3").touch()
    cli("index", music, "--home", indexed)
    done = cli("status", "--home", indexed, cwd=music.parent)
    assert "1 failed" in done.out
    assert "failed: music/empty.mp3: the file is empty" in done.out
    assert (
        f"failed: {music / 'empty.mp3'}: the file is empty"
        in cli("status", "--home", indexed, cwd="/usr").out
    )


def test_only_tables_have_paths_relative_to_the_current_folder(indexed: Path, music: Path, cli: Cli) -> None:
    whole, command = str(music / "low" / "02 track.ogg"), ("list", "--home", indexed)
    assert "  music/low/02 track.ogg\n" in cli(*command, cwd=music.parent).out
    assert "  low/02 track.ogg\n" in cli(*command, cwd=music).out
    assert f"  {whole}\n" in cli(*command, cwd=indexed).out
    for form in ("json", "jsonl", "csv", "m3u8", "paths"):
        assert whole in cli(*command, "--format", form, cwd=music).out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("audiosim pl", {"playlist"}),
        ("audiosim similar --max", {"--max-duration", "--max-per-artist"}),
        ("audiosim list --format js", {"json", "jsonl"}),
        ("audiosim index --encoder m", {"musicnn"}),
    ],
)
def test_the_shell_completes_commands_options_and_values(cli: Cli, words: str, expected: set[str]) -> None:
    place = len(words.split()) - 1
    done = cli(_AUDIOSIM_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=place)
    assert set(done.out.split()) == expected
    assert "_audiosim_completion()" in cli(_AUDIOSIM_COMPLETE="source_bash").out
