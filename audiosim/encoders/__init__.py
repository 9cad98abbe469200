"""Encoders: models that turn windows of samples into embeddings, loaded once.

`EncoderRequest` is what a user asked for, `EncoderSpec` what that fixes. Importing this package
loads no model and no TensorFlow; `load_encoder` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from audiosim.core.config import weights_folder
from audiosim.core.errors import UsageError, WeightsError
from audiosim.core.types import Encoder, EncoderSpec, Float32, Precision

if TYPE_CHECKING:
    from audiosim.encoders.musicnn import MusiCNNOptions
    from audiosim.encoders.openl3 import OpenL3Options

EncoderName = Literal["openl3", "musicnn"]
ENCODERS: tuple[EncoderName, ...] = get_args(EncoderName)
MIN_HOP = 0.01  # s
MAX_HOP = 600.0  # s
SAID_BY_SPECS = (
    "encoder", "content_type", "input_repr", "embedding_size", "hop", "center", "max_windows",
)  # fmt: skip


@dataclass(frozen=True)
class EncoderRequest:
    """Which encoder is wanted; None where it was not said.

    Parameters
    ----------
    encoder : {"openl3", "musicnn"}, optional
        The encoder's name.
    content_type : {"music", "env"}, optional
        What OpenL3 was trained on.
    input_repr : {"mel256", "mel128", "linear"}, optional
        What OpenL3 sees of the sound.
    embedding_size : {512, 6144}, optional
        The length of OpenL3's embeddings.
    hop : float, optional
        From window to window, in s.
    center : bool, optional
        Whether OpenL3's windows are centred on their times.
    max_windows : int, optional
        The most windows of a track that are embedded, evenly spread.
    weights : Path, optional
        A file of weights to take instead of the published ones.
    digest : str, optional
        The digest of the tensors of weights that are already kept.
    """

    encoder: str | None = None
    content_type: str | None = None
    input_repr: str | None = None
    embedding_size: int | None = None
    hop: float | None = None
    center: bool | None = None
    max_windows: int | None = None
    weights: Path | None = None
    digest: str | None = None


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
    request = request or EncoderRequest()
    name = request.encoder or "openl3"
    _one_of("encoder", name, ENCODERS)
    return _LOADERS[name](request, precision, batch_size, read_only)


def expected_spec(request: EncoderRequest) -> EncoderSpec:
    """Make the spec of the encoder asked for, without loading it; its weights are as the request has them.

    Raises
    ------
    UsageError
        If the request makes no sense.
    """
    name = request.encoder or "openl3"
    _one_of("encoder", name, ENCODERS)
    return _SPECS[name](request)


def load_encoder_for(
    spec: EncoderSpec,
    *,
    precision: Precision = "auto",
    batch_size: int | None = None,
    read_only: bool = False,
    weights: Path | None = None,
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

    Returns
    -------
    Encoder
        The encoder, ready to embed.

    Raises
    ------
    WeightsError
        If its weights, or its version of our code, are not to be had.
    """
    if spec.name not in ENCODERS:
        raise WeightsError(
            f"This audiosim has no encoder {spec.name}",
            "the index was made with an encoder given from Python",
            "Give its equal: index_folder(..., encoder=...).",
        )
    request = replace(request_for(spec), digest=spec.weights, weights=weights)
    encoder = load_encoder(request, precision=precision, batch_size=batch_size, read_only=read_only)
    if encoder.spec != spec:
        raise WeightsError(
            "This audiosim computes other embeddings than the index holds",
            f"the index was made by version {spec.version} of the {spec.name} encoder, "
            f"this is version {encoder.spec.version}",
            "Index again with `rebuild`, or use the audiosim that made the index.",
        )
    return encoder


