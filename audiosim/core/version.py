"""The version, kept where every module can read it."""

__version__ = "0.2.0.dev0"
DECODING = 3  # raised by what changes windows or their levels, but not the encoder: library/decoding.py
