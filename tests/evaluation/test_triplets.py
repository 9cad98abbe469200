"""How far a home agrees with people's triplets."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import Cli, make_music
from fake_encoder import FakeEncoder

from audiosim.core.errors import UsageError
from audiosim.evaluation.results import EvalOptions
from audiosim.evaluation.triplets import judge_triplets, read_triplets
from audiosim.indexing.pipeline import index_folder
from audiosim.library.catalog import Catalog
from audiosim.library.hubness import HUB_CORRECTIONS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Music, low and high, with a copy of a track, and its home."""
    folder = tmp_path_factory.mktemp("triplets")
    music = make_music(folder / "music")
    shutil.copy(music / "low" / "00 track.wav", music / "copy.wav")
    index_folder([music], home=folder / "home", encoder=FakeEncoder())
    return folder


def names(folder: Path) -> tuple[list[str], list[str]]:
    """The tracks of each kind, as a CSV file beside the music names them."""
    low, high = (
        sorted(f"{kind}/{p.name}" for p in (folder / "music" / kind).iterdir()) for kind in ("low", "high")
    )
    return low, high


def write(folder: Path, *lines: str) -> Path:
    file = folder / "music" / "triplets.csv"
    file.write_text("\n".join(["a,b,c", *lines]), encoding="utf-8")
    return file


def test_the_share_that_the_index_agrees_with_has_an_interval(folder: Path) -> None:
    low, high = names(folder)
    right = [f"{low[0]},{low[1]},{high[0]}", f"{high[0]},{high[2]},{low[2]}", f"{low[1]},{low[2]},{high[1]}"]
    file = write(folder, *right, f"{low[0]},{high[0]},{low[2]}")
    found = judge_triplets(file, folder / "home")
    (agreement,) = found.agreements
    assert agreement.per_triplet.tolist() == [1, 1, 1, 0]
    assert (found.triplets, agreement.share.value) == (4, 0.75)
    assert agreement.share.low == pytest.approx(0.3006, abs=1e-4)  # Wilson's interval of 3 in 4
    assert agreement.share.high == pytest.approx(0.9544, abs=1e-4)


def test_copies_are_equally_near(folder: Path) -> None:
    low, _ = names(folder)
    found = judge_triplets(write(folder, f"{low[1]},{low[0]},copy.wav"), folder / "home")
    assert found.agreements[0].per_triplet.tolist() == [0.5]


def test_every_variant_is_asked_the_same(folder: Path) -> None:
    low, high = names(folder)
    file = write(folder, f"{low[0]},{low[1]},{high[0]}", f"{high[0]},{low[2]},{high[2]}")
    options = EvalOptions(poolings=("mean", "max"), hub_corrections=HUB_CORRECTIONS)
    found = judge_triplets(file, folder / "home", options)
    assert len(found.agreements) == 10
    assert all(one.per_triplet.tolist() == [1, 0] for one in found.agreements)
    assert {gain.figure.value for gain in found.gains} == {0.0}


def test_triplets_of_unknown_tracks_are_left_out_and_told_of(folder: Path, cli: Cli) -> None:
    low, high = names(folder)
    file = write(folder, f"{low[0]},{low[1]},{high[0]}", "", f"{low[0]},gone.wav,{high[0]}")
    done = cli("eval", "--home", folder / "home", "--triplets", file, "--json")
    assert done.code == 0, done.err
    (unknown,) = done.json["unknown"]
    assert (unknown["line"], unknown["b"]["path"]) == (4, str(folder / "music" / "gone.wav"))
    assert done.json["triplets"] == 1
    assert done.json["variants"][0]["agreement"]["value"] == 1.0
    table = cli("eval", "--home", folder / "home", "--triplets", file).out
    assert "1 triplet of" in table
    assert "Left out, as they name tracks that are not in the index: 1 triplet\n  line 4: " in table
    assert table.splitlines()[-1].split() == ["mean", "1.000", "0.207", "to", "1.000"]


