"""The golden files' described encoders, as files of a user's, or of addresses they are fetched from."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from conftest import GOLDEN

DESCRIBED = GOLDEN / "described"


def written(folder: Path, name: str, source: str) -> Path:
    """A description in a folder of that name; if that ends with url, its models are in `folder`/server."""
    place = folder / name / f"{Path(source).stem}.toml"
    shutil.copytree((DESCRIBED / source).parent, place.parent)
    if name.endswith("url"):
        text = place.read_text("utf-8")
        for model in sorted(place.parent.rglob("*")):
            if model.suffix in (".onnx", ".json"):
                kept = folder / "server" / model.name
                kept.parent.mkdir(exist_ok=True)
                model.rename(kept)
                digest = hashlib.sha256(kept.read_bytes()).hexdigest()
                pin = f'urls = ["{kept.as_uri()}"]\nsha256 = "{digest}"'
                text = text.replace(f'file = "{model.name}"', f'file = "{model.name}"\n{pin}')
        place.write_text(text, "utf-8")
    return place
