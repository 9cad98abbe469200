"""A described encoder in the registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from audiosim.core.errors import WeightsError
from audiosim.encoders.registry import EncoderEntry

if TYPE_CHECKING:
    from audiosim.core.types import Encoder, EncoderSpec, Precision
    from audiosim.encoders.described.description import Description, File, Variant
    from audiosim.encoders.described.encoder import DescribedEncoder
    from audiosim.encoders.described.model_files import FoundModel, ModelFolder
    from audiosim.encoders.described.proofs import Proofs
    from audiosim.encoders.registry import EncoderCard
    from audiosim.encoders.request import EncoderRequest
    from audiosim.encoders.weights_file import Checked, WeightsFile
    from audiosim.encoders.words import TextSide


class DescribedEntry(EncoderEntry):
    """An encoder by its description.

    Parameters
    ----------
    card : EncoderCard
        What is known of it, as `card_of` makes it.
    read : callable
        Gives the description.
    given : bool
        Whether it is of a file that a user gives.
    renew : bool
        Whether it takes the place of what is kept of the same model and numbers.
    named : bool
        Whether its name stands for it; a file needs none.
    """

    def __init__(
        self,
        card: EncoderCard,
        read: Callable[[], Description],
        *,
        given: bool = False,
        renew: bool = False,
        named: bool = True,
    ) -> None:
        self.card, self.named = card, named
        self._read, self._given, self._renew = read, given, renew

    @cached_property
    def description(self) -> Description:
        """What the file says."""
        return self._read()

    def load(
        self,
        request: EncoderRequest,
        *,
        precision: Precision,
        batch_size: int | None,
        read_only: bool,
        quick: bool,
    ) -> Encoder:
        entry, folder = self._of(request.digest), model_folder(read_only=read_only)
        variant = entry._variant(request)
        found = folder.find_model(entry.description, variant.audio)
        weights = found.digest(entry.description)
        if request.digest not in (None, weights):
            raise WeightsError(
                f"The {entry.card.name} of this index ({request.digest}) is not in {folder.path}",
                f"{found.path} and its description make another ({weights})",
                "Bring the description that the index was made with: audiosim encoders import FILE.toml",
            )
        encoder = _encoder(entry.description, variant, found, request, batch_size)
        entry._prove(encoder, variant, found, folder, read_only=read_only)
        return encoder

    def spec(self, request: EncoderRequest) -> EncoderSpec:
        entry = self._of(request.digest)
        return _spec(entry.description, entry._variant(request), request.digest or "", request)

    def fetch(self, request: EncoderRequest) -> Path:
        return model_folder().find_model(self.description, self._variant(request).audio).path

    def fetch_text(self, request: EncoderRequest) -> Path:
        description, variant = self.description, self._variant(request)
        if description.text is None or variant.text is None:
            return super().fetch_text(request)
        model_folder().find(description, description.text.model, description.text.tokenizer)
        return model_folder().find_model(description, variant.text).path

    def accept_licence(self) -> None:
        if not self.description.accept_licence:
            super().accept_licence()
        model_folder().accept(self.description)

    def weights(self) -> tuple[WeightsFile, ...]:
        from audiosim.encoders.weights_file import WeightsFile

        folder, told = model_folder(), []
        for variant in self.description.variants:
            path = folder.has_model(self.description, variant.audio)
            proven = path is not None and _proofs().proven(path, variant.self_test)
            told.append(WeightsFile(variant.name, _source(variant.audio.model), path, proven))
            if variant.text is not None:
                text = folder.has_model(self.description, variant.text)
                pinned = text is not None and all(file.sha256 for file in variant.text.files)
                told.append(WeightsFile(f"{variant.name} text", _source(variant.text.model), text, pinned))
        return tuple(told)

    def check(self) -> Iterator[Checked]:
        from audiosim.encoders.described.model_files import all_files
        from audiosim.encoders.weights_file import Checked, fault_of

        folder = model_folder(read_only=True)
        for model, file in all_files(self.description):
            path = folder.has(self.description, model, file)
            if path is not None:
                fault = fault_of(partial(folder.find, self.description, model, file))
                known = file.sha256 or file.urls
                yield Checked(
                    str(path), fault, "SHA-256 good" if known else "here; it has no digest to be held to"
                )
        for variant in self._here(folder):
            yield from self._checked(variant, folder)

    def record(self) -> str:
        from audiosim.encoders.described.self_test import as_toml, record

        folder, told = model_folder(read_only=True), []
        for variant in self._here(folder):
            encoder = self._loaded(variant, folder)
            test = record(encoder)
            _proofs().keep_recorded(encoder.spec.weights, test)
            told.append(as_toml(test, variant.name))
        return "\n".join(told)

    def toml(self) -> str:
        return self.description.source.decode("utf-8")

    def pack(self, spec: EncoderSpec) -> dict[str, bytes]:
        from audiosim.encoders.described.names import kept_name
        from audiosim.encoders.request import request_for

        entry = self._of(spec.weights)
        found = model_folder().find_model(entry.description, entry._variant(request_for(spec)).audio)
        paths = {name: file.path for name, file in found.files.items()}
        bundle = {kept_name(spec.name, spec.weights): entry.description.source}
        return bundle | {kept_name(spec.name, spec.weights, n): p.read_bytes() for n, p in paths.items()}

    def import_file(self, file: Path) -> Path:
        return model_folder().bring(self.description, file)

    def own_weights(self, request: EncoderRequest, *, read_only: bool) -> str | None:
        """The digest of a description that was given as a file; None if its model is not here for a look."""
        model = self._variant(request).audio
        folder = model_folder(read_only=read_only)
        if not self._given or (read_only and folder.has_model(self.description, model) is None):
            return None
        return folder.find_model(self.description, model).digest(self.description)

    def for_spec(self, spec: EncoderSpec) -> EncoderEntry:
        return self._of(spec.weights)

    def reads_texts(self, spec: EncoderSpec) -> bool:
        from audiosim.encoders.request import request_for

        entry = self._of(spec.weights)
        return entry.description.text is not None and entry._variant(request_for(spec)).text is not None

    def text_side(self, spec: EncoderSpec, *, read_only: bool) -> TextSide | None:
        from audiosim.encoders.described.session import Session
        from audiosim.encoders.described.text import DescribedTextSide
        from audiosim.encoders.request import request_for

        entry, folder = self._of(spec.weights), model_folder(read_only=read_only)
        description, variant = entry.description, entry._variant(request_for(spec))
        if description.text is None or variant.text is None:
            return None
        tokenizer = folder.find(description, description.text.model, description.text.tokenizer).path
        session = Session(folder.find_model(description, variant.text).path)
        return DescribedTextSide(description.text, tokenizer, session, description.dimension)

    def _of(self, digest: str | None) -> DescribedEntry:
        """The entry of the very description that has a digest, where it is kept."""
        from audiosim.encoders.described.known import kept_entry

        kept = model_folder().description(self.card.name, digest) if digest else None
        return kept_entry(kept) if kept is not None and kept.exists() else self

    def _variant(self, request: EncoderRequest) -> Variant:
        from audiosim.encoders.described.card import card_of
        from audiosim.encoders.request import option_values

        name = option_values(card_of(self.description), request).get("variant")
        return self.description.variant(None if name is None else str(name))

    def _prove(
        self,
        encoder: DescribedEncoder,
        variant: Variant,
        found: FoundModel,
        folder: ModelFolder,
        *,
        read_only: bool,
    ) -> None:
        """Hold an encoder to its self-test before it is first used, and keep what homes need of it."""
        from audiosim.encoders.described.self_test import fault

        test, weights = variant.self_test, encoder.spec.weights
        proven = test is None or _proofs().passed(weights, test)
        if test is not None and not proven and (why := fault(encoder, test)):
            raise WeightsError(
                f"{self.card.name} is refused: it does not pass the self-test of its description",
                why,
                "The model, its description or ONNX Runtime is not what the test was made with.",
            )
        if read_only:
            return
        kept = folder.keep(self.description, found, renew=self._renew) / found.path.name
        if test is not None and not proven:
            _proofs().keep_passed(weights, test, [path for path in (found.path, kept) if path.exists()])

    def _checked(self, variant: Variant, folder: ModelFolder) -> Iterator[Checked]:
        from audiosim.encoders.described.self_test import fault, record
        from audiosim.encoders.weights_file import Checked

        try:
            encoder = self._loaded(variant, folder)
            record(encoder)  # what loads may still not run
        except WeightsError as error:
            yield Checked(f"{self.card.name} {variant.name}", f"{error.what}: {error.why}")
            return
        yield from self._kept_as_known(encoder.spec.weights, variant, folder)
        test, recorded = variant.self_test, _proofs().recorded(encoder.spec.weights)
        name = f"{self.card.name} {variant.name}"
        if test is not None:
            why = fault(encoder, test)
            yield Checked(f"{name}: self-test", why)
            if not why:
                models = [path for path in [folder.has_model(self.description, variant.audio)] if path]
                _proofs().keep_passed(encoder.spec.weights, test, models)
        elif recorded is None:
            yield Checked(f"{name}: no self-test in its description", outcome="not proven")
        if recorded is not None:
            yield Checked(
                f"{name}: against what it answered when that was recorded", fault(encoder, recorded)
            )

    def _kept_as_known(self, weights: str, variant: Variant, folder: ModelFolder) -> Iterator[Checked]:
        """Whether a model that is kept for homes, in this folder, is the one that they know."""
        from audiosim.encoders.weights_file import Checked

        place, path = self.description.place, folder.has_model(self.description, variant.audio)
        if path is None or path.parent != place.parent:
            return
        if place == folder.description(self.card.name, place.parent.name):
            fault = "" if weights == place.parent.name else f"it is {weights}: homes do not know this model"
            yield Checked(f"{path}: digest of model and description", fault)

    def _here(self, folder: ModelFolder) -> list[Variant]:
        """The variants whose models are here; if none is, an error says how the first is to be had."""
        here = [one for one in self.description.variants if folder.has_model(self.description, one.audio)]
        if not here:
            folder.find_model(self.description, self.description.variants[0].audio)
        return here

    def _loaded(self, variant: Variant, folder: ModelFolder) -> DescribedEncoder:
        from audiosim.encoders.request import EncoderRequest

        found = folder.find_model(self.description, variant.audio)
        return _encoder(self.description, variant, found, EncoderRequest(), None)


def _encoder(
    description: Description,
    variant: Variant,
    found: FoundModel,
    request: EncoderRequest,
    batch_size: int | None,
) -> DescribedEncoder:
    from audiosim.encoders.described.encoder import DescribedEncoder
    from audiosim.encoders.described.session import Session

    spec = _spec(description, variant, found.digest(description), request)
    return DescribedEncoder(description, Session(found.path), spec, batch_size=batch_size)


def _spec(description: Description, variant: Variant, weights: str, request: EncoderRequest) -> EncoderSpec:
    from audiosim.encoders.described.encoder import described_spec

    return described_spec(description, variant, weights, hop=request.hop, max_windows=request.max_windows)


def _source(file: File) -> str:
    return file.urls[0] if file.urls else ""


def model_folder(*, read_only: bool = False) -> ModelFolder:
    """Give the folder of weights, as described encoders have it."""
    from audiosim.core.config import weights_folder
    from audiosim.encoders.described.model_files import ModelFolder

    return ModelFolder(weights_folder(), read_only=read_only)


def _proofs() -> Proofs:
    from audiosim.core.config import weights_folder
    from audiosim.encoders.described.proofs import Proofs

    return Proofs(weights_folder() / "proofs")
