"""OpenL3's weights: which were published, and where they are looked for, checked and imported.

The published v0.4.0 files are kept as they are, pinned by their git blob ids. The files look
alike inside, so what names a network is the blob id, or a file's name.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from audiosim.core.errors import WeightsError
from audiosim.encoders.download import git_blob_id
from audiosim.encoders.hdf5 import read_layers
from audiosim.encoders.kept_weights import FoundWeights, KeptWeights, Published
from audiosim.encoders.openl3 import OpenL3Weights

MIRROR_VARIABLE = "AUDIOSIM_OPENL3_URL"
COMMIT = "c2321e8c1e68213357431f1868380a0ef224ce03"
BASE_URL = f"https://github.com/marl/openl3/raw/{COMMIT}"
BLOB_IDS = {
    "linear_env": "7837407f033f3564c7e8d53fc4a4241fe160478b",
    "linear_music": "4e2e61beb17865481c8b8791c72eac8307e2753a",
    "mel128_env": "8c3dfee140f7776373841e5938a3e76c54f28942",
    "mel128_music": "73ff29de441865318c4b3a3f98c40763c4773e7c",
    "mel256_env": "34dbd7a91cdd2de6a3d6d036ac0a24d27d78e3cc",
    "mel256_music": "15e483646fa3d4091a463f0affbb706e6bbbb098",
}
NETWORKS = tuple(sorted(BLOB_IDS))
NAME = re.compile(r"openl3_audio_(?P<network>[a-z0-9]+_[a-z]+)(?:-v0_4_0)?\.h5(?:\.gz)?")


def network_name(input_repr: str, content_type: str) -> str:
    """Name a network as the published files do: ``mel256_music``."""
    return f"{input_repr}_{content_type}"


def file_name(network: str) -> str:
    """Name the published file of a network."""
    return f"openl3_audio_{network}-v0_4_0.h5.gz"


def url(network: str) -> str:
    """Tell where a network's file is published; ``AUDIOSIM_OPENL3_URL`` names a mirror's folder."""
    base = os.environ.get(MIRROR_VARIABLE) or BASE_URL
    return f"{base.rstrip('/')}/{file_name(network)}"


def read_weights(path: Path) -> OpenL3Weights:
    """Read the weights in a file.

    Raises
    ------
    WeightsError
        If it is damaged, or not OpenL3's audio network.
    """
    return OpenL3Weights.from_layers(read_layers(path), str(path))


class WeightsFolder(KeptWeights[str, OpenL3Weights]):
    """The folder where weights are kept; see `KeptWeights`.

    Parameters
    ----------
    path : Path
        The folder, there or not.
    read_only : bool
        Whether nothing is put into it.
    on_new : callable, optional
        Told of published weights, and the network's name, when they have come into it.
    """

    suffix = ".h5"

    def __init__(
        self,
        path: Path,
        *,
        read_only: bool = False,
        on_new: Callable[[OpenL3Weights, str], None] = lambda weights, network: None,
    ) -> None:
        super().__init__(path, read_only=read_only)
        self._on_new = on_new

    def read(self, path: Path) -> OpenL3Weights:
        return read_weights(path)

    def published(self, network: str) -> Published:
        input_repr, content_type = network.split("_")
        return Published(
            file_name(network),
            url(network),
            f"git:{BLOB_IDS[network]}",
            command=f"audiosim weights fetch --input-repr {input_repr} --content-type {content_type}",
            other_ways="Without a connection, bring the file from a machine that has one:\n"
            f"  {url(network)}\n"
            f"and put it into {self.path}, or run: audiosim weights import FILE\n"
            "Or use the encoder whose weights come with a package on PyPI: `encoder` musicnn",
        )

    def find(self, network: str) -> FoundWeights[OpenL3Weights]:
        """Find a network's weights: in the folder, an installed openl3 package, or by download.

        Raises
        ------
        WeightsError
            If they are nowhere, with every way to get them; or if the file in the folder is damaged.
        """
        for path in self.kept(network):
            return FoundWeights(self.checked(path, network), path)
        packaged = _packaged(network)
        if packaged is not None:
            return packaged
        path = self.fetch(network)
        found = FoundWeights(read_weights(path), path)
        self._on_new(found.weights, network)
        return found

    def kept(self, network: str) -> Iterator[Path]:
        """Look for a network's files in the folder, packed or unpacked."""
        packed = self.path / file_name(network)
        return (path for path in (packed, packed.with_suffix("")) if path.is_file())

    @staticmethod
    def checked(path: Path, network: str) -> OpenL3Weights:
        """Read a network's file, the packed one only if it is the published one.

        Raises
        ------
        WeightsError
            If it is not, or is damaged.
        """
        if path.suffix == ".gz" and git_blob_id(path) != BLOB_IDS[network]:
            raise WeightsError(
                f"{path} is not the published file",
                f"its git blob id is not {BLOB_IDS[network]}",
                "Remove it: it is fetched again when it is needed. Give weights of your own as `weights`.",
            )
        return read_weights(path)

    def import_file(self, source: Path) -> FoundWeights[OpenL3Weights]:
        """Keep a copy of a file by its tensors and, if it has one, under its published name.

        Raises
        ------
        WeightsError
            If it is not OpenL3's weights.
        UsageError
            If there is no such file.
        """
        found = self.import_by_digest(source)
        network = self.identify(source)
        if network is None:
            return found
        packed = self.path / file_name(network)
        target = packed if git_blob_id(source) == BLOB_IDS[network] else packed.with_suffix("")
        found = self.keep(found.weights, source, target)
        self._on_new(found.weights, network)
        return found

    def import_by_digest(self, source: Path) -> FoundWeights[OpenL3Weights]:
        """Keep a copy of a file under its tensors' digest only.

        Raises
        ------
        WeightsError, UsageError
            As `import_file` does.
        """
        weights = self.brought(source)
        return self.keep(weights, source, self.by_digest(weights.digest))

    @staticmethod
    def identify(path: Path) -> str | None:
        """Tell which published network a file is: by its content, else by its name."""
        blob = git_blob_id(path)
        for network, known in BLOB_IDS.items():
            if blob == known:
                return network
        match = NAME.fullmatch(path.name)
        return match["network"] if match and match["network"] in BLOB_IDS else None


def _packaged(network: str) -> FoundWeights[OpenL3Weights] | None:
    """Weights of an installed openl3 package, found without importing it."""
    spec = importlib.util.find_spec("openl3")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / f"openl3_audio_{network}.h5"
        if path.is_file():
            try:
                return FoundWeights(read_weights(path), path)
            except WeightsError:
                continue  # a package built without a connection has empty files
    return None
