"""What a decoder is told beside the packets, where that changes how they sound.

The digest covers packets. A header may say how to decode them, but mostly says what is usual, or what
follows from them; only what is neither becomes part of the digest, which stays for all other files what
it always was. Of codecs not named here, headers differ with tags or encoders, and the packets with them.
"""

from __future__ import annotations

OPUS_GAIN, OPUS_FAMILY = slice(16, 18), 18  # where an OpusHead has them
USUAL_FAMILIES = (0, 1)  # of channels
ALAC_RICE, USUAL_RICE = slice(18, 21), (40, 10, 14)  # parameters of its entropy coder
AAC_LC, AAC_SBR, AAC_PS = 2, 5, 29
ESCAPED_KIND, ESCAPED_RATE = 31, 15


def unusual_setup(codec: str, data: bytes) -> bytes:
    """Give of a decoder's setup data what changes the sound of its packets; nothing where it is usual."""
    if codec == "opus":
        return _unusual_opus(data)
    if codec == "alac":
        rice = tuple(data[ALAC_RICE])
        return b"" if not rice or rice == USUAL_RICE else data
    if codec == "aac":
        return b"" if not data or _usual_aac(data) else data
    return b""


def _unusual_opus(data: bytes) -> bytes:
    if len(data) <= OPUS_FAMILY:
        return b""
    if data[OPUS_FAMILY] not in USUAL_FAMILIES:
        return data
    gain = data[OPUS_GAIN]
    return gain if any(gain) else b""


def _usual_aac(data: bytes) -> bool:
    """Whether an AudioSpecificConfig is of AAC-LC in frames of 1024, perhaps with the usual extensions."""
    bits = _Bits(data)
    kind, rate = bits.kind(), bits.rate()
    bits.take(4)  # channels
    if kind in (AAC_SBR, AAC_PS):
        if bits.rate() == rate:
            return False  # its upper half is left out
        kind = bits.kind()
    return kind == AAC_LC and bits.take(3) == 0  # frames of 960, a core coder, extensions


class _Bits:
    """Bits of bytes, from the first; zeros behind the last."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big") << 64
        self._left = 8 * len(data) + 64

    def take(self, count: int) -> int:
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)

    def kind(self) -> int:
        kind = self.take(5)
        return kind if kind != ESCAPED_KIND else 32 + self.take(6)

    def rate(self) -> tuple[int, int]:
        index = self.take(4)
        return index, self.take(24) if index == ESCAPED_RATE else 0