def test_titles_name_tracks_as_they_do_elsewhere(folder: Path, cli: Cli, tmp_path: Path) -> None:
    low, high = names(folder)
    by_path = write(folder, f"{low[0]},{low[1]},{high[0]}", f"{high[0]},{low[2]},{high[2]}")
    by_title = tmp_path / "elsewhere.csv"
    stems = [Path(name).stem for name in (low[0], low[1], high[0], low[2], high[2])]
    first = f"{stems[0].upper()},{stems[1]},{folder / 'music' / high[0]}"
    by_title.write_text(f"a,b,c\n{first}\n{stems[2]},{stems[3]},{stems[4]}\nno such title,x,y\n")
    command = ("eval", "--home", folder / "home", "--json", "--triplets")
    done, told = cli(*command, by_path), cli(*command, by_title)
    assert (told.code, told.json["triplets"]) == (0, 2)
    assert told.json["variants"] == done.json["variants"]
    assert [one["line"] for one in told.json["unknown"]] == [4]
    taken = Path(folder / "music" / low[1])
    assert f"audiosim: {stems[1]}: taken for {taken}.\n" in told.err
    assert done.err == ""


def test_a_title_of_several_tracks_is_told_with_its_line(cli: Cli, tmp_path: Path) -> None:
    music = make_music(tmp_path / "music")
    (music / "high" / "03 track.wav").rename(music / "high" / "00 track.wav")
    index_folder([music], home=tmp_path / "home", encoder=FakeEncoder())
    file = tmp_path / "t.csv"
    file.write_text("a,b,c\n01 track,02 track,04 track\n01 track,00 track,04 track\n")
    done = cli("eval", "--home", tmp_path / "home", "--triplets", file)
    assert done.code == 2
    assert done.err.startswith(f"audiosim: Line 3 of {file}: 2 tracks are called 00 track.\nGive the path")
    file.write_text("a,b,c\n01 track,01 track.flac,04 track\n")
    done = cli("eval", "--home", tmp_path / "home", "--triplets", file)
    assert (done.code, f"Line 2 of {file} is no triplet" in done.err) == (2, True)


def test_triplets_of_damaged_tracks_are_left_out(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "own")
    own = tmp_path / "own"
    low, high = names(folder)
    with Catalog(own / "home" / "catalog.db") as catalog:
        entry = next(e for e in catalog.tracks.entries() if e.track.path.endswith(low[2].encode()))
        catalog._db.execute("UPDATE tracks SET vector = x'00' WHERE digest = ?", (entry.track.digest,))
    file = write(folder, f"{low[0]},{low[1]},{high[0]}", f"{low[0]},{low[2]},{high[0]}")
    found = judge_triplets(file, own / "home")
    assert (found.triplets, [one.line for one in found.without_vector]) == (1, [3])
    file = write(folder, f"{low[0]},{low[2]},{high[0]}")
    with pytest.raises(UsageError, match="No triplet"):
        judge_triplets(file, own / "home")


def test_mostly_unknown_tracks_are_an_error_that_names_some(folder: Path) -> None:
    low, high = names(folder)
    file = write(
        folder, f"{low[0]},x.wav,{high[0]}", f"{low[0]},y.wav,{high[0]}", f"{low[0]},{low[1]},{high[0]}"
    )
    with pytest.raises(UsageError, match=r"2 of 3 triplets .*x\.wav.*y\.wav"):
        judge_triplets(file, folder / "home")
    with pytest.raises(UsageError, match="0 of 0 triplets"):
        judge_triplets(write(folder), folder / "home")


@pytest.mark.parametrize("line", ["a.wav,b.wav", "a.wav,b.wav,", "a.wav,b.wav,a.wav"])
def test_a_line_that_is_no_triplet_is_an_error_that_names_it(tmp_path: Path, line: str) -> None:
    (tmp_path / "t.csv").write_text(f"a,b,c\nx,y,z\n{line}\n")
    with pytest.raises(UsageError, match="Line 3 of"):
        read_triplets(tmp_path / "t.csv")


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("path,label\na,b\n")
    with pytest.raises(UsageError, match=r"holds no triplets: .*a, b and c"):
        read_triplets(tmp_path / "t.csv")


def test_the_table_of_several_variants_has_gains_best_first(folder: Path, cli: Cli) -> None:
    low, high = names(folder)
    file = write(folder, f"{low[0]},{low[1]},{high[0]}")
    done = cli("eval", "--home", folder / "home", "--triplets", file, "--pooling", "all")
    rows = [
        line.split() for line in done.out.splitlines() if line.startswith("mean") or line.startswith("max")
    ]
    assert len(rows) == 3
    assert all(np.isclose(float(row[-2]), 0.0) for row in rows)
    assert done.out.endswith("Gain: over mean; p is not corrected for the number of variants.\n")