class LazyEncoder:
    """An encoder whose spec is known, loaded when it is first needed.

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
        if self._loaded is None:
            self._loaded = self._load()
        return self._loaded


def request_for(spec: EncoderSpec) -> EncoderRequest:
    """Give the request that leads to a spec, its weights apart."""
    options: dict[str, Any] = {name: value for name, value in spec.options if name in SAID_BY_SPECS}
    return EncoderRequest(encoder=spec.name, hop=spec.hop, max_windows=spec.max_windows, **options)


def conflicts(request: EncoderRequest, spec: EncoderSpec) -> list[tuple[str, Any, Any]]:
    """List the parts of a request that contradict a spec: (name, asked for, there)."""
    there = request_for(spec)
    pairs = ((name, getattr(request, name), getattr(there, name)) for name in SAID_BY_SPECS)
    return [(name, wanted, found) for name, wanted, found in pairs if wanted not in (None, found)]


def _load_openl3(
    request: EncoderRequest, precision: Precision, batch_size: int | None, read_only: bool
) -> Encoder:
    from audiosim.encoders.openl3 import OpenL3Encoder
    from audiosim.encoders.openl3_weights import WeightsFolder, network_name

    options = _openl3_options(request)
    folder = WeightsFolder(weights_folder(), read_only=read_only)
    network = network_name(options.input_repr, options.content_type)
    if request.weights is not None:
        found = folder.import_by_digest(request.weights)
    elif request.digest is not None:
        found = folder.find_digest(network, request.digest)
    else:
        found = folder.find(network)
    return OpenL3Encoder(found.weights, options, precision=precision, batch_size=batch_size)


def _openl3_spec(request: EncoderRequest) -> EncoderSpec:
    from audiosim.encoders.openl3 import openl3_spec

    return openl3_spec(_openl3_options(request), request.digest or "")


def _openl3_options(request: EncoderRequest) -> OpenL3Options:
    from audiosim.encoders.openl3 import CONTENT_TYPES, EMBEDDING_SIZES, INPUT_REPRS, OpenL3Options

    asked = _options_asked(request, "content_type", "input_repr", "embedding_size", "center")
    options = OpenL3Options(**asked)
    _one_of("content type", options.content_type, CONTENT_TYPES)
    _one_of("input representation", options.input_repr, INPUT_REPRS)
    _one_of("embedding size", options.embedding_size, EMBEDDING_SIZES)
    return options


def _load_musicnn(
    request: EncoderRequest, precision: Precision, batch_size: int | None, read_only: bool
) -> Encoder:
    from audiosim.encoders.musicnn import MusiCNNEncoder, MusiCNNWeights
    from audiosim.encoders.musicnn_weights import find_musicnn

    options = _musicnn_options(request)
    weights = MusiCNNWeights.from_checkpoint(find_musicnn(weights_folder(), read_only=read_only))
    return MusiCNNEncoder(weights, options, batch_size=batch_size)


def _musicnn_spec(request: EncoderRequest) -> EncoderSpec:
    from audiosim.encoders.musicnn import musicnn_spec

    return musicnn_spec(_musicnn_options(request), request.digest or "")


def _musicnn_options(request: EncoderRequest) -> MusiCNNOptions:
    from audiosim.encoders.musicnn import MusiCNNOptions

    for name in ("content_type", "input_repr", "embedding_size", "center", "weights"):
        if getattr(request, name) is not None:
            raise UsageError(
                f"`{name}` does not go with `encoder` musicnn", "it is an option of openl3", "Leave it out."
            )
    return MusiCNNOptions(**_options_asked(request))


def _options_asked(request: EncoderRequest, *names: str) -> dict[str, Any]:
    """What a request says of the hop, the limit and these options, for an encoder's own type."""
    if request.hop is not None and not MIN_HOP <= request.hop <= MAX_HOP:
        raise UsageError(
            f"Hop size {request.hop:g} s", "it is out of range", f"Choose {MIN_HOP:g} to {MAX_HOP:g} s."
        )
    if request.max_windows is not None and request.max_windows < 1:
        raise UsageError(
            f"Can't take {request.max_windows} windows of a track", "the number must be at least 1"
        )
    asked = {name: getattr(request, name) for name in ("max_windows", *names)}
    if request.hop is not None:
        asked["hop"] = float(request.hop)  # an integer would have another fingerprint
    return {name: value for name, value in asked.items() if value is not None}


def _one_of(what: str, value: Any, choices: tuple[Any, ...]) -> None:
    if value not in choices:
        listed = ", ".join(str(choice) for choice in choices)
        raise UsageError(f"No {what} {value!r}", "there is none by that name", f"Choose one of: {listed}.")


_SPECS = {"openl3": _openl3_spec, "musicnn": _musicnn_spec}
_LOADERS = {"openl3": _load_openl3, "musicnn": _load_musicnn}
