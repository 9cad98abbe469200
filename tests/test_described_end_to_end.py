"""The whole way with described encoders: a home made with a file that then goes, and what it answers.

The models are the seeded ones of the golden files, under addresses of this machine; what loads, fetches and
refuses them is what does so with the real ones.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import Cli, tone
from described_files import written

pytestmark = pytest.mark.slow

RATE = 16_000  # Hz


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with music of two kinds, and room for weights."""
    monkeypatch.setenv("AUDIOSIM_WEIGHTS", str(tmp_path / "weights"))
    rng = np.random.default_rng(0)
    (tmp_path / "music").mkdir()
    for number, seconds in enumerate((3, 5, 7)):
        high = tone(seconds, 900 + 30 * number, rate=RATE)
        soundfile.write(tmp_path / "music" / f"tone {number}.flac", high, RATE)
        hiss = 0.1 * rng.normal(size=seconds * RATE)
        soundfile.write(tmp_path / "music" / f"hiss {number}.flac", hiss, RATE)
    soundfile.write(tmp_path / "outside.wav", tone(6, 945, rate=RATE), RATE)
    return tmp_path


def kinds(done: object) -> list[str]:
    return [Path(match["path"]).name[:4] for match in done.json["matches"]]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("beside", "patches.toml"),
        ("url", "patches.toml"),
        ("url", "clap/clap.toml"),
    ],
)
@pytest.mark.long
def test_a_home_made_with_a_description_goes_on_without_it(
    cli: Cli, folder: Path, name: str, source: str
) -> None:
    home, toml = folder / "home", written(folder, name, source)
    looked = cli("index", folder / "music", "--home", home, "--encoder", toml, "--dry-run")
    assert looked.code == 0, looked.err
    assert not (folder / "weights").exists()
    done = cli("index", folder / "music", "--home", home, "--encoder", toml, "-j", 2)
    assert done.code == 0, done.err
    assert "6 indexed" in done.out
    shutil.rmtree(toml.parent)
    shutil.rmtree(folder / "server", ignore_errors=True)

    inside = cli("similar", folder / "music" / "tone 1.flac", "--home", home, "-k", 2, "--json")
    assert kinds(inside) == ["tone", "tone"]
    outside = cli("similar", folder / "outside.wav", "--home", home, "-k", 3, "--json")
    assert outside.code == 0, outside.err
    assert kinds(outside) == ["tone"] * 3
    assert cli("verify", "--home", home).code == 0
    soundfile.write(folder / "music" / "tone 9.flac", tone(4, 915, rate=RATE), RATE)
    again = cli("index", "--home", home)
    assert (again.code, "1 indexed" in again.out) == (0, True), again.err

    assert cli("export", folder / "all.parquet", "--home", home).code == 0
    taken = cli("import", folder / "all.parquet", "--home", folder / "other")
    assert taken.code == 0, taken.err
    answered = cli("similar", folder / "outside.wav", "--home", folder / "other", "-k", 4, "--json")
    assert kinds(answered) == ["tone"] * 4
    rebuilt = cli("index", "--home", home, "--rebuild", "--hop-size", 2)
    assert rebuilt.code == 0, rebuilt.err
    assert "7 indexed" in rebuilt.out


def test_a_home_holds_to_its_description(cli: Cli, folder: Path) -> None:
    home, toml = folder / "home", written(folder, "beside", "waveform.toml")
    assert cli("index", folder / "music", "--home", home, "--encoder", toml).code == 0
    assert cli("index", "--home", home, "--encoder", toml).code == 0
    assert cli("index", "--home", home, "--encoder", "tiny-waves").code == 0
    other = cli("index", "--home", home, "--encoder", "musicnn")
    assert (other.code, "contradicts this home" in other.err) == (2, True)
    toml.write_text(toml.read_text("utf-8").replace("[audio]", "normalise = true\n[audio]"), "utf-8")
    changed = cli("index", "--home", home, "--encoder", toml)
    assert changed.code == 2
    assert "its index was made with another model or description of tiny-waves" in changed.err
    rebuilt = cli("index", "--home", home, "--encoder", toml, "--rebuild")
    assert (rebuilt.code, "6 indexed" in rebuilt.out) == (0, True), rebuilt.err
    assert cli("index", "--home", home, "--encoder", toml).code == 0


