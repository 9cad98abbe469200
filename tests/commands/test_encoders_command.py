"""``audiosim encoders`` and ``audiosim weights``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import GOLDEN, Cli

from audiosim.commands.encoder_table import encoders_table
from audiosim.encoders.musicnn_weights import FILES_SHA256, find_musicnn
from audiosim.encoders.openl3_weights import file_name
from audiosim.encoders.registry import built_in


def test_the_table_has_a_line_for_each_encoder(cli: Cli) -> None:
    head, *lines = cli("encoders").out.splitlines()
    assert head.split()[:5] == ["Encoder", "What", "it", "is", "Numbers"]
    assert head.split()[5:] == ["Window", "Hop", "Words", "Licence", "Download", "Weights"]
    assert [line.split()[0] for line in lines] == list(built_in())
    assert all(line.endswith("not here") for line in lines)
    assert "512 or 6144" in lines[0]


@pytest.mark.parametrize("width", [64, 80, 120, 200])
def test_on_a_terminal_the_table_fits_and_descriptions_are_whole(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audiosim.commands.table.terminal_width", lambda: width)
    monkeypatch.setenv("TERM", "dumb")
    broken = "broken.toml: " + "what is wrong with it; " * 9 + "all told"
    head, *lines = encoders_table({**built_in(), "broken": broken}).splitlines()
    assert max(map(len, (head, *lines))) <= width
    shown = " ".join(" ".join(lines).split())
    assert all(entry.card.about in shown and entry.card.licence in shown for entry in built_in().values())
    assert " ".join(broken.split()) in shown
    assert "…" not in shown


def test_in_a_pipe_what_is_wrong_with_one_does_not_fill_up_all_lines() -> None:
    broken = "broken.toml: " + "what is wrong with it; " * 9 + "all told"
    _, *lines = encoders_table({**built_in(), "broken": broken}).splitlines()
    assert max(map(len, lines[:-1])) < 180
    assert broken in lines[-1]


def test_as_json_it_says_all_that_is_known(cli: Cli) -> None:
    told = {one["name"]: one for one in json.loads(cli("encoders", "--json").out)["encoders"]}
    assert told["musicnn"]["weights"] == [
        {"name": name, "source": "musicnn 0.1.0 on PyPI", "path": None, "proven": False}
        for name in ("MSD", "MTT")
    ]
    assert told["openl3"]["options"]["input_repr"] == ["mel256", "mel128", "linear"]
    assert (told["openl3"]["words"], told["openl3"]["hop"]) == (False, 1.0)
    assert json.loads(cli("encoders", "show", "OpenL3", "--json").out) == told["openl3"]


def test_weights_are_listed_as_json_with_the_fields_that_encoders_have(cli: Cli) -> None:
    encoders = json.loads(cli("encoders", "--json").out)["encoders"]
    listed = json.loads(cli("weights", "list", "--json").out)
    assert listed == {"encoders": [{"name": one["name"], "weights": one["weights"]} for one in encoders]}
    assert len(listed["encoders"]) == len(built_in())


def test_one_encoder_is_shown_with_its_options(cli: Cli) -> None:
    out = cli("encoders", "show", "openl3").out
    assert out.startswith("openl3\n")
    assert "--input-repr" in out
    assert "mel256, mel128 or linear" in out
    assert out.count("not here; from ") == 6
    assert cli("encoders", "show", "vggish").code == 2


def test_weights_that_are_not_here_can_t_be_checked(cli: Cli) -> None:
    done = cli("encoders", "check", "openl3")
    assert done.code == 1
    assert "audiosim encoders fetch openl3" in done.err


def test_a_file_that_was_brought_is_kept_listed_and_checked(
    cli: Cli, seeded_weights: Path, tmp_path: Path
) -> None:
    done = cli("encoders", "import", seeded_weights)
    kept = Path(done.out.strip())
    assert done.code == 0
    assert kept.is_file()
    assert str(kept) in cli("weights", "list").out
    assert "1 brought, not proven" in cli("encoders").out
    good = cli("encoders", "check", "openl3")
    assert (good.code, good.out) == (0, f"{kept}: digest of its tensors: good\n")
    other = kept.with_name(f"{'0' * 32}.h5")
    shutil.copy(kept, other)
    bad = cli("encoders", "check", "openl3", "--json")
    assert bad.code == 1
    faults = {one["what"]: one["fault"] for one in json.loads(bad.out)["checked"]}
    assert faults[f"{kept}: digest of its tensors"] is None
    assert "its tensors have the digest" in faults[f"{other}: digest of its tensors"]


def test_a_file_that_is_not_the_published_one_is_told(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / file_name("linear_env")).write_bytes(b"something else")
    (folder / "openl3_audio_mel128_env-v0_4_0.h5").write_bytes(b"")
    done = cli("encoders", "check", "openl3", AUDIOSIM_WEIGHTS=folder)
    assert done.code == 1
    assert "not the published file" in done.out
    assert "not a readable Keras weights file" in done.out


def test_whose_a_file_is_its_name_tells_or_the_user(cli: Cli, seeded_weights: Path, tmp_path: Path) -> None:
    other = tmp_path / "weights.bin"
    shutil.copy(seeded_weights, other)
    refused = cli("encoders", "import", other)
    assert refused.code == 2
    assert "openl3: .h5 or .h5.gz" in refused.err
    assert "Name the --encoder" in refused.err
    assert cli("encoders", "import", other, "--encoder", "openl3").code == 0
    assert cli("weights", "import", other, "--encoder", "musicnn").code == 2


def test_options_of_another_encoder_are_refused_when_fetching(cli: Cli) -> None:
    done = cli("encoders", "fetch", "musicnn", "--input-repr", "linear")
    assert done.code == 2
    assert "--input-repr does not go with --encoder musicnn: it is an option of openl3" in done.err
    assert "No --content-type speech" in cli("weights", "fetch", "--content-type", "speech").err
    assert "--json stands behind" in cli("encoders", "--json", "show", "openl3").err


def test_musicnn_s_files_are_held_to_their_digests(
    cli: Cli, musicnn_weights_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(musicnn_weights_folder, folder)
    prefix = find_musicnn(folder)
    assert cli("encoders", "fetch", "musicnn", AUDIOSIM_WEIGHTS=folder).out.strip() == str(prefix)
    good = cli("encoders", "check", "musicnn", AUDIOSIM_WEIGHTS=folder)
    assert (good.code, good.out.count(": good")) == (0, len(FILES_SHA256["msd"]))
    assert "1 of 2 here, proven" in cli("encoders", AUDIOSIM_WEIGHTS=folder).out
    with prefix.with_name(f"{prefix.name}.index").open("ab") as file:
        file.write(b"more")
    assert cli("encoders", "check", "musicnn", AUDIOSIM_WEIGHTS=folder).code == 1


@pytest.mark.parametrize("command", ["index", "extract"])
def test_the_help_of_options_says_whose_they_are(cli: Cli, command: str) -> None:
    told = " ".join(cli(command, "--help", COLUMNS=200).out.split())
    assert "openl3: mel256, mel128 or linear [default: mel256]." in told
    assert "openl3: let the first window centre on the start [default: --center]." in told
    assert "[default: 1 for openl3, 10 for clap, 0.992 for discogs-effnet, 2.992 for musicnn" in told
    assert "Weights to use and to keep: openl3 (.h5 or .h5.gz)" in told


@pytest.mark.parametrize("command", [("weights", "list"), ("encoders", "show", "openl3")])
def test_places_of_weights_have_lines_of_their_own_on_a_narrow_terminal(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    whole = cli(*command).out.splitlines()
    for module in ("encoders", "weights"):
        monkeypatch.setattr(f"audiosim.commands.{module}.terminal_width", lambda: 80)
    lines = cli(*command, TERM="dumb").out.splitlines()
    places = [line.partition("\t")[2] for line in whole if "\t" in line]
    assert [line.strip() for line in lines if line.startswith("    not here; from ")] == places
    assert all(len(line) <= 80 for line in lines if "not here" not in line)
    assert any(len(line) > 80 for line in whole)


@pytest.fixture
def description(tmp_path: Path) -> Path:
    """A description beside its model."""
    for name in ("patches.onnx", "patches.toml"):
        shutil.copy(GOLDEN / "described" / name, tmp_path)
    return tmp_path / "patches.toml"


def test_a_description_is_shown_kept_listed_and_checked(cli: Cli, description: Path) -> None:
    shown = cli("encoders", "show", description).out
    assert shown.startswith("tiny-effnet\n")
    assert "2.064 s" in shown
    done = cli("encoders", "import", description)
    assert done.code == 0, done.err
    assert Path(done.out.strip()).name == "encoder.toml"
    description.unlink()
    line = next(line for line in cli("encoders").out.splitlines() if line.startswith("tiny-effnet"))
    assert line.endswith("1 brought, not proven")
    assert "tiny-effnet float32\t" in cli("weights", "list").out
    told = {one["name"]: one for one in cli("encoders", "--json").json["encoders"]}
    assert (told["tiny-effnet"]["dimensions"], told["tiny-effnet"]["hop"]) == ([24], 0.992)
    checked = cli("encoders", "check", "tiny-effnet")
    assert (checked.code, "no self-test in its description: not proven" in checked.out) == (0, True)


def test_a_kept_description_that_is_broken_hurts_only_those_who_ask_for_it(
    cli: Cli, description: Path, tmp_path: Path
) -> None:
    kept = Path(cli("encoders", "import", description).out.strip())
    kept.write_text(kept.read_text().replace("audiosim_encoder = 1", "audiosim_encoder = 2"))
    listed = cli("encoders", COLUMNS=400)
    assert listed.code == 0, listed.err
    assert "audiosim_encoder is 2, not 1" in listed.out
    assert "audiosim_encoder is 2" in cli("weights", "list").out
    told = {one["name"]: one for one in cli("encoders", "--json").json["encoders"]}
    assert "audiosim_encoder is 2" in told["tiny-effnet"]["broken"]
    assert cli("encoders", "show", "openl3").code == 0
    assert "tiny-effnet" in cli("encoders", "show", "vggish").err
    assert cli("encoders", "show", "tiny-effnet").code == 2


def test_what_a_machine_answers_is_recorded_and_written_as_a_self_test(cli: Cli, description: Path) -> None:
    cli("encoders", "import", description)
    done = cli("encoders", "check", "tiny-effnet", "--record")
    assert done.code == 0, done.err
    assert done.out.startswith('[variants."float32".self_test]\nsignal = "chirp"\n')
    assert "when that was recorded: good" in cli("encoders", "check", "tiny-effnet").out
    description.write_text(f"{description.read_text()}\n{done.out}")
    proven = cli("encoders", "import", description)
    assert proven.code == 0, proven.err
    assert "1 brought, proven" in cli("encoders").out
    assert "self-test: good" in cli("encoders", "check", "tiny-effnet").out
    outcomes = [one["outcome"] for one in cli("encoders", "check", "tiny-effnet", "--json").json["checked"]]
    assert outcomes[1:] == ["good"] * 3
    assert cli("encoders", "check", "openl3", "--record").code == 2
    assert cli("encoders", "check", "tiny-effnet", "--record", "--json").code == 2


def test_a_description_that_is_wrong_is_told_with_its_lines(cli: Cli, description: Path) -> None:
    description.write_text(description.read_text().replace('tail = "drop"', 'tail = "loop"'))
    for arguments in (("import", description), ("show", description), ("fetch", description)):
        done = cli("encoders", *arguments)
        assert done.code == 2
        assert (
            'is wrong: line 12: [audio] tail is "loop", not "zeros", "drop", "repeat" or "tile"' in done.err
        )


def test_descriptions_are_printed_also_those_that_come_with_audiosim(
    cli: Cli, description: Path, tmp_path: Path
) -> None:
    for name in ("clap", "discogs-effnet"):
        done = cli("encoders", "show", name, "--toml")
        assert (done.code, f'name = "{name}"' in done.out, "sha256 = " in done.out) == (0, True, True)
        copy = tmp_path / "copy.toml"
        copy.write_text(done.out.replace(f'name = "{name}"', 'name = "mine"'))
        assert cli("encoders", "show", copy).out.startswith("mine\n")
    cli("encoders", "import", description)
    assert cli("encoders", "show", "tiny-effnet", "--toml").out == description.read_text()
    refused = cli("encoders", "show", "openl3", "--toml")
    assert (refused.code, "Leave --toml out" in refused.err) == (2, True)
    assert cli("encoders", "show", "clap", "--toml", "--json").code == 2


def test_a_value_without_quotes_is_told_with_how_it_is_written(cli: Cli, description: Path) -> None:
    description.write_text(description.read_text().replace('tail = "drop"', "tail = drop"))
    done = cli("encoders", "check", description)
    assert done.code == 2
    assert "line 12: it is not TOML: Invalid value (at line 12, column 8); text stands in" in done.err


def test_a_description_is_drafted(cli: Cli, description: Path) -> None:
    done = cli("encoders", "init", description.with_suffix(".onnx"))
    assert done.code == 0, done.err
    assert 'axes = ["batch", "frames", "bands"]' in done.out
    assert cli("encoders", "init", "nowhere.onnx").code == 2


def test_a_licence_is_asked_for_where_it_must_be_accepted(cli: Cli) -> None:
    refused = cli("encoders", "fetch", "discogs-effnet")
    assert refused.code == 1
    assert "its licence was not accepted: CC BY-NC-SA 4.0 (non-commercial)" in refused.err
    assert "audiosim encoders fetch discogs-effnet --accept-licence" in refused.err
    needless = cli("encoders", "fetch", "openl3", "--accept-licence")
    assert (needless.code, "Leave --accept-licence out" in needless.err) == (2, True)
    assert "musicnn has no text side" in cli("encoders", "fetch", "musicnn", "--text").err


def test_only_an_import_changes_what_a_name_stands_for(cli: Cli, description: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(description.read_text().replace('log = "log10"', 'log = "db"'))
    soundfile.write(tmp_path / "noise.wav", np.random.default_rng(0).normal(0, 0.1, 48_000), 16_000)

    def extracted(encoder: Path | str) -> bytes:
        done = cli("extract", tmp_path / "noise.wav", "--encoder", encoder, "-o", tmp_path)
        assert done.code == 0, done.err
        with np.load(tmp_path / "noise.npz") as arrays:
            return bytes(arrays["embedding"].tobytes())

    right, other = extracted(description), extracted(wrong)
    assert right != other
    refused = cli("extract", tmp_path / "noise.wav", "--encoder", "tiny-effnet", "-o", tmp_path)
    assert (refused.code, "encoders import FILE.toml" in refused.err) == (2, True)
    for path, embedding in ((description, right), (wrong, other), (description, right)):
        place = cli("encoders", "import", path).out.strip()
        assert str(Path(place).parent) in cli("encoders", "show", "tiny-effnet").out
        assert extracted("tiny-effnet") == embedding
    extracted(wrong)
    assert extracted("tiny-effnet") == right


def test_a_self_test_that_was_imported_outlives_the_use_of_a_file_without(
    cli: Cli, description: Path, tmp_path: Path
) -> None:
    plain = tmp_path / "plain.toml"
    shutil.copy(description, plain)
    test = cli("encoders", "check", description, "--record").out
    description.write_text(f"{description.read_text()}\n{test}")
    assert cli("encoders", "import", description).code == 0
    soundfile.write(tmp_path / "noise.wav", np.random.default_rng(0).normal(0, 0.1, 48_000), 16_000)
    done = cli("extract", tmp_path / "noise.wav", "--encoder", plain, "-o", tmp_path)
    assert done.code == 0, done.err
    assert "1 brought, proven" in cli("encoders").out


def test_a_description_that_can_t_run_does_not_pass(cli: Cli, description: Path) -> None:
    text = description.read_text()
    description.write_text(text.replace("[model]", '[model]\noutput = "activations"'))
    static = cli("encoders", "check", description)
    assert static.code == 1
    assert "The output activations (64, 10) gives no embeddings of 24 numbers" in static.out
    description.write_text(text.replace("[model]", '[model]\npool = "mean"'))
    run = cli("encoders", "check", description)
    assert run.code == 1
    assert "embeddings of tiny-effnet is of the shape (64, 24)" in run.out
    assert "not proven" not in run.out
    recorded = cli("encoders", "check", description, "--record")
    assert (recorded.code, recorded.out) == (1, "")


def test_a_check_says_how_a_missing_model_is_to_be_had(cli: Cli, description: Path) -> None:
    kept = Path(cli("encoders", "import", description).out.strip())
    given = description.with_suffix(".onnx")
    for model, name in ((given, description), (kept.with_name(given.name), "tiny-effnet")):
        data = model.read_bytes()
        model.unlink()
        for record in ((), ("--record",)):
            done = cli("encoders", "check", name, *record)
            assert done.code == 1
            assert f"There is no {model}: the description names no address.\nBring the file." in done.err
        model.write_bytes(data)
    given.unlink()
    address = f"[variants.float32]\nurls = ['file:///nowhere.onnx']\nsha256 = '{'0' * 64}'"
    description.write_text(description.read_text().replace("[variants.float32]", address))
    assert f"audiosim encoders fetch {description}" in cli("encoders", "check", description).err
