"""PANNs' weights: where they are looked for, checked, imported and fetched.

The published files are kept as they are, pinned by their digests; others by that of their tensors.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from audiosim.core.errors import UsageError, WeightsError
from audiosim.core.files import hold, replacing
from audiosim.encoders.download import digest_name, download, has_digest
from audiosim.encoders.panns import PannsWeights, Variant
from audiosim.encoders.torch_file import read_tensors

MIRROR_VARIABLE = "AUDIOSIM_PANNS_URL"
BASE_URL = "https://zenodo.org/records/3987831/files"
FETCH_WAIT = 3600.0  # s for another process to finish fetching


@dataclass(frozen=True)
class PublishedFile:
    """A file that the authors published: its name, and its digest as `has_digest` takes it."""

    name: str
    digest: str

    @property
    def digest_name(self) -> str:
        """What kind of digest it is: "MD5"."""
        return digest_name(self.digest)


PUBLISHED: dict[Variant, PublishedFile] = {
    "cnn14": PublishedFile("Cnn14_mAP=0.431.pth", "md5:541141fa2ee191a88f24a3219fff024e"),
    "cnn14-16k": PublishedFile(
        "Cnn14_16k_mAP=0.438.pth", "sha256:e2ee543a27919542c2ea03eabaa70b24dcd4e6c8e05621de6b67a94e4c5058e6"
    ),
}


@dataclass(frozen=True)
class FoundWeights:
    """Weights and the file they were read from."""

    weights: PannsWeights
    path: Path


def url(variant: Variant) -> str:
    """Tell where a network's file is published; ``AUDIOSIM_PANNS_URL`` names a mirror's folder."""
    base = os.environ.get(MIRROR_VARIABLE) or BASE_URL
    return f"{base.rstrip('/')}/{quote(PUBLISHED[variant].name)}?download=1"


def read_weights(path: Path) -> PannsWeights:
    """Read the weights in a file.

    Raises
    ------
    WeightsError
        If it is damaged, or of neither network.
    """
    return PannsWeights.from_state(read_tensors(path), str(path))


class PannsFolder:
    """The folder where weights are kept; made when something is put into it.

    Parameters
    ----------
    path : Path
        The folder, there or not.
    read_only : bool
        Whether nothing is put into it.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._read_only = read_only

    def find(self, variant: Variant) -> FoundWeights:
        """Find the published weights of a network: in the folder, or by download.

        Raises
        ------
        WeightsError
            If they can't be had, with every way to get them; or if the file is damaged.
        """
        path = self.kept(variant) or self.fetch(variant)
        return FoundWeights(read_weights(path), path)

    def find_digest(self, variant: Variant, digest: str) -> FoundWeights:
        """Find the weights with this tensor digest, wherever they came from.

        Raises
        ------
        WeightsError
            If only other weights, or none, are to be had.
        """
        brought = self._imported(digest)
        if brought.exists():
            return FoundWeights(read_weights(brought), brought)
        found = self.find(variant)
        if found.weights.digest != digest:
            raise WeightsError(
                f"The weights of this index ({digest}) are not in {self.path}",
                f"{found.path} holds others ({found.weights.digest})",
                "Give the file that the index was made with as `weights`.",
            )
        return found

    def kept(self, variant: Variant) -> Path | None:
        """Give the published file of a network, if it is in the folder."""
        path = self.path / PUBLISHED[variant].name
        return path if path.is_file() else None

    def imported(self) -> list[Path]:
        """List the files kept by their tensors' digest."""
        return sorted((self.path / "imported").glob("*.pth"))

    def fetch(self, variant: Variant) -> Path:
        """Download a network's file unless it is there; two processes fetch it once.

        Raises
        ------
        WeightsError
            If it can't be had, with every other way.
        """
        target = self.path / PUBLISHED[variant].name
        if self._read_only:
            raise WeightsError(
                f"The weights {target.name} are not in {self.path}",
                "nothing is fetched for a look",
                "Fetch them first: audiosim encoders fetch panns"
                f" --variant {variant}\n{self._other_ways(variant)}",
            )
        self.path.mkdir(parents=True, exist_ok=True)
        with hold(self.path / "fetch.lock", wait=FETCH_WAIT, what="fetching weights"):
            if not target.exists():
                try:
                    download(url(variant), target, PUBLISHED[variant].digest)
                except WeightsError as error:
                    raise WeightsError(error.what, error.why, self._other_ways(variant)) from error
                except OSError as error:
                    raise WeightsError(f"Can't write {target}", error.strerror or str(error)) from error
        return target

    def import_file(self, source: Path) -> FoundWeights:
        """Keep a copy of a file: a published one under its name, others by their tensors' digest.

        Raises
        ------
        WeightsError
            If it is not the weights of CNN14 or CNN14-16k.
        UsageError
            If there is no such file.
        """
        if not source.is_file():
            raise UsageError(f"No weights file {source}", "there is no such file", "Check the path.")
        weights = read_weights(source)
        published = PUBLISHED[weights.variant]
        if has_digest(source, published.digest):
            target = self.path / published.name
        else:
            target = self._imported(weights.digest)
        if self._read_only:
            return FoundWeights(weights, source)
        if not (target.exists() and target.samefile(source)):
            with source.open("rb") as original, replacing(target) as copy:
                shutil.copyfileobj(original, copy)
        return FoundWeights(weights, target)

    def check(self, path: Path) -> None:
        """Hold a file of the folder to the digest that it is kept by.

        Raises
        ------
        WeightsError
            If it is another file, or damaged.
        """
        for published in PUBLISHED.values():
            if path.name == published.name:
                if not has_digest(path, published.digest):
                    raise WeightsError(
                        f"{path} is not the published file",
                        f"its {published.digest_name} is another",
                        "Remove it.",
                    )
                return
        digest = read_weights(path).digest
        if digest != path.stem:
            raise WeightsError(f"{path} is damaged", f"its tensors have the digest {digest}", "Remove it.")

    def _imported(self, digest: str) -> Path:
        return self.path / "imported" / f"{digest}.pth"

    def _other_ways(self, variant: Variant) -> str:
        return (
            f"Without a connection, bring the file from a machine that has one:\n"
            f"  {url(variant)}\n"
            f"and run: audiosim encoders import {PUBLISHED[variant].name}"
        )
