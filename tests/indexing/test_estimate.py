"""A look before a long run."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
from conftest import SAMPLE_RATE, Cli, tone
from fake_encoder import FakeEncoder

from audiosim.core.errors import UsageError
from audiosim.indexing.estimate import estimate
from audiosim.indexing.pipeline import index_folder


def test_it_counts_what_there_is_to_do_and_writes_nothing(music: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    found = estimate([music], home=home, encoder=FakeEncoder())
    assert (found.found, found.files, found.sampled) == (6, 6, 6)
    assert found.audio_hours * 3600 == pytest.approx(sum(3 + n / 6 for n in range(6)), rel=0.05)
    assert found.windows == pytest.approx(24, abs=2)
    assert found.seconds > 0
    assert found.bytes_needed > 24 * 16 * 2
    assert found.bytes_free > 0
    assert not home.exists()


def test_only_what_is_new_counts(music: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    index_folder([music], home=home, encoder=FakeEncoder())
    nothing = estimate(home=home, encoder=FakeEncoder())
    assert (nothing.files, nothing.seconds, nothing.bytes_needed) == (0, 0.0, 0)
    soundfile.write(music / "new.wav", tone(5, 300), SAMPLE_RATE)
    assert estimate(home=home, encoder=FakeEncoder()).files == 1


def test_a_folder_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        estimate([tmp_path / "nowhere"], home=tmp_path / "home", encoder=FakeEncoder())


def test_the_command_says_it_in_a_few_lines_and_in_json(
    cli: Cli, music: Path, seeded_weights: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    options = ["--home", home, "--weights", seeded_weights, "--input-repr", "mel128", "--dry-run"]
    done = cli("index", music, *options)
    assert done.code == 0, done.err
    assert "6 files found, 6 to open" in done.out
    assert "there is room" in done.out
    assert not home.exists()
    assert cli("index", music, *options, "--json").json["files"] == 6
