"""MusiCNN in the registry."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from audiosim.encoders.registry import EncoderCard, EncoderEntry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from audiosim.core.types import Encoder, EncoderSpec, Precision
    from audiosim.encoders.request import EncoderRequest
    from audiosim.encoders.weights_file import Checked, WeightsFile

MODEL = "MSD"

CARD = EncoderCard(
    name="musicnn",
    about="music tagger (Million Song Dataset)",
    dimensions=(200,),
    window=3.008,
    hop=2.992,
    licence="ISC",
    download=29_000_000,
    whitened=True,
)


class _MusiCNN(EncoderEntry):
    card = CARD
    quick_windows = 400

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
        from audiosim.encoders.musicnn import MusiCNNEncoder, MusiCNNOptions, MusiCNNWeights
        from audiosim.encoders.musicnn_weights import find_musicnn
        from audiosim.encoders.request import framing_values

        weights = MusiCNNWeights.from_checkpoint(find_musicnn(weights_folder(), read_only=read_only))
        options = MusiCNNOptions(**framing_values(request))
        return MusiCNNEncoder(weights, options, batch_size=batch_size, quick=quick)

    def spec(self, request: EncoderRequest) -> EncoderSpec:
        from audiosim.encoders.musicnn import MusiCNNOptions, musicnn_spec
        from audiosim.encoders.request import framing_values

        return musicnn_spec(MusiCNNOptions(**framing_values(request)), request.digest or "")

    def fetch(self, request: EncoderRequest) -> Path:
        from audiosim.core.config import weights_folder
        from audiosim.encoders.musicnn_weights import find_musicnn

        return find_musicnn(weights_folder())

    def weights(self) -> tuple[WeightsFile, ...]:
        from audiosim.core.config import weights_folder
        from audiosim.encoders.musicnn_weights import kept_musicnn
        from audiosim.encoders.weights_file import WeightsFile

        kept = kept_musicnn(weights_folder())
        return (WeightsFile(MODEL, "musicnn 0.1.0 on PyPI", kept, proven=kept is not None),)

    def check(self) -> Iterator[Checked]:
        from audiosim.core.config import weights_folder
        from audiosim.encoders.musicnn_weights import check_file, files, kept_musicnn
        from audiosim.encoders.weights_file import Checked, fault_of

        kept = kept_musicnn(weights_folder())
        for path in files(kept) if kept else ():
            yield Checked(f"{path}: SHA-256", fault_of(partial(check_file, path)))

    def pack(self, spec: EncoderSpec) -> dict[str, bytes]:
        from audiosim.core.config import weights_folder
        from audiosim.encoders.musicnn_weights import files, find_musicnn

        prefix = find_musicnn(weights_folder())
        return {f"{prefix.parent.name}/{path.name}": path.read_bytes() for path in files(prefix)}


ENTRY = _MusiCNN()
