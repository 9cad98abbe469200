"""A description of an encoder, read from TOML: which files, what they take, what they give."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from audiosim.core.errors import UsageError
from audiosim.core.text import display_path
from audiosim.encoders.described.rules import further_faults, patch_faults
from audiosim.encoders.described.schema import Fault, faults, schema, with_defaults, without_defaults
from audiosim.encoders.described.toml_lines import Place, key_lines, line_in, line_of

SUFFIX = ".toml"
HINT = '; text stands in straight quotes ("..."), true and false in small letters, 0.5 with its 0'
REMEDY = "What may stand in a description: docs/encoders.md"

Axis = Literal["batch", "channel", "samples", "frames", "bands"]
Tail = Literal["zeros", "drop", "repeat", "tile"]
Amplitude = Literal["as-is", "int16", "standardised"]
Pool = Literal["none", "mean", "max", "first"]
Signal = Literal["noise", "chirp", "chord"]


@dataclass(frozen=True)
class File:
    """A file beside the description, or one that is fetched and then kept under its name."""

    name: str
    urls: tuple[str, ...] = ()
    sha256: str | None = None
    revision: str | None = None
    size: int = 0  # bytes, as people are told


@dataclass(frozen=True)
class ModelFile:
    """An ONNX file, and those in which it keeps its weights."""

    model: File
    data: tuple[File, ...] = ()

    @property
    def files(self) -> tuple[File, ...]:
        """All of them, the model first."""
        return (self.model, *self.data)

    @property
    def size(self) -> int:
        """What there is to fetch, in bytes."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True)
class SelfTest:
    """The embedding that a model must give for a signal."""

    signal: Signal
    vector: tuple[float, ...]
    tolerance: float  # of the largest number


@dataclass(frozen=True)
class Variant:
    """One of the files that hold the encoder, as of a precision."""

    name: str
    audio: ModelFile
    text: ModelFile | None = None
    self_test: SelfTest | None = None


@dataclass(frozen=True)
class Model:
    """What goes into the model and what comes out; as in the schema."""

    axes: tuple[Axis, ...]
    input: str | None = None
    output: str | None = None
    pool: Pool = "none"
    normalise: bool = False
    batch: int | None = None


@dataclass(frozen=True)
class Audio:
    """What becomes of a track before the front end; as in the schema."""

    sample_rate: int  # Hz
    tail: Tail
    amplitude: Amplitude = "as-is"
    window: float | None = None  # s
    hop: float | None = None  # s


@dataclass(frozen=True)
class Text:
    """How texts are put among the embeddings; as in the schema."""

    tokenizer: File
    max_tokens: int
    pad: str
    input_ids: str
    attention_mask: str
    prompts: tuple[str, ...]
    output: str | None = None

    @property
    def model(self) -> ModelFile:
        """The tokenizer, as files are found."""
        return ModelFile(self.tokenizer)


@dataclass(frozen=True)
class Description:
    """An encoder, described.

    Parameters
    ----------
    place : Path
        Where the description was read; its files are looked for beside it.
    source : bytes
        The TOML, as it was read.
    numbers : str
        What of it decides an embedding's numbers, as canonical JSON: two descriptions with one model and
        one of these give the same embeddings of the same windows.
    mel : mapping, optional
        The parameters of `LogMel`, `patch` and `patch_hop`; None where the model takes samples.
    name, about, licence, licence_url, accept_licence, dimension, model, audio, variants, text
        As in the schema.
    """

    place: Path
    source: bytes
    numbers: str
    name: str
    about: str
    licence: str
    licence_url: str
    accept_licence: bool
    dimension: int
    model: Model
    audio: Audio
    mel: Mapping[str, Any] | None
    variants: tuple[Variant, ...]
    text: Text | None

    @property
    def folder(self) -> Path:
        """The folder that it was read in."""
        return self.place.parent

    def variant(self, name: str | None) -> Variant:
        """Give a variant by its name; the first, if None."""
        return next(one for one in self.variants if name in (None, one.name))


def read_description(path: Path) -> Description:
    """Read and check a description.

    Parameters
    ----------
    path : Path
        The TOML file.

    Returns
    -------
    Description
        What it says, completed by the defaults of the schema.

    Raises
    ------
    UsageError
        If there is no such file, or it is wrong: the error names the line of each fault.
    """
    try:
        source = path.read_bytes()
    except OSError as error:
        shown = display_path(os.fsencode(path))
        raise UsageError(f"Can't read the description {shown}", error.strerror or str(error)) from error
    return parse_description(source, path)


