"""PANNs' weights: which were published, and where they are looked for, checked and imported.

The published files are kept as they are, pinned by their digests; others by that of their tensors.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from audiosim.core.errors import WeightsError
from audiosim.encoders.download import digest_name, has_digest
from audiosim.encoders.kept_weights import FoundWeights, KeptWeights, Published
from audiosim.encoders.panns import PannsWeights, Variant
from audiosim.encoders.torch_file import read_tensors

MIRROR_VARIABLE = "AUDIOSIM_PANNS_URL"
BASE_URL = "https://zenodo.org/records/3987831/files"
FILES: dict[Variant, tuple[str, str]] = {  # name, digest
    "cnn14": ("Cnn14_mAP=0.431.pth", "md5:541141fa2ee191a88f24a3219fff024e"),
    "cnn14-16k": (
        "Cnn14_16k_mAP=0.438.pth",
        "sha256:e2ee543a27919542c2ea03eabaa70b24dcd4e6c8e05621de6b67a94e4c5058e6",
    ),
}


def published_file(variant: Variant) -> Published:
    """Tell which file was published of a network; ``AUDIOSIM_PANNS_URL`` names a mirror's folder."""
    name, digest = FILES[variant]
    base = os.environ.get(MIRROR_VARIABLE) or BASE_URL
    url = f"{base.rstrip('/')}/{quote(name)}?download=1"
    return Published(
        name,
        url,
        digest,
        command=f"audiosim encoders fetch panns --variant {variant}",
        other_ways=f"Without a connection, bring the file from a machine that has one:\n  {url}\n"
        f"and run: audiosim encoders import {name}",
    )


def read_weights(path: Path) -> PannsWeights:
    """Read the weights in a file.

    Raises
    ------
    WeightsError
        If it is damaged, or of neither network.
    """
    return PannsWeights.from_state(read_tensors(path), str(path))


class PannsFolder(KeptWeights[Variant, PannsWeights]):
    """The folder where weights are kept; see `KeptWeights`."""

    suffix = ".pth"
    fetch_wait = 3600.0

    def read(self, path: Path) -> PannsWeights:
        return read_weights(path)

    def published(self, network: Variant) -> Published:
        return published_file(network)

    def find(self, network: Variant) -> FoundWeights[PannsWeights]:
        path = self.kept(network)
        if path is None:
            path = self.fetch(network)
        else:
            self.check(path)
        return FoundWeights(self.read(path), path)

    def kept(self, variant: Variant) -> Path | None:
        """Give the published file of a network, if it is in the folder."""
        path = self.path / FILES[variant][0]
        return path if path.is_file() else None

    def import_file(self, source: Path) -> FoundWeights[PannsWeights]:
        """Keep a copy of a file: a published one under its name, others by their tensors' digest.

        Raises
        ------
        WeightsError
            If it is not the weights of CNN14 or CNN14-16k.
        UsageError
            If there is no such file.
        """
        weights = self.brought(source)
        name, digest = FILES[weights.variant]
        known = has_digest(source, digest)
        return self.keep(weights, source, self.path / name if known else self.by_digest(weights.digest))

    def check(self, path: Path) -> None:
        """Hold a file of the folder to the digest that it is kept by.

        Raises
        ------
        WeightsError
            If it is another file, or damaged.
        """
        digest = dict(FILES.values()).get(path.name)
        if digest is None:
            self.check_imported(path)
        elif not has_digest(path, digest):
            raise WeightsError(
                f"{path} is not the published file", f"its {digest_name(digest)} is another", "Remove it."
            )
