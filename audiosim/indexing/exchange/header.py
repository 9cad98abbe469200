"""What holds for all rows of an export: kept in the metadata of its schema, as text."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from audiosim.core.types import EncoderSpec, Pooling
from audiosim.core.version import __version__
from audiosim.encoders.pooling import POOLINGS, pooled_dimension
from audiosim.indexing.exchange.validation import is_path
from audiosim.library.catalog import Configuration
from audiosim.library.statistics import SHARES, Percentiles

FORMAT = "1"
PREFIX = "audiosim."  # of the keys
CHECK = "check"  # the key of a digest of all other keys and values


@dataclass(frozen=True)
class Header:
    """What holds for all rows of an export.

    ``centre`` and ``whitening`` are as in `Configuration`: the one was subtracted, through the other vectors
    are searched, but not written; it was ``learnt`` from so many tracks. ``percentiles`` and ``measured`` are
    of the library that the rows' scales were measured in, where the rows are all of it. ``words`` are the
    labels of the rows' log-odds, where they have any.
    """

    spec: EncoderSpec
    pooling: Pooling
    centre: bytes
    roots: tuple[bytes, ...]
    whitening: bytes = b""
    learnt: int = 0
    percentiles: str | None = None
    measured: int = 0
    words: tuple[str, ...] = ()

    @classmethod
    def of(cls, configuration: Configuration, roots: Iterable[bytes]) -> Header:
        """For rows of a home with this configuration, their scales left out."""
        own = configuration
        return cls(own.spec, own.pooling, own.centre, tuple(roots), own.space.whitening)

    @property
    def kind(self) -> tuple[str, Pooling]:
        """Equal exactly where vectors are of one kind, their centre aside."""
        return self.spec.fingerprint, self.pooling

    def describe(self) -> str:
        """Say of what kind the vectors are."""
        return f"{self.spec.describe()}, pooling {self.pooling}, fingerprint {self.spec.fingerprint}"

    @property
    def dimension(self) -> int:
        """The dimension of the vectors."""
        return pooled_dimension(self.spec.dimension, self.pooling)

    def to_metadata(self) -> dict[str, str]:
        """As the schema's metadata has it, which `from_metadata` reads."""
        values = {
            "format": FORMAT,
            "version": __version__,
            "encoder": self.spec.to_json(),
            "fingerprint": self.spec.fingerprint,
            "pooling": self.pooling,
            "centre": _text(self.centre),
            "roots": json.dumps([_text(root) for root in self.roots]),
            "percentiles": self.percentiles or "",
            "measured": str(self.measured),
        }
        if self.whitening:
            values |= {"whitening": _text(self.whitening), "learnt": str(self.learnt)}
        if self.words:
            values["words"] = json.dumps(self.words)
        return {PREFIX + key: value for key, value in {**values, CHECK: _check(values)}.items()}

    @classmethod
    def from_metadata(cls, metadata: dict[str, str]) -> Header:
        """The header that `to_metadata` wrote.

        Raises
        ------
        ValueError
            If it is not whole.
        """
        values = {key[len(PREFIX) :]: text for key, text in metadata.items() if key.startswith(PREFIX)}
        if values.pop(CHECK, "") != _check(values):
            raise ValueError("its metadata is damaged")
        spec = EncoderSpec.from_json(values["encoder"])
        if not _is_sensible(spec) or spec.fingerprint != values["fingerprint"]:
            raise ValueError("its encoder is not described as it should be")
        centre = base64.b64decode(values["centre"], validate=True)
        if centre and not _are_finite(centre, spec.dimension):
            raise ValueError("its mean window is damaged")
        whitening = base64.b64decode(values.get("whitening", ""), validate=True)
        if whitening and not _are_finite(whitening, spec.dimension**2):
            raise ValueError("its whitening is damaged")
        percentiles = values["percentiles"] or None
        if percentiles is not None and not _is_measured(percentiles):
            raise ValueError("its percentiles are damaged")
        roots = tuple(base64.b64decode(text, validate=True) for text in json.loads(values["roots"]))
        if not all(map(is_path, roots)):
            raise ValueError("its folders are no absolute paths")
        pooling: Pooling = next(name for name in POOLINGS if name == values["pooling"])
        words = json.loads(values.get("words", "[]"))
        if not _are_labels(words):
            raise ValueError("its words are damaged")
        learnt, measured = int(values.get("learnt", 0)), int(values["measured"])
        return cls(spec, pooling, centre, roots, whitening, learnt, percentiles, measured, tuple(words))


def _is_sensible(spec: EncoderSpec) -> bool:
    """Whether the parts that are used without the encoder itself are of their types."""
    numbers = (spec.dimension, spec.sample_rate, spec.framing.window, spec.framing.hop)
    return (
        isinstance(spec.name, str)
        and all(isinstance(number, int) and number > 0 for number in numbers)
        and isinstance(spec.hop, float)
        and spec.hop > 0
    )


def _are_finite(numbers: bytes, count: int) -> bool:
    """Whether bytes are so many finite float32 numbers."""
    return len(numbers) == 4 * count and bool(np.isfinite(np.frombuffer(numbers, "<f4")).all())


def _are_labels(words: object) -> bool:
    """Whether these are words, each once, that can be shown."""
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return False
    return all(word.isprintable() and word for word in words) and len(set(words)) == len(words)


def _is_measured(percentiles: str) -> bool:
    quantiles = Percentiles.from_text(percentiles).quantiles
    return quantiles.shape == SHARES.shape and bool((np.diff(quantiles) >= 0).all())


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _check(values: dict[str, str]) -> str:
    return hashlib.blake2b(json.dumps(values, sort_keys=True).encode(), digest_size=16).hexdigest()
