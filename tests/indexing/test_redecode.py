"""What an older decoding made: `--rescan` computes it again where today's makes other windows."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import SAMPLE_RATE, make_music, tone
from kept_folder import KeptFolder
from libraries import Library, cache_of, counts, edit, vectors

from audiosim.audio.events import Ended, Failed
from audiosim.audio.supervisor import DecodeSupervisor
from audiosim.library.status import home_status

pytestmark = pytest.mark.slow

SOFT = "soft.wav"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> KeptFolder:
    return KeptFolder(tmp_path_factory.mktemp("kept"), make_older)


def make_older(folder: Path) -> None:
    made, music = Library(folder / "home"), make_music(folder / "music")
    soft = 0.05 * tone(4, 700)
    soundfile.write(music / SOFT, np.column_stack([soft, 0.9 * soft]), SAMPLE_RATE)
    shutil.copy(music / SOFT, music / "copy.wav")
    assert made.index(music).indexed + 1 == 8
    for path in cache_of(made).folder.rglob("*.npz"):
        with np.load(path) as data:
            arrays = dict(data)
        meta = json.loads(str(arrays["meta"]))
        del meta["decoding"]
        np.savez(path, **{**arrays, "meta": np.array(json.dumps(meta))})
    edit(made, "DELETE FROM decodings")


@pytest.fixture
def library(kept: KeptFolder) -> Library:
    """A home of an older decoding, which knows music and a soft stereo file, that may be antiphase."""
    return Library(kept.restored() / "home")


@pytest.fixture
def music(library: Library) -> Path:
    return library.music


@pytest.fixture
def only_soft(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoding has changed for stereo files only."""
    monkeypatch.setattr("audiosim.indexing.decisions.concerns", lambda cached, codec: cached.channels == 2)


def older(library: Library) -> int:
    return home_status(library.home.path).older_decoding


def test_a_plain_run_computes_nothing(library: Library, only_soft: None) -> None:
    assert counts(library.index()) == {"found": 8, "unchanged": 8}
    assert (library.encoder.windows, older(library)) == (0, 7)


def test_only_what_is_concerned_is_computed_again_once_for_all_its_copies(
    library: Library, only_soft: None
) -> None:
    report = library.index(rescan=True)
    assert counts(report) == {"found": 8, "unchanged": 7, "indexed": 1, "reread": 8}  # the copy shares it
    assert 0 < library.encoder.windows <= 5
    assert older(library) == 0
    assert counts(library.index(rescan=True)) == {"found": 8, "unchanged": 8, "reread": 8}


def test_it_goes_on_where_time_was_up(library: Library, only_soft: None) -> None:
    assert library.index(rescan=True, max_hours=0.0).reread_left == 8
    assert older(library) == 7
    assert library.index().reread == 8
    assert older(library) == 0


def test_files_that_are_of_no_use_as_they_are_decoded_now_fail_with_their_copies(
    library: Library, only_soft: None, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (music / "copy.wav").rename(music.parent / "copy.wav")
    library.index(music)
    useless(monkeypatch, "audio")
    report = library.index(rescan=True)
    assert (report.failed, report.unchanged) == (1, 6)
    monkeypatch.undo()
    (music.parent / "copy.wav").rename(music / "copy.wav")  # back, as it was when it was gone
    assert library.index().failed == 1
    assert library.index().failed_before == 2
    assert os.fsencode(music / SOFT) in dict(home_status(library.home.path).failures)


def test_what_befalls_a_decoder_leaves_what_is_known(
    library: Library, only_soft: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = vectors(library)
    useless(monkeypatch, "decoder")
    report = library.index(rescan=True)
    assert not report.needs_a_look
    assert report.unchanged == 8
    assert vectors(library) == before
    monkeypatch.undo()
    monkeypatch.setattr("audiosim.indexing.decisions.concerns", lambda cached, codec: cached.channels == 2)
    assert library.index().indexed == 1
    assert older(library) == 0


def useless(monkeypatch: pytest.MonkeyPatch, cause: Any) -> None:
    """Has the soft file fail at its end."""
    real = DecodeSupervisor.events

    def failing(self: DecodeSupervisor, paths: Any) -> Any:
        for event in real(self, paths):
            if isinstance(event, Ended) and event.path.endswith((b"soft.wav", b"copy.wav")):
                yield Failed(event.path, "a reason", cause)
            else:
                yield event

    monkeypatch.setattr(DecodeSupervisor, "events", failing)
