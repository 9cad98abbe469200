"""An encoder's weights as bytes, for a machine that does not have them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from audiosim.core.config import weights_folder
from audiosim.core.errors import UsageError
from audiosim.core.types import EncoderSpec
from audiosim.encoders import request_for


def packed(spec: EncoderSpec) -> dict[str, bytes]:
    """Read the files that `load_encoder_for` needs.

    Parameters
    ----------
    spec : EncoderSpec
        The encoder to load elsewhere.

    Returns
    -------
    dict of str to bytes
        The files' contents by their names in a weights folder.

    Raises
    ------
    UsageError
        If the encoder is none of ours.
    WeightsError
        If they are not to be had.
    """
    if spec.name == "openl3":
        from audiosim.encoders.openl3_weights import WeightsFolder, network_name

        request = request_for(spec)
        network = network_name(request.input_repr or "", request.content_type or "")
        found = WeightsFolder(weights_folder()).find_digest(network, spec.weights)
        return {f"imported/{spec.weights}.h5": found.path.read_bytes()}
    if spec.name == "musicnn":
        from audiosim.encoders.musicnn_weights import FILES_SHA256, find_musicnn

        prefix = find_musicnn(weights_folder())
        names = [f"{prefix.name}.{suffix}" for suffix in FILES_SHA256]
        return {f"{prefix.parent.name}/{name}": prefix.with_name(name).read_bytes() for name in names}
    raise UsageError(
        f"The encoder {spec.name} can't work on a cluster",
        "it was given from Python, and is not one that audiosim can load elsewhere",
    )


def unpack(bundle: Mapping[str, bytes], folder: Path) -> None:
    """Make a weights folder of what `packed` gave."""
    for name, data in bundle.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
