"""PANNs' CNN14 in the registry."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from audiosim.encoders.registry import EncoderCard, EncoderEntry, EncoderOption

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from audiosim.core.types import Encoder, EncoderSpec, Precision
    from audiosim.encoders.panns import PannsOptions, Variant
    from audiosim.encoders.panns_weights import PannsFolder
    from audiosim.encoders.request import EncoderRequest
    from audiosim.encoders.weights_file import Checked, WeightsFile
    from audiosim.encoders.words import Vocabulary

CARD = EncoderCard(
    name="panns",
    about="tagger of all kinds of sound (AudioSet)",
    dimensions=(2048,),
    window=10.0,
    hop=10.0,
    licence="CC BY 4.0",
    download=327_428_481,
    words=True,
    options=(EncoderOption("variant", ("cnn14", "cnn14-16k"), chooses_weights=True),),
    file_suffixes=(".pth",),
)


class _Panns(EncoderEntry):
    card = CARD

    def load(
        self,
        request: EncoderRequest,
        *,
        precision: Precision,
        batch_size: int | None,
        read_only: bool,
        quick: bool,
    ) -> Encoder:
        from audiosim.encoders.panns import PannsEncoder

        folder = _folder(read_only=read_only)
        if request.weights is not None:
            found = folder.import_file(request.weights)
        elif request.digest is not None:
            found = folder.find_digest(_variant(request), request.digest)
        else:
            found = folder.find(_variant(request))
        return PannsEncoder(found.weights, _options(request), precision=precision, batch_size=batch_size)

    def spec(self, request: EncoderRequest) -> EncoderSpec:
        from audiosim.encoders.panns import panns_spec

        return panns_spec(_options(request), request.digest or "")

    def fetch(self, request: EncoderRequest) -> Path:
        return _folder().find(_variant(request)).path

    def weights(self) -> tuple[WeightsFile, ...]:
        from audiosim.encoders.panns import VARIANTS
        from audiosim.encoders.panns_weights import published_file
        from audiosim.encoders.weights_file import WeightsFile

        folder = _folder()
        kept = {variant: folder.kept(variant) for variant in VARIANTS}
        files = (WeightsFile(name, published_file(name).url, path, bool(path)) for name, path in kept.items())
        return (*files, *(WeightsFile("imported", "", path) for path in folder.imported()))

    def check(self) -> Iterator[Checked]:
        from audiosim.encoders.download import digest_name
        from audiosim.encoders.panns import VARIANTS
        from audiosim.encoders.panns_weights import published_file
        from audiosim.encoders.weights_file import Checked, fault_of

        folder = _folder()
        for variant in VARIANTS:
            if path := folder.kept(variant):
                kind = digest_name(published_file(variant).digest)
                yield Checked(f"{path}: {kind}", fault_of(partial(folder.check, path)))
        for path in folder.imported():
            yield Checked(f"{path}: digest of its tensors", fault_of(partial(folder.check, path)))

    def pack(self, spec: EncoderSpec) -> dict[str, bytes]:
        from audiosim.encoders.request import request_for

        found = _folder().find_digest(_variant(request_for(spec)), spec.weights)
        return {f"imported/{spec.weights}.pth": found.path.read_bytes()}

    def vocabulary(self, spec: EncoderSpec) -> Vocabulary:
        from audiosim.encoders.panns import vocabulary
        from audiosim.encoders.request import request_for

        found = _folder(read_only=True).find_digest(_variant(request_for(spec)), spec.weights)
        return vocabulary(found.weights)

    def import_file(self, file: Path) -> Path:
        return _folder().import_file(file).path

    def weights_digest(self, file: Path, *, read_only: bool) -> str:
        return _folder(read_only=read_only).import_file(file).weights.digest


def _folder(*, read_only: bool = False) -> PannsFolder:
    from audiosim.core.config import weights_folder
    from audiosim.encoders.panns_weights import PannsFolder

    return PannsFolder(weights_folder(), read_only=read_only)


def _options(request: EncoderRequest) -> PannsOptions:
    from audiosim.encoders.panns import PannsOptions
    from audiosim.encoders.request import framing_values

    return PannsOptions(_variant(request), **framing_values(request))


def _variant(request: EncoderRequest) -> Variant:
    from audiosim.encoders.request import option_values

    return cast("Variant", option_values(CARD, request)["variant"])


ENTRY = _Panns()
