"""Two encoders that the command line finds by name, and a home of which both hear the files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from command_line import Cli, Finished, run_here
from conftest import make_music
from fake_encoder import BANDS, FakeEncoder
from kept_folder import KeptFolder

from audiosim.core.errors import NoWeightsError
from audiosim.core.types import EncoderSpec
from audiosim.encoders import registry
from audiosim.encoders.registry import EncoderCard, EncoderEntry
from audiosim.encoders.request import EncoderRequest
from audiosim.encoders.weights_file import Checked, WeightsFile

SOUND, WORDS = "sound", "words"  # what the encoders are called


class Entry(EncoderEntry):
    """A fake encoder by some name, whose weights can be away."""

    def __init__(self, name: str, *, words: bool) -> None:
        self.card = EncoderCard(name, "band energies", (BANDS,), 1.0, 1.0, "MIT", 0, words=words)
        self.away = False
        self.made: list[FakeEncoder] = []

    @property
    def windows(self) -> int:
        """How many windows were embedded."""
        return sum(encoder.windows for encoder in self.made)

    def load(self, request: EncoderRequest, **more: Any) -> FakeEncoder:
        if self.away:
            raise NoWeightsError(f"No weights of {self.card.name}", "they are on another disk", "Mount it.")
        self.made.append(FakeEncoder(name=self.card.name, hop=request.hop or 1.0))
        return self.made[-1]

    def spec(self, request: EncoderRequest) -> EncoderSpec:
        return FakeEncoder(name=self.card.name, hop=request.hop or 1.0).spec

    def fetch(self, request: EncoderRequest) -> Path:
        raise NotImplementedError

    def weights(self) -> tuple[WeightsFile, ...]:
        return ()

    def check(self) -> Iterator[Checked]:
        return iter(())

    def pack(self, spec: EncoderSpec) -> dict[str, bytes]:
        return {}


class TwoEncoders:
    """The encoders by name, while a test runs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sound, self.words = Entry(SOUND, words=False), Entry(WORDS, words=True)
        points = {
            each.card.name: SimpleNamespace(
                name=each.card.name, value="tests", dist=None, load=lambda each=each: each
            )
            for each in (self.sound, self.words)
        }
        monkeypatch.setattr(registry, "plug_ins", lambda: points)


class SpacesHome:
    """A home on the command line: its own space by `SOUND`, and a further one, "said", by `WORDS`."""

    def __init__(self, cli: Cli, folder: Path, music: Path, encoders: TwoEncoders) -> None:
        self.path, self.music, self.encoders, self._cli = folder, music, encoders, cli
        self.said = folder / "spaces" / "said"

    def __call__(self, command: str, *arguments: object) -> Finished:
        """Runs a command on it."""
        jobs = ("-j", "1") if command == "index" else ()
        return self._cli(command, *arguments, *jobs, "--home", self.path)

    def done(self, command: str, *arguments: object) -> Any:
        """Runs a command that is to succeed, and gives its JSON."""
        done = self(command, *arguments, "--json")
        assert done.code == 0, done.err
        return done.json

    def make(self) -> SpacesHome:
        """Makes both spaces."""
        self.done("index", self.music, "--encoder", SOUND)
        self.done("index", "--space", "said", "--encoder", WORDS)
        return self

    def listed(self) -> tuple[list[str], list[str]]:
        """The files in the answers of each space."""
        own, said = (
            [track["path"] for track in self.done("list", *words)["tracks"]]
            for words in ((), ("--space", "said"))
        )
        return own, said


def keep_spaces(base: Path) -> KeptFolder:
    """A home of two spaces in "home", which know the files in "music"."""

    def make(folder: Path) -> None:
        def cli(*words: object) -> Finished:
            return run_here([str(word) for word in words], folder, {})

        with pytest.MonkeyPatch.context() as patch:
            SpacesHome(cli, folder / "home", make_music(folder / "music"), TwoEncoders(patch)).make()

    return KeptFolder(base, make)


def counts(report: dict[str, Any]) -> dict[str, int]:
    """The numbers of files that are not zero, of a run's JSON."""
    return {
        key: value
        for key, value in report.items()
        if isinstance(value, int) and value and key not in ("audio_seconds", "seconds")
    }
