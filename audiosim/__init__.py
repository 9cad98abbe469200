"""audiosim finds the tracks in your own music library that sound alike.

    import audiosim

    for event in audiosim.index_folder(["music"]):
        print(event)
    for match in audiosim.find_similar("song.wav", count=5).matches:
        print(match.similarity, match.track.path)

These are the functions that the ``audiosim`` command calls. They print nothing and never exit;
errors are `AudiosimError` and its children. Importing this package is cheap: TensorFlow and
Chroma are loaded when they are first needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from audiosim.version import __version__

if TYPE_CHECKING:
    from audiosim.configure import Wish
    from audiosim.encoders import EncoderRequest, load_encoder
    from audiosim.errors import AudioError, AudiosimError
    from audiosim.extract import Extractor, extract_files
    from audiosim.pipeline import index_folder
    from audiosim.pooling import pool
    from audiosim.report import IndexReport
    from audiosim.run import IndexOptions
    from audiosim.search import SearchResult, find_similar
    from audiosim.status import home_status
    from audiosim.types import (
        EncoderSpec,
        FrameEmbeddings,
        Match,
        Tags,
        Track,
        TrackOutcome,
        TrackVector,
        Waveform,
    )
    from audiosim.upkeep import collect_garbage, forget, relocate
    from audiosim.verify import verify_home

_HOMES = {
    "AudioError": "errors",
    "AudiosimError": "errors",
    "EncoderRequest": "encoders",
    "EncoderSpec": "types",
    "Extractor": "extract",
    "FrameEmbeddings": "types",
    "IndexOptions": "run",
    "IndexReport": "report",
    "Match": "types",
    "SearchResult": "search",
    "Tags": "types",
    "Track": "types",
    "TrackOutcome": "types",
    "TrackVector": "types",
    "Waveform": "types",
    "Wish": "configure",
    "collect_garbage": "upkeep",
    "extract_files": "extract",
    "find_similar": "search",
    "forget": "upkeep",
    "home_status": "status",
    "index_folder": "pipeline",
    "load_encoder": "encoders",
    "pool": "pooling",
    "relocate": "upkeep",
    "verify_home": "verify",
}

__all__ = [
    "AudioError",
    "AudiosimError",
    "EncoderRequest",
    "EncoderSpec",
    "Extractor",
    "FrameEmbeddings",
    "IndexOptions",
    "IndexReport",
    "Match",
    "SearchResult",
    "Tags",
    "Track",
    "TrackOutcome",
    "TrackVector",
    "Waveform",
    "Wish",
    "__version__",
    "collect_garbage",
    "extract_files",
    "find_similar",
    "forget",
    "home_status",
    "index_folder",
    "load_encoder",
    "pool",
    "relocate",
    "verify_home",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
