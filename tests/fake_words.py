"""The encoder of the tests in the registry, as one that names what it hears, or reads what is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_encoder import BANDS, FakeEncoder

from audiosim.core.types import Encoder, EncoderSpec, Float32
from audiosim.encoders import registry
from audiosim.encoders.registry import EncoderCard, EncoderEntry
from audiosim.encoders.weights_file import Checked, WeightsFile
from audiosim.encoders.words import TextSide, Vocabulary

LABELS = ("low", "high", "Hip-Hop", "Hiss, white noise", "male voice (singing)")


def vocabulary() -> Vocabulary:
    """Low and high tones of the tests' music apart; the rest says little."""
    kernel = np.zeros((BANDS, len(LABELS)), np.float32)
    kernel[0, 0] = kernel[3, 1] = 1
    kernel[3, 0] = kernel[0, 1] = -1
    kernel[15, 3] = 0.5
    return Vocabulary(LABELS, kernel, np.full(len(LABELS), -1, np.float32))


class Reader:
    """Knows bands by their numbers: "band 3"."""

    def embed(self, texts: Sequence[str]) -> Float32:
        return np.stack([np.eye(BANDS, dtype=np.float32)[_band(text)] for text in texts])


def _band(text: str) -> int:
    digits = "".join(filter(str.isdigit, text))
    return int(digits or 0) % BANDS


class FakeEntry(EncoderEntry):
    """The encoder of the tests, built in."""

    card = EncoderCard("fake", "band energies", (BANDS,), 1.0, 1.0, "MIT", 0, words=True)

    def __init__(self, *, reads: bool = False) -> None:
        self._reads = reads
        self.loaded = self.read = 0

    def load(self, request: Any, **_: Any) -> Encoder:
        return FakeEncoder()

    def spec(self, request: Any) -> EncoderSpec:
        return FakeEncoder().spec

    def fetch(self, request: Any) -> Path:
        return Path()

    def weights(self) -> tuple[WeightsFile, ...]:
        return ()

    def check(self) -> Iterator[Checked]:
        return iter(())

    def pack(self, spec: EncoderSpec) -> dict[str, bytes]:
        return {}

    def vocabulary(self, spec: EncoderSpec) -> Vocabulary | None:
        self.loaded += 1
        return None if self._reads else vocabulary()

    def text_side(self, spec: EncoderSpec, *, read_only: bool) -> TextSide | None:
        self.read += self._reads
        return Reader() if self._reads else None


def built_in(monkeypatch: pytest.MonkeyPatch, *, reads: bool = False) -> FakeEntry:
    """Has the registry know the encoder of the tests."""
    entry, others = FakeEntry(reads=reads), registry.built_in()
    monkeypatch.setattr(registry, "built_in", lambda: {**others, "fake": entry})
    return entry
