"""Encoders: models that turn windows of samples into embeddings, loaded once.

`EncoderRequest` is what a user asked for, `EncoderSpec` what that fixes; `registry.py` finds
encoders by name. Importing this package loads no model and no TensorFlow; `load_encoder` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from audiosim.core.errors import AudiosimError, WeightsError
from audiosim.encoders.registry import EncoderEntry, find_for, resolve

if TYPE_CHECKING:
    from concurrent.futures import Future

    from audiosim.core.types import Encoder, EncoderSpec, Float32, Precision
    from audiosim.encoders.request import EncoderRequest


def load_encoder(
    request: EncoderRequest | None = None,
    *,
    precision: Precision = "auto",
    batch_size: int | None = None,
    read_only: bool = False,
) -> Encoder:
    """Load the encoder asked for.

    Parameters
    ----------
    request : EncoderRequest, optional
        What is asked for; OpenL3 music, mel256, 512, hop 1 s, centred, where nothing is said.
    precision : {"auto", "float32"}
        "auto" for bfloat16 convolutions where the processor has them.
    batch_size : int, optional
        Windows computed at a time; by default what is fast on this machine.
    read_only : bool
        Whether weights are neither fetched nor kept: those of a file are read where it lies.

    Returns
    -------
    Encoder
        The encoder, ready to embed.

    Raises
    ------
    UsageError
        If the request makes no sense.
    WeightsError
        If the weights can't be found or fetched.
    """
    from audiosim.encoders.request import EncoderRequest

    request = request or EncoderRequest()
    entry = resolve(request.encoder, request.digest)
    return _load(entry, request, precision, batch_size, read_only=read_only)


def expected_spec(request: EncoderRequest) -> EncoderSpec:
    """Make the spec of the encoder asked for, without loading it; its weights are as the request has them.

    Raises
    ------
    UsageError
        If the request makes no sense.
    """
    from audiosim.encoders.request import check_options

    entry = resolve(request.encoder, request.digest)
    check_options(entry.card, request)
    return entry.spec(request)


def load_encoder_for(
    spec: EncoderSpec,
    *,
    precision: Precision = "auto",
    batch_size: int | None = None,
    read_only: bool = False,
    weights: Path | None = None,
    quick: bool = False,
) -> Encoder:
    """Load the very encoder that a spec describes.

    Parameters
    ----------
    spec : EncoderSpec
        The spec, as an index keeps it.
    precision : {"auto", "float32"}
        "auto" for bfloat16 convolutions where the processor has them.
    batch_size : int, optional
        Windows computed at a time; by default what is fast on this machine.
    read_only : bool
        Whether weights are neither fetched nor kept.
    weights : Path, optional
        A file that holds its weights; by default those that are kept are taken.
    quick : bool
        Whether few windows are to come: what starts fast is better than what runs fast.

    Returns
    -------
    Encoder
        The encoder, ready to embed.

    Raises
    ------
    WeightsError
        If its weights, or its version of our code, are not to be had.
    """
    from audiosim.encoders.request import request_for

    entry = find_for(spec)
    if entry is None:
        raise WeightsError(
            f"This audiosim has no encoder {spec.name}",
            "the index was made with a description or plug-in that is not here, or one given from Python",
            "Bring the description: audiosim encoders import FILE.toml; or install the plug-in, or give the"
            " encoder's equal: index_folder(..., encoder=...).",
        )
    request = replace(request_for(spec), digest=spec.weights, weights=weights)
    encoder = _load(entry, request, precision, batch_size, read_only=read_only, quick=quick)
    if encoder.spec != spec:
        raise WeightsError(
            "This audiosim computes other embeddings than the index holds",
            f"the index was made by version {spec.version} of the {spec.name} encoder, "
            f"this is version {encoder.spec.version}",
            "Index again with `rebuild`, or use the audiosim that made the index.",
        )
    return encoder


class LazyEncoder:
    """An encoder whose spec is known, loaded when it is first needed; where that fails, not tried again.

    Parameters
    ----------
    spec : EncoderSpec
        The spec of the encoder to come.
    load : callable
        Gives the encoder.
    """

    def __init__(self, spec: EncoderSpec, load: Callable[[], Encoder]) -> None:
        self.spec = spec
        self._load = load
        self._loaded: Encoder | None = None
        self._error: AudiosimError | None = None  # why it can't be loaded

    @property
    def loaded(self) -> bool:
        """Whether it has been loaded."""
        return self._loaded is not None

    @property
    def batch_size(self) -> int:
        """The number of windows a call computes best."""
        return self._encoder.batch_size

    @property
    def dtype(self) -> str:
        """What it computes in."""
        return self._encoder.dtype

    @property
    def stage_seconds(self) -> Mapping[str, float]:
        """Seconds spent so far by stage; none before it is loaded."""
        return {} if self._loaded is None else self._loaded.stage_seconds

    def embed(self, windows: Float32) -> Float32:
        """Embeddings float32 (n, dim) of windows float32 (n, samples)."""
        return self._encoder.embed(windows)

    @property
    def _encoder(self) -> Encoder:
        if self._error is not None:
            raise self._error
        if self._loaded is None:
            try:
                self._loaded = self._load()
            except AudiosimError as error:
                self._error = error
                raise
        return self._loaded


class QueryEncoder(LazyEncoder):
    """An encoder for queries: what starts fast embeds the first windows, what runs fast any further ones.

    Parameters
    ----------
    spec : EncoderSpec
        The spec of the encoder to come.
    precision : {"auto", "float32"}
        What it computes in.
    """

    def __init__(self, spec: EncoderSpec, precision: Precision) -> None:
        super().__init__(spec, self._start)
        self._precision = precision
        self._left = 0.0  # windows until what runs fast is better
        self._begun: Future[Encoder] | None = None

    def prepare(self) -> None:
        """Begin to load it beside the decoding of what it is to embed; nothing is fetched or kept by that."""
        if self.loaded or self._begun is not None or not _quick_windows(self.spec):
            return
        from concurrent.futures import ThreadPoolExecutor

        load = partial(load_encoder_for, self.spec, precision=self._precision, read_only=True, quick=True)
        pool = ThreadPoolExecutor(1)
        self._begun = pool.submit(load)
        pool.shutdown(wait=False)

    def embed(self, windows: Float32) -> Float32:
        """Embeddings float32 (n, dim) of windows float32 (n, samples)."""
        encoder = self._encoder
        self._left -= len(windows)
        if self._left < 0:
            batch_size, self._left = encoder.batch_size, inf  # whoever gathers windows goes on as it began
            self._loaded = load_encoder_for(self.spec, precision=self._precision, batch_size=batch_size)
        return self._encoder.embed(windows)

    def _start(self) -> Encoder:
        quick = _quick_windows(self.spec)
        self._left = quick or inf
        if self._begun is not None and self._begun.exception() is None:
            return self._begun.result()
        return load_encoder_for(self.spec, precision=self._precision, quick=quick > 0)


def _quick_windows(spec: EncoderSpec) -> float:
    entry = find_for(spec)
    return 0 if entry is None else entry.quick_windows


def _load(
    entry: EncoderEntry,
    request: EncoderRequest,
    precision: Precision,
    batch_size: int | None,
    *,
    read_only: bool,
    quick: bool = False,
) -> Encoder:
    from audiosim.encoders.request import check_options

    check_options(entry.card, request)
    return entry.load(request, precision=precision, batch_size=batch_size, read_only=read_only, quick=quick)
