"""Encoders by name: those that come with audiosim, each a file in entries/, described ones, and plug-ins.

An `EncoderEntry` is what can be done with an encoder, its `EncoderCard` what is known of it
without loading it. Listing encoders imports no model and no plug-in.
"""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiosim.core.errors import AudiosimError, UsageError, WeightsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import EntryPoint

    from audiosim.core.types import Encoder, EncoderSpec, Precision
    from audiosim.encoders.request import EncoderRequest
    from audiosim.encoders.weights_file import Checked, WeightsFile
    from audiosim.encoders.words import TextSide, Vocabulary

DEFAULT = "openl3"  # of a new home
FOR_WORDS = "clap"  # to be added where a home's own encoder knows none
PLUG_INS = "audiosim.encoders"  # the group of entry points
DESCRIBED = ".toml"  # how the names of descriptions end
OptionValue = str | int | bool


@dataclass(frozen=True)
class EncoderOption:
    """An option of an encoder's own, beside those that all have.

    Parameters
    ----------
    name : str
        Its name, as in the encoder's spec.
    choices : tuple of str, int or bool
        What it may be, the default first.
    chooses_weights : bool
        Whether other weights go with other values.
    help : str
        What it does, where its choices don't tell.
    """

    name: str
    choices: tuple[OptionValue, ...]
    chooses_weights: bool = False
    help: str = ""


@dataclass(frozen=True)
class EncoderCard:
    """What is known of an encoder without loading it.

    Parameters
    ----------
    name : str
        What it is called, in lower case.
    about : str
        What it is, in a line.
    dimensions : tuple of int
        The numbers a window can have, the default first.
    window : float
        The length of a window in s, that of the default options.
    hop : float
        From window to window in s, where nothing is said.
    licence : str
        The licence of the weights.
    download : int
        The bytes to fetch for the default options.
    text_download : int
        The bytes to fetch besides, when texts are first asked with; 0 if it reads none.
    words : bool
        Whether it knows words.
    whitened : bool
        Whether whitening was shown to make means of its windows answer better (library/whitening.py).
    options : tuple of EncoderOption
        Its own options.
    file_suffixes : tuple of str
        How the names of files with weights end that can be given to it; none if it takes no file.
    """

    name: str
    about: str
    dimensions: tuple[int, ...]
    window: float  # s
    hop: float  # s
    licence: str
    download: int  # bytes
    text_download: int = 0  # bytes
    words: bool = False
    whitened: bool = False
    options: tuple[EncoderOption, ...] = ()
    file_suffixes: tuple[str, ...] = ()


class EncoderEntry(ABC):
    """An encoder as the registry has it: made at once, loads nothing until it is asked to."""

    card: EncoderCard
    named = True  # whether its name stands for it: not so for what is only kept for homes
    quick_windows: float = 0  # so many are had sooner by what starts fast than by what runs fast

    @abstractmethod
    def load(
        self,
        request: EncoderRequest,
        *,
        precision: Precision,
        batch_size: int | None,
        read_only: bool,
        quick: bool,
    ) -> Encoder:
        """Load the encoder that a request, checked by `check_options`, asks for.

        `read_only` keeps and fetches nothing; with `quick`, no more than `quick_windows` are to
        come: what starts fast is better than what runs fast. `WeightsError` where the weights are
        not to be had.
        """

    @abstractmethod
    def spec(self, request: EncoderRequest) -> EncoderSpec:
        """Make the spec of what `load` would give, loading nothing; its weights are the request's digest."""

    @abstractmethod
    def fetch(self, request: EncoderRequest) -> Path:
        """Fetch the weights that a request needs, unless they are here, and say where they are."""

    @abstractmethod
    def weights(self) -> tuple[WeightsFile, ...]:
        """List the weights that it can have, and those that were brought; loads none of them."""

    @abstractmethod
    def check(self) -> Iterator[Checked]:
        """Hold the weights that are here to their digests, and the encoder to what it should give."""

    @abstractmethod
    def pack(self, spec: EncoderSpec) -> dict[str, bytes]:
        """Read the files that loading the encoder of a spec needs, by their names in a weights folder."""

    def import_file(self, file: Path) -> Path:
        """Keep a copy of a file of weights, and say where it is."""
        raise self._takes_no_file(file)

    def weights_digest(self, file: Path, *, read_only: bool) -> str:
        """Give the digest of a file's tensors, as specs have it; keeps a copy unless `read_only`."""
        raise self._takes_no_file(file)

    def fetch_text(self, request: EncoderRequest) -> Path:
        """Fetch what puts texts among the embeddings, unless it is here, and say where it is."""
        raise UsageError(f"{self.card.name} has no text side", "it does not read texts", "Leave `text` out.")

    def accept_licence(self) -> None:
        """Keep that the user accepts the licence of the weights."""
        raise UsageError(
            f"The licence of {self.card.name} need not be accepted",
            f"it is {self.card.licence}",
            "Leave `accept_licence` out.",
        )

    def record(self) -> str:
        """Keep what the encoder answers here; gives it as the self-test of a description, in TOML."""
        raise UsageError(
            f"Can't record what {self.card.name} answers", "that is for encoders of a description"
        )

    def toml(self) -> str:
        """Give the description that the encoder is made by."""
        raise UsageError(f"{self.card.name} has no description", "it is written out", "Leave `toml` out.")

    def own_weights(self, request: EncoderRequest, *, read_only: bool) -> str | None:
        """Give the digest that specs have as weights, where the entry is of a file that brings its own."""
        return None

    def for_spec(self, spec: EncoderSpec) -> EncoderEntry:
        """Give the entry that made a spec, where several have one name."""
        return self

    def vocabulary(self, spec: EncoderSpec) -> Vocabulary | None:
        """Load the words that the encoder of a spec gives scores to; None where it has no fixed ones.

        `WeightsError` where its weights are not here: nothing is fetched for them.
        """
        return None

    def reads_texts(self, spec: EncoderSpec) -> bool:
        """Tell whether `text_side` gives something, loading nothing."""
        return self.card.text_download > 0

    def text_side(self, spec: EncoderSpec, *, read_only: bool) -> TextSide | None:
        """Load what puts any text among the embeddings of a spec; None where it reads none.

        Its files are fetched if need be, unless `read_only`.
        """
        return None

    def _takes_no_file(self, file: Path) -> UsageError:
        return UsageError(f"Can't take weights from {file}", f"{self.card.name} takes no file of weights")


