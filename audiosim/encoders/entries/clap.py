"""LAION's CLAP in the registry: a described encoder, which reads texts too."""

from __future__ import annotations

from audiosim.encoders.described.known import shipped
from audiosim.encoders.registry import EncoderCard, EncoderOption

# As its description has it, which is not read at every start.
ENTRY = shipped(
    EncoderCard(
        name="clap",
        about="hears and reads: audio and texts in one space",
        dimensions=(512,),
        window=10.0,
        hop=10.0,
        licence="Apache-2.0",
        download=117_528_416,
        text_download=503_622_543,
        words=True,
        options=(EncoderOption("variant", ("float32", "fp16", "int8"), chooses_weights=True),),
    )
)
