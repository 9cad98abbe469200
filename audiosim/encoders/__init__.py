"""Encoders: models that turn windows of samples into embeddings, loaded once.

`EncoderRequest` is what a user asked for, `EncoderSpec` what that fixes. Importing this package
loads no model and no TensorFlow; `load_encoder` does.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from audiosim.core.config import weights_folder
from audiosim.core.errors import UsageError, WeightsError
from audiosim.core.types import Encoder, EncoderSpec, Precision

if TYPE_CHECKING:
    from audiosim.encoders.musicnn import MusiCNNOptions
    from audiosim.encoders.openl3 import OpenL3Options

EncoderName = Literal["openl3", "musicnn"]
ENCODERS: tuple[EncoderName, ...] = get_args(EncoderName)
MIN_HOP = 0.01  # s
MAX_HOP = 600.0  # s


@dataclass(frozen=True)
class EncoderRequest:
    """Which encoder is wanted; None where it was not said.

    ``hop`` in s; ``weights``, a file; ``digest``, of the tensors of weights that are already kept.
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


FLAGS = {
    "encoder": "--encoder",
    "content_type": "--content-type",
    "input_repr": "--input-repr",
    "embedding_size": "--embedding-size",
    "hop": "--hop-size",
    "center": "--center/--no-center",
    "max_windows": "--max-windows",
}


def load_encoder(
    request: EncoderRequest | None = None, *, precision: Precision = "auto", batch_size: int | None = None
) -> Encoder:
    """Loads the encoder asked for; OpenL3 music, mel256, 512, hop 1 s, centred, by default.

    Raises
    ------
    UsageError : when the request makes no sense.
    WeightsError : when the weights can't be found or fetched.
    """
    request = request or EncoderRequest()
    sizes = {"batch_size": batch_size} if batch_size else {}
    if (request.encoder or "openl3") == "openl3":
        from audiosim.encoders.openl3 import OpenL3Encoder
        from audiosim.encoders.openl3_weights import WeightsFolder, network_name

        options = _openl3_options(request)
        folder = WeightsFolder(weights_folder())
        network = network_name(options.input_repr, options.content_type)
        if request.weights is not None:
            found = folder.import_by_digest(request.weights)
        elif request.digest is not None:
            found = folder.find_digest(network, request.digest)
        else:
            found = folder.find(network)
        return OpenL3Encoder(found.weights, options, precision=precision, **sizes)
    return _load_musicnn(_musicnn_options(request), sizes)


def load_encoder_for(
    spec: EncoderSpec,
    *,
    precision: Precision = "auto",
    batch_size: int | None = None,
) -> Encoder:
    """Loads the very encoder that `spec` describes.

    Raises
    ------
    WeightsError : when its weights, or its version of our code, are not to be had.
    """
    sizes = {"batch_size": batch_size} if batch_size else {}
    encoder: Encoder
    if spec.name == "openl3":
        from audiosim.encoders.openl3 import OpenL3Encoder
        from audiosim.encoders.openl3_weights import WeightsFolder, network_name

        options = _openl3_options(request_for(spec))
        folder = WeightsFolder(weights_folder())
        found = folder.find_digest(network_name(options.input_repr, options.content_type), spec.weights)
        encoder = OpenL3Encoder(found.weights, options, precision=precision, **sizes)
    elif spec.name == "musicnn":
        encoder = _load_musicnn(_musicnn_options(request_for(spec)), sizes)
    else:
        raise WeightsError(
            f"This audiosim has no encoder {spec.name}",
            "the index was made with an encoder given from Python",
            "Give its equal: index_folder(..., encoder=...).",
        )
    if encoder.spec != spec:
        raise WeightsError(
            "This audiosim computes other embeddings than the index holds",
            f"the index was made by version {spec.version} of the {spec.name} encoder, "
            f"this is version {encoder.spec.version}",
            "Run 'audiosim index --rebuild', or use the audiosim that made the index.",
        )
    return encoder


def request_for(spec: EncoderSpec) -> EncoderRequest:
    """The request that leads to `spec` (given its weights)."""
    options: dict[str, Any] = {name: value for name, value in spec.options if name in FLAGS}
    return EncoderRequest(encoder=spec.name, hop=spec.hop, max_windows=spec.max_windows, **options)


def conflicts(request: EncoderRequest, spec: EncoderSpec) -> list[tuple[str, Any, Any]]:
    """Flags of a request that contradict a spec: (flag, asked for, there)."""
    there = request_for(spec)
    found = []
    for field in fields(EncoderRequest):
        wanted = getattr(request, field.name)
        if field.name in FLAGS and wanted is not None and wanted != getattr(there, field.name):
            found.append((FLAGS[field.name], wanted, getattr(there, field.name)))
    return found


def _openl3_options(request: EncoderRequest) -> OpenL3Options:
    from audiosim.encoders.openl3 import CONTENT_TYPES, EMBEDDING_SIZES, INPUT_REPRS, OpenL3Options

    _check_hop(request.hop)
    default = OpenL3Options()
    return OpenL3Options(
        content_type=_one_of("content type", request.content_type or default.content_type, CONTENT_TYPES),
        input_repr=_one_of("input representation", request.input_repr or default.input_repr, INPUT_REPRS),
        embedding_size=_one_of(
            "embedding size", request.embedding_size or default.embedding_size, EMBEDDING_SIZES
        ),
        center=default.center if request.center is None else request.center,
        hop=default.hop if request.hop is None else float(request.hop),
        max_windows=_checked_limit(request.max_windows),
    )


def _musicnn_options(request: EncoderRequest) -> MusiCNNOptions:
    from audiosim.encoders.musicnn import MusiCNNOptions

    _one_of("encoder", request.encoder, ENCODERS)
    for name in ("content_type", "input_repr", "embedding_size", "center", "weights"):
        if getattr(request, name) is not None:
            flag = FLAGS.get(name, "--weights")
            raise UsageError(
                f"{flag} does not go with --encoder musicnn", "it is an option of openl3", "Leave it out."
            )
    _check_hop(request.hop)
    hop = MusiCNNOptions().hop if request.hop is None else float(request.hop)
    return MusiCNNOptions(hop, _checked_limit(request.max_windows))


def _load_musicnn(options: MusiCNNOptions, sizes: dict[str, int]) -> Encoder:
    from audiosim.encoders.musicnn import MusiCNNEncoder, MusiCNNWeights
    from audiosim.encoders.musicnn_weights import find_musicnn

    return MusiCNNEncoder(MusiCNNWeights.from_checkpoint(find_musicnn(weights_folder())), options, **sizes)


def _one_of(what: str, value: Any, choices: tuple[Any, ...]) -> Any:
    if value not in choices:
        listed = ", ".join(str(choice) for choice in choices)
        raise UsageError(f"No {what} {value!r}", "there is none by that name", f"Choose one of: {listed}.")
    return value


def _check_hop(hop: float | None) -> None:
    if hop is not None and not MIN_HOP <= hop <= MAX_HOP:
        raise UsageError(f"Hop size {hop:g} s", "it is out of range", f"Choose {MIN_HOP:g} to {MAX_HOP:g} s.")


def _checked_limit(windows: int | None) -> int | None:
    if windows is not None and windows < 1:
        raise UsageError(f"Can't take {windows} windows of a track", "the number must be at least 1")
    return windows