@cache
def built_in() -> dict[str, EncoderEntry]:
    """Give the encoders that come with audiosim by name, the default first; each is `ENTRY` of its file."""
    from importlib import import_module

    from audiosim.encoders import entries

    names = {file.partition(".")[0] for file in os.listdir(entries.__path__[0]) if not file.startswith("_")}
    found: list[EncoderEntry] = [import_module(f"{entries.__name__}.{name}").ENTRY for name in names]
    found.sort(key=lambda entry: (entry.card.name != DEFAULT, entry.card.name))
    return {entry.card.name: entry for entry in found}


def plug_ins() -> dict[str, EntryPoint]:
    """Give the entry points of installed plug-ins by name in lower case, none of them loaded."""
    return _installed(tuple(sys.path))


@cache
def _installed(path: tuple[str, ...]) -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # it reads the metadata of every package

    points = {point.name.casefold(): point for point in entry_points(group=PLUG_INS)}
    return {name: points[name] for name in sorted(points.keys() - built_in().keys())}


def find(name: str) -> EncoderEntry | None:
    """Find an encoder by its name, in any case: a built-in one, else a described one, else a plug-in.

    A name in .toml is the file of a description. What is only kept for homes is not `named`.

    Raises
    ------
    UsageError
        If the description is wrong.
    WeightsError
        If the plug-in is broken.
    """
    key = name.casefold()
    if key in built_in():
        return built_in()[key]
    from audiosim.encoders.described import known

    if is_description(name):
        return known.entry_of_file(Path(name))
    kept = known.find_kept(key)
    if kept is not None:
        return kept
    point = plug_ins().get(key)
    return None if point is None else _loaded(point)


def find_for(spec: EncoderSpec) -> EncoderEntry | None:
    """Find the encoder that made a spec; as `find`."""
    entry = find(spec.name)
    return None if entry is None else entry.for_spec(spec)


def is_description(name: str) -> bool:
    """Tell whether what is given as an encoder's name is the file of a description."""
    return name.casefold().endswith(DESCRIBED)


def described() -> list[str]:
    """List the names of the encoders whose descriptions were imported; reads none of them."""
    from audiosim.encoders.described import known

    return known.imported_names()


def resolve(name: str | None, digest: str | None = None) -> EncoderEntry:
    """Find an encoder by its name; the default one, if None.

    Parameters
    ----------
    name : str, optional
        The name, or the file of a description.
    digest : str, optional
        That of its weights, where they are known: what is kept for homes is found by it.

    Returns
    -------
    EncoderEntry
        The encoder.

    Raises
    ------
    UsageError
        If there is none by that name, or its description is wrong, or was not imported.
    WeightsError
        If it is a plug-in, and broken.
    """
    entry = find(name or DEFAULT)
    if entry is None:
        names = ", ".join((*built_in(), *described(), *plug_ins()))
        remedy = f"Choose one of: {names}; or give a description, FILE{DESCRIBED}."
        raise UsageError(f"No encoder {name}", "there is none by that name", remedy)
    if digest is None and not entry.named:
        raise UsageError(
            f"The name {name} stands for no encoder",
            "what is called so was only used as a file, and not imported",
            f"Give the file, or import it first: audiosim encoders import FILE{DESCRIBED}",
        )
    return entry


def _loaded(point: EntryPoint) -> EncoderEntry:
    source = point.dist.name if point.dist else point.value
    try:
        entry: Any = point.load()
    except Exception as error:  # it is not ours: whatever it raises concerns this encoder only
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise _broken(point.name, source, why) from error
    if not isinstance(entry, EncoderEntry):
        raise _broken(point.name, source, f"{point.value} is no EncoderEntry")
    if entry.card.name != point.name.casefold():
        raise _broken(point.name, source, f"it calls itself {entry.card.name}")
    return entry


def _broken(name: str, source: str, why: str) -> AudiosimError:
    return WeightsError(
        f"The encoder {name} can't be loaded", why, f"It is a plug-in: install {source} again, or remove it."
    )
