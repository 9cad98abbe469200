"""Encoders that are a file: an ONNX model, and a TOML description of what it is to be given.

`description.py` reads the TOML, `schema.json` says what may stand in it; `encoder.py` runs the model.
docs/encoders.md tells how to write one.
"""
