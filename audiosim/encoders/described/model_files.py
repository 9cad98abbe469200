"""Where the files of described encoders are: beside the description, kept for homes, or fetched.

In the folder of weights, ``described/NAME/DIGEST`` holds what homes need of a description that a user
gave: the TOML, and the files that lay beside it; ``described/NAME/imported`` has the digest of the one
that the name stands for. What is fetched is in ``fetched``, whoever asks for it, and ``accepted`` tells
which licences were.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from audiosim.core.errors import NoWeightsError, UsageError, WeightsError
from audiosim.core.files import hold, replacing
from audiosim.core.text import display_path
from audiosim.encoders.described.description import Description, File, ModelFile
from audiosim.encoders.described.names import descriptions, imported, kept_name, stays
from audiosim.encoders.described.onnx_file import external_files

FETCH_WAIT = 3600.0  # s for another process to finish fetching


@dataclass(frozen=True)
class FoundFile:
    """A file that is here, and its SHA-256."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class FoundModel:
    """A model and the files that it keeps weights in, by their names."""

    path: Path
    files: dict[str, FoundFile]

    def digest(self, description: Description) -> str:
        """The BLAKE2b-128 of the files, and of what in a description changes numbers: a spec's weights."""
        data = sorted((name, file.sha256) for name, file in self.files.items() if name != self.path.name)
        told = json.dumps([self.files[self.path.name].sha256, data])
        return hashlib.blake2b(f"{told}\n{description.numbers}".encode(), digest_size=16).hexdigest()


