"""MusiCNN in the registry."""

from __future__ import annotations

from functools import partial
from math import inf
from typing import TYPE_CHECKING, cast

from audiosim.encoders.registry import EncoderCard, EncoderEntry, EncoderOption

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from audiosim.core.types import Encoder, EncoderSpec, Precision
    from audiosim.encoders.musicnn import MusiCNNOptions, Variant
    from audiosim.encoders.request import EncoderRequest
    from audiosim.encoders.weights_file import Checked, WeightsFile
    from audiosim.encoders.words import Vocabulary

CARD = EncoderCard(
    name="musicnn",
    about="music tagger (Million Song Dataset, or MagnaTagATune)",
    dimensions=(200,),
    window=3.008,
    hop=2.992,
    licence="ISC",
    download=29_000_000,
    words=True,
    whitened=True,
    options=(EncoderOption("variant", ("msd", "mtt"), chooses_weights=True),),
)


class _MusiCNN(EncoderEntry):
    card = CARD
    quick_windows = inf  # a fifth slower a window, but a server has no request wait for a library to load

    def load(
        self,
        request: EncoderRequest,
        *,
        precision: Precision,
        batch_size: int | None,
        read_only: bool,
        quick: bool,
    ) -> Encoder:
        from audiosim.core.config import weights_folder
        from audiosim.encoders.musicnn import MusiCNNEncoder, MusiCNNWeights
        from audiosim.encoders.musicnn_weights import find_musicnn

        prefix = find_musicnn(weights_folder(), _variant(request), read_only=read_only)
        weights = MusiCNNWeights.from_checkpoint(prefix)
        return MusiCNNEncoder(weights, _options(request), batch_size=batch_size, quick=quick)

    def spec(self, request: EncoderRequest) -> EncoderSpec:
        from audiosim.encoders.musicnn import musicnn_spec

        return musicnn_spec(_options(request), request.digest or "")

    def fetch(self, request: EncoderRequest) -> Path:
        from audiosim.core.config import weights_folder
        from audiosim.encoders.musicnn_weights import find_musicnn

        return find_musicnn(weights_folder(), _variant(request))

    def weights(self) -> tuple[WeightsFile, ...]:
        from audiosim.core.config import weights_folder
        from audiosim.encoders.musicnn_weights import MODELS, kept_musicnn
        from audiosim.encoders.weights_file import WeightsFile

        kept = {variant: kept_musicnn(weights_folder(), variant) for variant in MODELS}
        return tuple(
            WeightsFile(variant.upper(), "musicnn 0.1.0 on PyPI", path, proven=path is not None)
            for variant, path in kept.items()
        )

    def check(self) -> Iterator[Checked]:
        from audiosim.core.config import weights_folder
        from audiosim.encoders.musicnn_weights import MODELS, check_file, files, kept_musicnn
        from audiosim.encoders.weights_file import Checked, fault_of

        for variant in MODELS:
            kept = kept_musicnn(weights_folder(), variant)
            for path in files(kept) if kept else ():
                yield Checked(f"{path}: SHA-256", fault_of(partial(check_file, path, variant)))

    def pack(self, spec: EncoderSpec) -> dict[str, bytes]:
        from audiosim.core.config import weights_folder
        from audiosim.encoders.musicnn_weights import files, find_musicnn
        from audiosim.encoders.request import request_for

        prefix = find_musicnn(weights_folder(), _variant(request_for(spec)))
        return {f"{prefix.parent.name}/{path.name}": path.read_bytes() for path in files(prefix)}

    def vocabulary(self, spec: EncoderSpec) -> Vocabulary:
        from audiosim.core.config import weights_folder
        from audiosim.core.errors import WeightsError
        from audiosim.encoders.musicnn import MusiCNNWeights, vocabulary
        from audiosim.encoders.musicnn_weights import find_musicnn
        from audiosim.encoders.request import request_for

        variant = _variant(request_for(spec))
        prefix = find_musicnn(weights_folder(), variant, read_only=True)
        if MusiCNNWeights.from_checkpoint(prefix).digest != spec.weights:
            raise WeightsError(
                "The last layer that goes with these embeddings is not here", f"{prefix} is another network's"
            )
        return vocabulary(prefix, variant)


def _options(request: EncoderRequest) -> MusiCNNOptions:
    from audiosim.encoders.musicnn import MusiCNNOptions
    from audiosim.encoders.request import framing_values

    return MusiCNNOptions(_variant(request), **framing_values(request))


def _variant(request: EncoderRequest) -> Variant:
    from audiosim.encoders.request import option_values

    return cast("Variant", option_values(CARD, request)["variant"])


ENTRY = _MusiCNN()
