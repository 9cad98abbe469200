"""What is known of a described encoder without loading it."""

from __future__ import annotations

from audiosim.encoders.described.description import Description, Variant
from audiosim.encoders.described.windows import default_hop, window_samples
from audiosim.encoders.registry import EncoderCard, EncoderOption


def card_of(description: Description) -> EncoderCard:
    """Say what is known of an encoder by its description."""
    first = description.variants[0]
    variant = EncoderOption("variant", tuple(one.name for one in description.variants), chooses_weights=True)
    return EncoderCard(
        name=description.name,
        about=description.about,
        dimensions=(description.dimension,),
        window=window_samples(description) / description.audio.sample_rate,
        hop=default_hop(description),
        licence=description.licence,
        download=first.audio.size,
        text_download=_text_size(description, first),
        words=description.text is not None,
        options=(variant,) if len(description.variants) > 1 else (),
    )


def _text_size(description: Description, variant: Variant) -> int:
    tokenizer = description.text.tokenizer.size if description.text else 0
    return tokenizer + (variant.text.size if variant.text else 0)