def test_what_is_refused_leaves_no_home(cli: Cli, folder: Path) -> None:
    toml = written(folder, "url", "waveform.toml")
    text = toml.read_text("utf-8")
    cases = {
        "gave another file than expected": re.sub(r'sha256 = "\w+"', "sha256 = '" + "0" * 64 + "'", text),
        "is wrong: line 17": text.replace('"waveform.onnx"', '"../waveform.onnx"'),
        "its licence was not accepted: MIT": text.replace("[model]", "accept_licence = true\n[model]"),
    }
    for told, wrong in cases.items():
        toml.write_text(wrong, "utf-8")
        done = cli("index", folder / "music", "--home", folder / "home", "--encoder", toml)
        assert done.code in (1, 2)
        assert told in done.err
        assert "There is no index yet" in cli("status", "--home", folder / "home").out
    refused = cli("encoders", "fetch", toml)
    assert f"audiosim encoders fetch {toml} --accept-licence" in refused.err
    accepted = cli("encoders", "fetch", toml, "--accept-licence")
    assert accepted.code == 0, accepted.err
    assert Path(accepted.out.strip()).is_file()
    assert cli("index", folder / "music", "--home", folder / "home", "--encoder", toml).code == 0


def test_the_text_side_is_fetched_only_when_it_is_asked_for(cli: Cli, folder: Path) -> None:
    toml = written(folder, "url", "clap/clap.toml")

    def fetched() -> list[str]:
        return sorted(path.name for path in (folder / "weights" / "fetched").glob("*/[!.f]*"))

    done = cli("index", folder / "music", "--home", folder / "home", "--encoder", toml)
    assert done.code == 0, done.err
    assert fetched() == ["audio_model.onnx"]
    assert cli("encoders", "import", toml).code == 0
    assert "1 of 2 here, not proven" in cli("encoders").out
    text = cli("encoders", "fetch", "tiny-clap", "--text")
    assert (text.code, Path(text.out.strip()).name) == (0, "text_model.onnx"), text.err
    assert fetched() == ["audio_model.onnx", "text_model.onnx", "tokenizer.json"]
    shutil.rmtree(folder / "server")
    assert cli("encoders", "check", "tiny-clap").out.count(": SHA-256 good") == 3


def test_a_home_that_reads_is_asked_in_any_words(cli: Cli, folder: Path) -> None:
    home, toml = folder / "home", written(folder, "url", "clap/clap.toml")
    assert cli("index", folder / "music", "--home", home, "--encoder", toml).code == 0
    here = ("--home", home)
    alone = cli("similar", folder / "outside.wav", "--explain", *here)
    assert alone.code == 0, alone.err
    assert not list((folder / "weights" / "fetched").glob("*/text_model.onnx"))
    done = cli("similar", "--text", "calm solo piano", "--not-text", "hiss", "--json", "-k", 6, *here)
    assert done.code == 0, done.err
    assert len(done.json["matches"]) == 6
    assert all(-1 <= match["similarity"] <= 1 for match in done.json["matches"])
    beside = cli("similar", folder / "outside.wav", "--text", "calm", "--explain", *here)
    assert beside.code == 0, beside.err
    told = cli("describe", folder / "outside.wav", "--timeline", "--json", *here)
    assert told.code == 0, told.err
    assert len(told.json["files"][0]["words"]) == 8
    assert cli("list", "--text", "speech", *here).code == 0
    assert cli("map", "--colour", "words", "-o", folder / "map.html", *here).code == 0
    assert cli("index", *here).err.count("Words") == 0


def test_the_space_that_reads_is_found_though_its_name_stands_for_what_does_not(
    cli: Cli, folder: Path
) -> None:
    home, toml = folder / "home", written(folder, "url", "clap/clap.toml")
    other = written(folder, "beside", "waveform.toml")
    assert cli("index", folder / "music", "--home", home, "--encoder", other).code == 0
    space = cli("index", "--home", home, "--space", "words", "--encoder", toml)
    assert space.code == 0, space.err
    other.write_text(other.read_text("utf-8").replace("tiny-waves", "tiny-clap"), "utf-8")
    assert cli("encoders", "import", other).code == 0
    done = cli("similar", "--text", "calm solo piano", "--json", "-k", 6, "--home", home)
    assert done.code == 0, done.err
    assert len(done.json["matches"]) == 6


def test_a_file_may_be_brought_in_place_of_fetching_it(cli: Cli, folder: Path) -> None:
    toml = written(folder, "url", "waveform.toml")
    model = (folder / "server" / "waveform.onnx").rename(folder / "brought.onnx")
    failed = cli("encoders", "import", toml)
    assert failed.code == 1
    assert f"audiosim encoders import waveform.onnx --encoder {toml}" in failed.err
    brought = cli("encoders", "import", model, "--encoder", toml)
    assert brought.code == 0, brought.err
    assert cli("encoders", "import", toml).code == 0


def test_extract_takes_a_description(cli: Cli, folder: Path) -> None:
    toml = written(folder, "beside", "waveform.toml")
    done = cli("extract", folder / "outside.wav", "--encoder", toml, "--hop-size", 0.5, "-o", folder / "out")
    assert done.code == 0, done.err
    with np.load(folder / "out" / "outside.npz") as data:
        assert data["embedding"].shape == (11, 16)
