"""`--space NAME` of the commands that read a home, and of those that take an index elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SAMPLE_RATE, Cli, tone
from kept_folder import KeptFolder
from two_encoders import SOUND, WORDS, SpacesHome, TwoEncoders, counts, keep_spaces

from audiosim import find_space, space_with_words
from audiosim.core.config import Home
from audiosim.core.errors import HomeError, UsageError
from audiosim.core.files import hold
from audiosim.indexing.spaces import remove_space
from audiosim.library.catalog import Catalog
from audiosim.library.status import disk_use, home_status

pytestmark = pytest.mark.slow


@pytest.fixture
def encoders(monkeypatch: pytest.MonkeyPatch) -> TwoEncoders:
    return TwoEncoders(monkeypatch)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> KeptFolder:
    return keep_spaces(tmp_path_factory.mktemp("spaces"))


@pytest.fixture
def home(kept: KeptFolder, cli: Cli, encoders: TwoEncoders) -> SpacesHome:
    folder = kept.restored()
    return SpacesHome(cli, folder / "home", folder / "music", encoders)


def vectors(place: Path) -> dict[str, bytes]:
    with Catalog(place / "catalog.db", read_only=True) as catalog:
        return {digest: vector.tobytes() for digest, vector in catalog.tracks.all_vectors()}


def test_a_query_that_is_not_in_the_index_is_heard_by_the_space_that_is_asked(
    home: SpacesHome, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "query.wav", tone(3, 118), SAMPLE_RATE)
    entries = home.encoders.sound, home.encoders.words
    for words, expected in (((), (3, 0)), (("--space", "SAID"), (0, 3))):
        before = [entry.windows for entry in entries]
        found = home.done("similar", tmp_path / "query.wav", "-k", 3, *words)
        assert {Path(match["path"]).parent.name for match in found["matches"]} == {"low"}
        assert tuple(entry.windows - old for entry, old in zip(entries, before, strict=True)) == expected


def test_a_space_whose_first_run_was_cut_short_is_told_with_the_command_that_makes_it(
    home: SpacesHome, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Home(home.path / "spaces" / "begun")
    place.path.mkdir()
    with Catalog(place.catalog):
        pass
    query = home.music / "low" / "00 track.wav"
    asked: list[tuple[object, ...]] = [("status",), ("status", "--space", "begun"), ("verify",)]
    asked += [("similar", query, "--space", "begun"), ("list", "--space", "begun")]
    asked += [("index", "--home", place.path), ("similar", query, "--home", place.path)]

    def told(*words: object) -> str:
        """What is said of it, by a command that is told the home."""
        done = cli(*words, *(() if "--home" in words else ("--home", home.path)))
        return f"{done.out}{done.err}"

    make = "audiosim index --space begun --encoder NAME"
    for words in asked:
        assert f"{make} --home {home.path}\n" in told(*words), words
        assert "FOLDER" not in told(*words)
    with hold(home_lock := Home(home.path).index_lock, wait=0, what="indexing"):
        assert home_lock == place.index_lock
        for words in asked[:-2]:
            assert "a run is at work" in told(*words)
            assert "cut short" not in told(*words)
            assert make not in told(*words)
    monkeypatch.setenv("AUDIOSIM_HOME", str(home.path))
    assert cli("similar", query, "--space", "begun").err.endswith(f": {make}\n")
    assert cli("status", "--space", "begun").out.endswith(f": {make}\n")


def test_caches_that_a_removed_space_leaves_elsewhere_are_not_counted(
    home: SpacesHome, tmp_path: Path
) -> None:
    home.done("index", "--space", "other", "--encoder", WORDS, "--cache", tmp_path / "elsewhere")
    place = home.path / "spaces" / "other"
    home_status(place)  # whose reading leaves files beside the catalog
    size = disk_use(place)
    removed = remove_space("other", home=home.path, dry_run=True)
    assert removed.left_alone == tmp_path / "elsewhere"
    assert disk_use(tmp_path / "elsewhere") > 0
    assert removed.bytes == size


def test_every_command_that_reads_a_home_asks_a_space(home: SpacesHome, tmp_path: Path) -> None:
    """Whose files the main one no longer has, so that an answer tells which was asked."""
    with Catalog(home.path / "catalog.db") as catalog:
        catalog.files.drop([row.path for row in catalog.files.all()])
    query = home.music / "low" / "00 track.wav"
    for command in (
        ("similar", query, "-k", 2),
        ("playlist", "--seed", query, "--min-duration", 0, "-k", 3),
        ("duplicates",),
        ("map", "-o", tmp_path / "map.html"),
        ("list",),
        ("eval",),
        ("status",),
        ("verify",),
        ("export", tmp_path / "said.parquet"),
    ):
        done = home(*command, "--space", "said", "--json")
        assert done.code == 0, (command, done.err)
    assert home.done("list", "--space", "said") != home.done("list")
    assert home.done("status", "--space", "said")["tracks"] == 6
    assert home.done("verify", "--space", "said")["spaces"] == {}


def test_a_space_that_is_not_there_is_named_with_those_that_are(home: SpacesHome) -> None:
    done = home("list", "--space", "nosuch")
    assert done.code == 2
    assert "There is no space nosuch" in done.err
    assert "Choose one of: said." in done.err
    assert "audiosim index --space nosuch --encoder NAME" in done.err
    assert home("list", "--space", "../home").code == 2


def test_verify_tells_of_all_spaces_and_repairs_them(home: SpacesHome) -> None:
    next((home.said / "cache").rglob("*.npz")).unlink()
    done = home("verify")
    assert done.code == 3
    assert "Space said: The cache of" in done.err
    assert "6 tracks, 6 caches" in done.out
    assert "Space said: 6 tracks, 5 caches" in done.out
    found = home("verify", "--json").json
    assert (found["sound"], found["spaces"]["said"]["sound"]) == (True, False)
    repaired = home("verify", "--repair")
    assert repaired.code == 3
    assert "Space said: 6 tracks, 5 caches" in repaired.out
    assert "repaired, but for what is computed again by the next run" in repaired.out
    assert counts(home.done("index")["spaces"]["said"])["unchanged"] == 5
    assert home("verify").code == 0


def test_what_nothing_uses_is_removed_from_all_spaces(home: SpacesHome) -> None:
    (home.music / "low" / "00 track.wav").unlink()
    (home.said / "cache" / ".left.partial").write_bytes(b"...")
    home.done("index")
    for _ in range(2):
        found = home.done("gc", "--older-than", "0", "--dry-run")
        assert (found["gone"], found["caches"]) == (1, 1)
        assert (found["spaces"]["said"]["gone"], found["spaces"]["said"]["caches"]) == (1, 1)
    text = home("gc", "--older-than", "0").out
    assert "\nSpace said: Forgot 1 file that is gone and 1 vector; removed 1 cache" in text
    assert len(list((home.said / "cache").rglob("*.npz"))) == 5


def test_an_export_is_of_one_space_and_can_begin_one_elsewhere(
    home: SpacesHome, cli: Cli, tmp_path: Path
) -> None:
    for words in ((), ("--space", "said")):
        for place in (home.path, home.said):
            assert home("export", place / "catalog.db", *words).code == 2
    home.done("export", tmp_path / "own.parquet")
    home.done("export", tmp_path / "said.parquet", "--space", "said")
    other = SpacesHome(cli, tmp_path / "other", home.music, home.encoders)
    said = ("import", tmp_path / "said.parquet", "--space", "said")
    assert other(*said).code == 1  # there is no home to be beside of
    assert not other.path.exists()
    assert other.done("import", tmp_path / "own.parquet")["added"] == 6
    assert other.done(*said)["added"] == 6
    assert vectors(other.path) == vectors(home.path)
    assert vectors(other.said) == vectors(home.said)
    assert other("import", tmp_path / "own.parquet", "--space", "said").code == 2
    report = other.done("index")
    assert counts(report["spaces"]["said"]) == {"found": 6, "unchanged": 6}


def test_folders_of_an_import_into_a_space_are_those_of_the_home(
    home: SpacesHome, cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "more").mkdir()
    soundfile.write(tmp_path / "more" / "new.wav", tone(3, 300), SAMPLE_RATE)
    other = SpacesHome(cli, tmp_path / "other", tmp_path / "more", home.encoders).make()
    other.done("export", tmp_path / "said.parquet", "--space", "said")
    assert home.done("import", tmp_path / "said.parquet", "--space", "said")["added"] == 1
    report = home.done("index")
    assert counts(report) == {"found": 7, "indexed": 1, "unchanged": 6}
    assert counts(report["spaces"]["said"]) == {"found": 7, "unchanged": 7}


def test_the_space_that_knows_words_is_found(home: SpacesHome, cli: Cli, tmp_path: Path) -> None:
    assert space_with_words(home.path) == home.said
    assert find_space("Said", home.path) == home.said
    with pytest.raises(UsageError, match="no space other"):
        find_space("other", home.path)
    with pytest.raises(HomeError):
        space_with_words(tmp_path / "nowhere")
    alone = SpacesHome(cli, tmp_path / "alone", home.music, home.encoders)
    alone.done("index", home.music, "--encoder", WORDS)
    assert space_with_words(alone.path) == alone.path
    deaf = SpacesHome(cli, tmp_path / "deaf", home.music, home.encoders)
    deaf.done("index", home.music, "--encoder", SOUND)
    assert space_with_words(deaf.path) is None


def test_a_word_that_another_space_knows_is_told_with_it(home: SpacesHome, cli: Cli) -> None:
    for place, label in ((home.path, "violin"), (home.said, "rock")):
        with Catalog(place / "catalog.db") as catalog:
            catalog.words.set_labels([label])
    done = cli("list", "--text", "violin", "--space", "SAID", "--home", home.path)
    assert (done.code, done.err.splitlines()[-1]) == (2, "Known to the home itself.")


@pytest.mark.slow
@pytest.mark.long
def test_two_real_encoders_hear_one_library(
    cli: Cli, tmp_path: Path, music: Path, seeded_weights: Path, musicnn_weights_folder: Path
) -> None:
    def run(*words: object) -> None:
        done = cli(*words, "--home", tmp_path / "home", AUDIOSIM_WEIGHTS=musicnn_weights_folder)
        assert done.code == 0, done.err

    low = music / "low"
    run("index", low, "--weights", seeded_weights, "--input-repr", "mel128", "--hop-size", 2)
    run("index", "--space", "tags", "--encoder", "musicnn")
    soundfile.write(low / "new.wav", tone(3, 300), SAMPLE_RATE)
    run("index")
    run("index", "--dry-run")
    query = low / "00 track.wav"
    shapes = []
    for words in ((), ("--space", "tags")):
        done = cli("list", *words, "--json", "--home", tmp_path / "home")
        assert len(done.json["tracks"]) == 4
        done = cli("similar", query, *words, "-k", 2, "--json", "--home", tmp_path / "home")
        assert len(done.json["matches"]) == 2
        (cache, *_) = (tmp_path / "home" / ("spaces/tags" if words else "") / "cache").rglob("*.npz")
        with np.load(cache) as data:
            shapes.append(data["embedding"].shape[1])
    assert shapes == [512, 200]
    asked: list[tuple[object, ...]] = [
        ("similar", "--text", "guitar", "-k", 2),
        ("similar", query, "--text", "guitar", "-k", 2),
        ("list", "--text", "guitar"),
        ("playlist", "--text", "guitar", "--min-duration", 0, "-k", 3),
        ("describe", query),
    ]
    for command in asked:
        run(*command, "--json")  # of the space that knows words
    options = ("--home", tmp_path / "home", "--space", "tags", "--json")
    assert (
        cli("similar", "--text", "guitar", "-k", 2, *options).json["matches"]
        == (
            cli("similar", "--text", "guitar", "-k", 2, "--home", tmp_path / "home", "--json").json["matches"]
        )
    )
