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
    from audiosim.cluster import Cluster
    from audiosim.configure import Wish
    from audiosim.duplicates import Group, find_duplicates
    from audiosim.encoders import EncoderRequest, load_encoder
    from audiosim.errors import AudioError, AudiosimError
    from audiosim.evaluate import compare_homes, evaluate
    from audiosim.evaluation import EvalOptions, Evaluation, HomeComparison
    from audiosim.exchange import Exported, Imported, export_index, import_index
    from audiosim.extract import Extractor, extract_files
    from audiosim.filters import Filter, Years
    from audiosim.map import Drawing, draw_map
    from audiosim.passage_search import find_passages
    from audiosim.pipeline import index_folder
    from audiosim.playlist import Playlist, make_path, make_radio
    from audiosim.pooling import pool
    from audiosim.queries import indexed_tracks
    from audiosim.ranking import Manners
    from audiosim.report import IndexReport
    from audiosim.run import IndexOptions
    from audiosim.search import SearchResult, find_similar
    from audiosim.spaces import Variant
    from audiosim.status import home_status
    from audiosim.store_url import StoreUrl, parse_store_url
    from audiosim.types import (
        EncoderSpec,
        FrameEmbeddings,
        Match,
        Passage,
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
    "Cluster": "cluster",
    "Drawing": "map",
    "EncoderRequest": "encoders",
    "EncoderSpec": "types",
    "EvalOptions": "evaluation",
    "Evaluation": "evaluation",
    "Exported": "exchange",
    "Extractor": "extract",
    "Filter": "filters",
    "FrameEmbeddings": "types",
    "Group": "duplicates",
    "HomeComparison": "evaluation",
    "Imported": "exchange",
    "IndexOptions": "run",
    "IndexReport": "report",
    "Manners": "ranking",
    "Match": "types",
    "Passage": "types",
    "Playlist": "playlist",
    "SearchResult": "search",
    "StoreUrl": "store_url",
    "Tags": "types",
    "Track": "types",
    "TrackOutcome": "types",
    "TrackVector": "types",
    "Variant": "spaces",
    "Waveform": "types",
    "Wish": "configure",
    "Years": "filters",
    "collect_garbage": "upkeep",
    "compare_homes": "evaluate",
    "draw_map": "map",
    "evaluate": "evaluate",
    "export_index": "exchange",
    "extract_files": "extract",
    "find_duplicates": "duplicates",
    "find_passages": "passage_search",
    "find_similar": "search",
    "forget": "upkeep",
    "home_status": "status",
    "import_index": "exchange",
    "index_folder": "pipeline",
    "indexed_tracks": "queries",
    "load_encoder": "encoders",
    "make_path": "playlist",
    "make_radio": "playlist",
    "parse_store_url": "store_url",
    "pool": "pooling",
    "relocate": "upkeep",
    "verify_home": "verify",
}

__all__ = [
    "AudioError",
    "AudiosimError",
    "Cluster",
    "Drawing",
    "EncoderRequest",
    "EncoderSpec",
    "EvalOptions",
    "Evaluation",
    "Exported",
    "Extractor",
    "Filter",
    "FrameEmbeddings",
    "Group",
    "HomeComparison",
    "Imported",
    "IndexOptions",
    "IndexReport",
    "Manners",
    "Match",
    "Passage",
    "Playlist",
    "SearchResult",
    "StoreUrl",
    "Tags",
    "Track",
    "TrackOutcome",
    "TrackVector",
    "Variant",
    "Waveform",
    "Wish",
    "Years",
    "__version__",
    "collect_garbage",
    "compare_homes",
    "draw_map",
    "evaluate",
    "export_index",
    "extract_files",
    "find_duplicates",
    "find_passages",
    "find_similar",
    "forget",
    "home_status",
    "import_index",
    "index_folder",
    "indexed_tracks",
    "load_encoder",
    "make_path",
    "make_radio",
    "parse_store_url",
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
