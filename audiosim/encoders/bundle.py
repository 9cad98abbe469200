"""An encoder's weights as bytes, for a machine that does not have them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from audiosim.core.errors import UsageError
from audiosim.core.types import EncoderSpec
from audiosim.encoders.registry import find_for


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
        If the encoder is not in the registry.
    WeightsError
        If they are not to be had.
    """
    entry = find_for(spec)
    if entry is None:
        raise UsageError(
            f"The encoder {spec.name} can't work on a cluster",
            "it was given from Python, and is not one that audiosim can load elsewhere",
        )
    return entry.pack(spec)


def unpack(bundle: Mapping[str, bytes], folder: Path) -> None:
    """Make a weights folder of what `packed` gave."""
    for name, data in bundle.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
