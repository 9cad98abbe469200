"""Discogs-EffNet in the registry: a described encoder, whose licence is to be accepted."""

from __future__ import annotations

from audiosim.encoders.described.known import shipped
from audiosim.encoders.registry import EncoderCard

# As its description has it, which is not read at every start.
ENTRY = shipped(
    EncoderCard(
        name="discogs-effnet",
        about="trained on the styles of Discogs (Essentia)",
        dimensions=(1280,),
        window=2.064,
        hop=0.992,
        licence="CC BY-NC-SA 4.0 (non-commercial)",
        download=18_000_000,
    )
)
