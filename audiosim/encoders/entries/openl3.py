"""OpenL3 in the registry."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from audiosim.encoders.registry import EncoderCard, EncoderEntry, EncoderOption

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from audiosim.core.types import Encoder, EncoderSpec, Precision
    from audiosim.encoders.openl3 import OpenL3Options, OpenL3Weights
    from audiosim.encoders.openl3_weights import WeightsFolder
    from audiosim.encoders.request import EncoderRequest
    from audiosim.encoders.weights_file import Checked, WeightsFile

CARD = EncoderCard(
    name="openl3",
    about="self-supervised on music, or on everyday sound",
    dimensions=(512, 6144),
    window=1.0,
    hop=1.0,
    licence="CC BY 4.0",
    download=17_000_000,
    options=(
        EncoderOption("content_type", ("music", "env"), chooses_weights=True),
        EncoderOption("input_repr", ("mel256", "mel128", "linear"), chooses_weights=True),
        EncoderOption("embedding_size", (512, 6144)),
        EncoderOption("center", (True, False), help="let the first window centre on the start"),
    ),
    file_suffixes=(".h5", ".h5.gz"),
)


class _OpenL3(EncoderEntry):
    card = CARD
    quick_windows = 48

    def load(
        self,
        request: EncoderRequest,
        *,
        precision: Precision,
        batch_size: int | None,
        read_only: bool,
        quick: bool,
    ) -> Encoder:
        from audiosim.encoders.openl3 import OpenL3Encoder

        folder = _folder(read_only=read_only)
        if request.weights is not None:
            found = folder.import_by_digest(request.weights)
        elif request.digest is not None:
            found = folder.find_digest(_network(request), request.digest)
        else:
            found = folder.find(_network(request))
        return OpenL3Encoder(
            found.weights, _options(request), precision=precision, batch_size=batch_size, quick=quick
        )

    def spec(self, request: EncoderRequest) -> EncoderSpec:
        from audiosim.encoders.openl3 import openl3_spec

        return openl3_spec(_options(request), request.digest or "")

    def fetch(self, request: EncoderRequest) -> Path:
        return _folder().find(_network(request)).path

    def weights(self) -> tuple[WeightsFile, ...]:
        from audiosim.encoders.openl3_weights import NETWORKS, url
        from audiosim.encoders.weights_file import WeightsFile

        folder = _folder()
        published = []
        for network in NETWORKS:
            kept = next(folder.kept(network), None)
            proven = kept is not None and kept.suffix == ".gz"  # its name alone tells what an unpacked one is
            published.append(WeightsFile(network, url(network), kept, proven))
        return (*published, *(WeightsFile("imported", "", path) for path in folder.imported()))

    def check(self) -> Iterator[Checked]:
        from audiosim.encoders.openl3_proof import proofs
        from audiosim.encoders.openl3_weights import NETWORKS
        from audiosim.encoders.weights_file import Checked, fault_of

        folder = _folder()
        for network in NETWORKS:
            for path in folder.kept(network):
                how = "git blob id" if path.suffix == ".gz" else "shapes only: an unpacked file has no digest"
                fault = fault_of(partial(folder.checked, path, network))
                yield Checked(f"{path}: {how}", fault)
                if not fault:
                    for proof in proofs(folder.checked(path, network), network):
                        yield Checked(f"{path}: {proof.what}", proof.fault)
        for path in folder.imported():
            yield Checked(f"{path}: digest of its tensors", fault_of(partial(folder.check_imported, path)))

    def pack(self, spec: EncoderSpec) -> dict[str, bytes]:
        from audiosim.encoders.request import request_for

        found = _folder().find_digest(_network(request_for(spec)), spec.weights)
        return {f"imported/{spec.weights}.h5": found.path.read_bytes()}

    def import_file(self, file: Path) -> Path:
        return _folder().import_file(file).path

    def weights_digest(self, file: Path, *, read_only: bool) -> str:
        return _folder(read_only=read_only).import_by_digest(file).weights.digest


def _folder(*, read_only: bool = False) -> WeightsFolder:
    from audiosim.core.config import weights_folder
    from audiosim.encoders.openl3_weights import WeightsFolder

    return WeightsFolder(weights_folder(), read_only=read_only, on_new=_prove)


def _prove(weights: OpenL3Weights, network: str) -> None:
    from audiosim.encoders.openl3_proof import warn_unless_proven

    warn_unless_proven(weights, network)


def _options(request: EncoderRequest) -> OpenL3Options:
    from audiosim.encoders.openl3 import OpenL3Options
    from audiosim.encoders.request import framing_values, option_values

    values: dict[str, Any] = option_values(CARD, request)
    return OpenL3Options(**values, **framing_values(request))


def _network(request: EncoderRequest) -> str:
    from audiosim.encoders.openl3_weights import network_name
    from audiosim.encoders.request import option_values

    values = option_values(CARD, request)
    return network_name(str(values["input_repr"]), str(values["content_type"]))


ENTRY = _OpenL3()