def parse_description(source: bytes, path: Path) -> Description:
    """Check a description whose text is at hand; `path` is where it lies."""
    try:
        text = source.decode("utf-8")
        document = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = source[: error.start].count(b"\n") + 1
        raise _wrong(path, [f"line {line}: it is not UTF-8"]) from error
    except tomllib.TOMLDecodeError as error:
        said = f"line {line_in(str(error), text)}: it is not TOML: {error}"
        raise _wrong(path, [said + (HINT if "Invalid value" in str(error) else "")]) from error
    except RecursionError as error:
        raise _wrong(path, ["line 1: it is nested too deeply"]) from error
    patches = list(patch_faults(document))
    places = {fault.place for fault in patches}
    found = [*patches, *(fault for fault in faults(document) if fault.place not in places)]
    found = found or list(further_faults(document))
    if found:
        lines = key_lines(text)
        told = sorted((line_of(fault.place, lines), _told(fault)) for fault in found)
        raise _wrong(path, [f"line {line}: {what}" for line, what in told])
    return _described(document, source, path)


def _wrong(path: Path, told: list[str]) -> UsageError:
    first, *others = told
    shown = display_path(os.fsencode(path))
    return UsageError(f"The description {shown} is wrong", first, "\n".join([*others, REMEDY]))


def _told(fault: Fault) -> str:
    """A fault as a sentence about a key: ``[audio] tail is missing``."""
    place: Place = fault.place
    names = [str(part) for part in place if isinstance(part, str)]
    *tables, key = names or ["it"]
    table = f"[{'.'.join(tables)}] " if tables else ""
    return f"{table}{key} {fault.text}"


def _described(document: Mapping[str, Any], source: bytes, path: Path) -> Description:
    top = with_defaults(document, schema())
    model, audio = (with_defaults(top[name], _rule(name)) for name in ("model", "audio"))
    mel = with_defaults(top["mel"], _rule("mel")) if "mel" in top else None
    return Description(
        place=path.absolute(),
        source=source,
        numbers=_numbers(top, model, audio, mel),
        name=top["name"],
        about=top["about"],
        licence=top["licence"],
        licence_url=top["licence_url"],
        accept_licence=top["accept_licence"],
        dimension=top["dimension"],
        model=Model(**model | {"axes": tuple(model["axes"])}),
        audio=Audio(**audio),
        mel=mel,
        variants=tuple(_variants(top["variants"])),
        text=_text(top["text"]) if "text" in top else None,
    )


def _rule(name: str) -> Mapping[str, Any]:
    rule: Mapping[str, Any] = schema()["$defs"][name]
    return rule


def _numbers(
    top: Mapping[str, Any],
    model: Mapping[str, Any],
    audio: Mapping[str, Any],
    mel: Mapping[str, Any] | None,
) -> str:
    """What decides an embedding's numbers; not what is as by default, so that fields can be added.

    The hop is the spec's own. An input's name, and how many windows are run at a time, decide nothing.
    """
    model = {name: value for name, value in model.items() if name not in ("input", "batch")}
    audio = {name: value for name, value in audio.items() if name != "hop"}
    parts = {
        "dimension": top["dimension"],
        "model": without_defaults(model, _rule("model")),
        "audio": without_defaults(audio, _rule("audio")),
    }
    if mel is not None:
        parts["mel"] = without_defaults({n: v for n, v in mel.items() if n != "patch_hop"}, _rule("mel"))
    return json.dumps(_plain(parts), sort_keys=True, separators=(",", ":"))


def _plain(value: Any) -> Any:
    """Whole numbers without a point, so that 50 and 50.0 are one."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _variants(tables: Mapping[str, Any]) -> Iterator[Variant]:
    for name, table in tables.items():
        test = table.get("self_test")
        yield Variant(
            name,
            _model_file(table),
            _model_file(table["text"]) if "text" in table else None,
            test and _self_test(with_defaults(test, _rule("self_test"))),
        )


def _model_file(table: Mapping[str, Any]) -> ModelFile:
    return ModelFile(_file(table), tuple(_file(each) for each in table.get("data", ())))


def _file(table: Mapping[str, Any]) -> File:
    return File(
        table["file"],
        tuple(table.get("urls", ())),
        table.get("sha256"),
        table.get("revision"),
        table.get("bytes", 0),
    )


def _self_test(table: Mapping[str, Any]) -> SelfTest:
    return SelfTest(table["signal"], tuple(map(float, table["vector"])), table["tolerance"])


def _text(table: Mapping[str, Any]) -> Text:
    whole = with_defaults(table, _rule("text"))
    whole |= {"tokenizer": _file(whole["tokenizer"]), "prompts": tuple(whole["prompts"])}
    return Text(**whole)
