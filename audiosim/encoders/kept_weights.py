"""A folder of weights: published files under their names, others by the digest of their tensors."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from audiosim.core.errors import NoWeightsError, UsageError, WeightsError
from audiosim.core.files import hold, replacing
from audiosim.encoders.download import download


class Weights(Protocol):
    """The tensors of a network."""

    @property
    def digest(self) -> str:
        """The BLAKE2b-128 of the tensors, 32 hexadecimal digits."""


W = TypeVar("W", bound=Weights)
N = TypeVar("N", bound=str)


@dataclass(frozen=True)
class FoundWeights(Generic[W]):
    """Weights and the file they were read from.

    Parameters
    ----------
    weights : Weights
        The tensors.
    path : Path
        The file.
    """

    weights: W
    path: Path


@dataclass(frozen=True)
class Published:
    """A file that a network's authors published.

    Parameters
    ----------
    name : str
        The file's name.
    url : str
        Where it is fetched from.
    digest : str
        Its digest, as `has_digest` takes it.
    command : str
        What fetches it: a command.
    other_ways : str
        How to have it without a connection.
    """

    name: str
    url: str
    digest: str
    command: str
    other_ways: str


class KeptWeights(ABC, Generic[N, W]):
    """The folder where weights are kept; made when something is put into it.

    Parameters
    ----------
    path : Path
        The folder, there or not.
    read_only : bool
        Whether nothing is put into it.
    """

    suffix = ""  # of files that are kept by their tensors' digest
    fetch_wait = 600.0  # s for another process to finish fetching

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._read_only = read_only

    @abstractmethod
    def read(self, path: Path) -> W:
        """Read the weights in a file; `WeightsError` if it is damaged, or of no network of the encoder's."""

    @abstractmethod
    def published(self, network: N) -> Published:
        """Tell which file was published of a network."""

    @abstractmethod
    def find(self, network: N) -> FoundWeights[W]:
        """Find the published weights of a network, fetched if need be; `WeightsError` if there is no way."""

    def find_digest(self, network: N, digest: str) -> FoundWeights[W]:
        """Find the weights with this tensor digest, wherever they came from.

        Raises
        ------
        WeightsError
            If only other weights, or none, are to be had.
        """
        brought = self.by_digest(digest)
        if brought.exists():
            return FoundWeights(self.read(brought), brought)
        found = self.find(network)
        if found.weights.digest != digest:
            raise WeightsError(
                f"The weights of this index ({digest}) are not in {self.path}",
                f"{found.path} holds others ({found.weights.digest})",
                "Give the file that the index was made with as `weights`.",
            )
        return found

    def imported(self) -> list[Path]:
        """List the files kept by their tensors' digest."""
        return sorted((self.path / "imported").glob(f"*{self.suffix}"))

    def check_imported(self, path: Path) -> None:
        """Hold a file that is kept by its tensors' digest to that.

        Raises
        ------
        WeightsError
            If it holds others, or is damaged.
        """
        digest = self.read(path).digest
        if digest != path.stem:
            raise WeightsError(f"{path} is damaged", f"its tensors have the digest {digest}", "Remove it.")

    def fetch(self, network: N) -> Path:
        """Download a network's file unless it is there; two processes fetch it once.

        Raises
        ------
        NoWeightsError
            If nothing may be put into the folder.
        WeightsError
            If it can't be had, with every other way.
        """
        file = self.published(network)
        target = self.path / file.name
        if self._read_only:
            raise NoWeightsError(
                f"The weights {file.name} are not in {self.path}",
                "nothing is fetched for a look",
                f"Fetch them first: {file.command}\n{file.other_ways}",
            )
        self.path.mkdir(parents=True, exist_ok=True)
        with hold(self.path / "fetch.lock", wait=self.fetch_wait, what="fetching weights"):
            if not target.exists():
                try:
                    download(file.url, target, file.digest)
                except WeightsError as error:
                    raise WeightsError(error.what, error.why, file.other_ways) from error
                except OSError as error:
                    raise WeightsError(f"Can't write {target}", error.strerror or str(error)) from error
        return target

    def brought(self, source: Path) -> W:
        """Read a file that a user names.

        Raises
        ------
        WeightsError
            If it holds no weights of the encoder's.
        UsageError
            If there is no such file.
        """
        if not source.is_file():
            raise UsageError(f"No weights file {source}", "there is no such file", "Check the path.")
        return self.read(source)

    def by_digest(self, digest: str) -> Path:
        """Tell where weights with this tensor digest are kept that were brought."""
        return self.path / "imported" / f"{digest}{self.suffix}"

    def keep(self, weights: W, source: Path, target: Path) -> FoundWeights[W]:
        """Keep a copy of a file; where nothing may be put into the folder, it is read where it lies."""
        if self._read_only:
            return FoundWeights(weights, source)
        if not (target.exists() and target.samefile(source)):
            with source.open("rb") as original, replacing(target) as copy:
                shutil.copyfileobj(original, copy)
        return FoundWeights(weights, target)