class ModelFolder:
    """The files of described encoders.

    Parameters
    ----------
    path : Path
        The folder of weights, there or not.
    read_only : bool
        Whether nothing is put into it.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._read_only = read_only

    def description(self, name: str, digest: str) -> Path:
        """Tell where the description is kept, if it is, that an encoder's spec has this digest of."""
        return self.path / kept_name(name, digest)

    def has(self, description: Description, model: ModelFile, file: File) -> Path | None:
        """Tell where a file of a model is, if it is here; not whether it is the right one."""
        paths = [folder / file.name for folder in self._beside(description)]
        fetched = self._fetched(model, file)
        return next(
            (path for path in (*paths, *([fetched] if fetched else ())) if os.path.lexists(path)), None
        )

    def has_model(self, description: Description, model: ModelFile) -> Path | None:
        """Tell where a model is, if all of its files are here."""
        here = [self.has(description, model, file) for file in model.files]
        return here[0] if all(here) else None

    def find(self, description: Description, model: ModelFile, file: File) -> FoundFile:
        """Find a file of a model, fetched if need be, and hold it to its digest.

        Raises
        ------
        WeightsError
            If it can't be had, or is another than the description says.
        NoWeightsError
            If nothing is to be fetched for a look.
        """
        path = self.has(description, model, file) or self._fetch(description, model, file)
        if path.resolve().parent != path.parent.resolve():
            raise WeightsError(
                f"{display_path(os.fsencode(path))} is refused",
                "it is a link to a file elsewhere",
                "Put the file itself beside the description.",
            )
        if not path.is_file():
            raise WeightsError(f"{display_path(os.fsencode(path))} is no file", "", "Bring the file.")
        found = FoundFile(path, _sha256(path))
        wanted = file.sha256 or _noted(path)
        if wanted is not None and found.sha256 != wanted:
            raise WeightsError(
                f"{display_path(os.fsencode(path))} is another file than the description's",
                f"its SHA-256 is {found.sha256}, not {wanted}",
                "Remove it: it is fetched again." if file.urls else "Bring the right one.",
            )
        return found

    def find_model(self, description: Description, model: ModelFile) -> FoundModel:
        """Find a model and all that it keeps beside it.

        Raises
        ------
        WeightsError
            If one of its files can't be had or is another one, or lies elsewhere.
        """
        found = {file.name: self.find(description, model, file) for file in model.files}
        path = found[model.model.name].path
        for name in external_files(path):
            beside = path.with_name(name)
            if name not in found and path.parent in self._beside(description) and os.path.lexists(beside):
                found[name] = self.find(description, model, File(name))
            if name not in found or found[name].path != beside:
                raise WeightsError(
                    f"{display_path(os.fsencode(path))} lacks {name}",
                    "the model keeps weights in it",
                    "Put it beside the model, or name it as `data` in the description.",
                )
        return FoundModel(path, found)

    def keep(self, description: Description, found: FoundModel, *, renew: bool = False) -> Path:
        """Keep what a home needs of a description, so that it can go; says where.

        What is kept already of the same model and numbers stays, unless `renew`: its self-test, its text
        side and its prose may be others.
        """
        place = self.description(description.name, found.digest(description))
        if self._read_only or place == description.place:
            return place.parent
        if not renew and stays(place, description):
            return place.parent
        files = {name: file for name, file in found.files.items() if file.path.parent == description.folder}
        for model, file in _text_files(description, found.path.name):
            if (description.folder / file.name).is_file():
                files[file.name] = self.find(description, model, file)
        for name, lying in files.items():
            kept = place.with_name(name)
            if not kept.exists() or _sha256(kept) != lying.sha256:
                with lying.path.open("rb") as original, replacing(kept) as copy:
                    shutil.copyfileobj(original, copy)
        if not place.exists() or place.read_bytes() != description.source:
            with replacing(place) as toml:
                toml.write(description.source)
        return place.parent

    def bring(self, description: Description, source: Path) -> Path:
        """Keep a copy of a file that would be fetched, and say where.

        Raises
        ------
        WeightsError
            If it is none of the description's.
        UsageError
            If there is no such file.
        """
        if not source.is_file():
            raise UsageError(f"No file {source}", "there is no such file", "Check the path.")
        sha256 = _sha256(source)
        for model, file in all_files(description):
            target = self._fetched(model, file)
            same = file.sha256 == sha256 if file.sha256 else file.name == source.name
            if target is not None and same:
                with source.open("rb") as original, replacing(target) as copy:
                    shutil.copyfileobj(original, copy)
                self._note(file, target)
                return target
        names = ", ".join(file.name for _, file in all_files(description) if file.urls)
        raise WeightsError(
            f"{source} is no file of {description.name}",
            f"its SHA-256 is {sha256}",
            f"Bring one of those that its description names: {names}." if names else "It fetches none.",
        )

    def accept(self, description: Description) -> None:
        """Keep that the user accepts the licence."""
        with replacing(self._acceptance(description)) as file:
            file.write(f"{description.name}\n{description.licence}\n{description.licence_url}\n".encode())

    def _acceptance(self, description: Description) -> Path:
        told = f"{description.licence}\n{description.licence_url}"
        return self.path / "accepted" / f"{description.name}-{hashlib.sha256(told.encode()).hexdigest()[:16]}"

    def _called(self, description: Description) -> str:
        """What commands know a description by: its name, or the file, if the name does not stand for it."""
        from audiosim.encoders.registry import built_in

        known = description.name in built_in() or description.place == imported(self.path, description.name)
        return description.name if known else display_path(os.fsencode(description.place))

    def _beside(self, description: Description) -> list[Path]:
        """Where files beside a description may lie: of a kept one, also where its other variants are."""
        folders = [description.folder]
        if description.folder.parent == self.path / "described" / description.name:
            kept = [path for path in descriptions(self.path, description.name) if path != description.place]
            folders += [path.parent for path in kept if path.read_bytes() == description.source]
        return folders

    def _fetched(self, model: ModelFile, file: File) -> Path | None:
        """Where a file is kept that is fetched: all of a model are in one folder, by what pins them."""
        if not file.urls:
            return None
        pins = [
            one.sha256 or [one.revision, *(urlsplit(url).path for url in one.urls[:1])] for one in model.files
        ]
        key = hashlib.sha256(json.dumps(pins).encode()).hexdigest()[:32]
        return self.path / "fetched" / key / file.name

    def _fetch(self, description: Description, model: ModelFile, file: File) -> Path:
        target = self._fetched(model, file)
        shown = display_path(os.fsencode(description.folder / file.name))
        if target is None:
            raise WeightsError(f"There is no {shown}", "the description names no address", "Bring the file.")
        remedy = (
            f"Without a connection, bring the file from a machine that has one:\n  {file.urls[0]}\n"
            f"and run: audiosim encoders import {file.name} --encoder {self._called(description)}"
        )
        if self._read_only:
            raise NoWeightsError(
                f"{file.name} of {description.name} is not here",
                "nothing is fetched for a look",
                f"Fetch it first: audiosim encoders fetch {self._called(description)}",
            )
        self._check_licence(description)
        target.parent.mkdir(parents=True, exist_ok=True)
        with hold(target.parent / "fetch.lock", wait=FETCH_WAIT, what="fetching weights"):
            if not target.exists():
                self._try_each(file, target, remedy)
                self._note(file, target)
        return target

    def _try_each(self, file: File, target: Path, remedy: str) -> None:
        """Fetch a file from the first address that has it."""
        from audiosim.encoders.download import download

        told = []
        for url in file.urls:
            try:
                download(url, target, f"sha256:{file.sha256}" if file.sha256 else None)
            except WeightsError as error:
                told.append(error)
            except OSError as error:
                raise WeightsError(f"Can't write {target}", error.strerror or str(error)) from error
            else:
                return
        others = [f"{error.what}: {error.why}" for error in told[1:]]
        raise WeightsError(told[0].what, "; ".join([told[0].why, *others]), remedy) from told[0]

    def _note(self, file: File, target: Path) -> None:
        """Keep the digest of a file whose description has none: whether it is damaged later, it tells."""
        if file.sha256 is None:
            with replacing(_note_of(target)) as note:
                note.write(_sha256(target).encode())

    def _check_licence(self, description: Description) -> None:
        if description.accept_licence and not self._acceptance(description).exists():
            read = f" Read it: {description.licence_url}" if description.licence_url else ""
            raise WeightsError(
                f"Nothing is fetched for {description.name}",
                f"its licence was not accepted: {description.licence}.{read}",
                f"If you accept it: audiosim encoders fetch {self._called(description)} --accept-licence",
            )


def all_files(description: Description) -> Iterator[tuple[ModelFile, File]]:
    """Give every file that a description names, with the model it is of; a tokenizer is its own."""
    for variant in description.variants:
        for model in (variant.audio, variant.text):
            if model is not None:
                yield from ((model, file) for file in model.files)
    if description.text is not None:
        yield description.text.model, description.text.tokenizer


def _text_files(description: Description, model: str) -> Iterator[tuple[ModelFile, File]]:
    """The files of the text side of the variant that has this model."""
    for variant in description.variants:
        text = description.text
        if text is not None and variant.text is not None and variant.audio.model.name == model:
            yield text.model, text.tokenizer
            yield from ((variant.text, file) for file in variant.text.files)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _note_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.sha256")


def _noted(path: Path) -> str | None:
    note = _note_of(path)
    return note.read_text("ascii") if note.exists() else None
