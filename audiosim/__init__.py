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

from audiosim.core.version import __version__

if TYPE_CHECKING:
    from audiosim.core.errors import AudioError, AudiosimError
    from audiosim.core.types import (
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
    from audiosim.encoders import EncoderRequest, load_encoder
    from audiosim.encoders.pooling import pool
    from audiosim.evaluation.evaluate import compare_homes, evaluate
    from audiosim.evaluation.results import EvalOptions, Evaluation, HomeComparison
    from audiosim.evaluation.variants import Variant
    from audiosim.extract import Extractor, extract_files
    from audiosim.indexing.cluster import Cluster
    from audiosim.indexing.exchange import Exported, Imported, export_index, import_index
    from audiosim.indexing.maintenance import collect_garbage, forget, relocate
    from audiosim.indexing.pipeline import index_folder
    from audiosim.indexing.report import IndexReport
    from audiosim.indexing.run import IndexOptions
    from audiosim.indexing.verify import verify_home
    from audiosim.library.configuration import Wish
    from audiosim.library.filters import Filter, Years
    from audiosim.library.index import indexed_tracks
    from audiosim.library.status import home_status
    from audiosim.library.store_url import StoreUrl, parse_store_url
    from audiosim.map import Drawing, draw_map
    from audiosim.search.duplicates import Group, find_duplicates
    from audiosim.search.passage_search import find_passages
    from audiosim.search.playlist import Playlist, make_path, make_radio
    from audiosim.search.ranking import RankingOptions
    from audiosim.search.similar import SearchResult, find_similar

_HOMES = {
    "AudioError": "core.errors",
    "AudiosimError": "core.errors",
    "Cluster": "indexing.cluster",
    "Drawing": "map",
    "EncoderRequest": "encoders",
    "EncoderSpec": "core.types",
    "EvalOptions": "evaluation.results",
    "Evaluation": "evaluation.results",
    "Exported": "indexing.exchange",
    "Extractor": "extract",
    "Filter": "library.filters",
    "FrameEmbeddings": "core.types",
    "Group": "search.duplicates",
    "HomeComparison": "evaluation.results",
    "Imported": "indexing.exchange",
    "IndexOptions": "indexing.run",
    "IndexReport": "indexing.report",
    "Match": "core.types",
    "Passage": "core.types",
    "Playlist": "search.playlist",
    "RankingOptions": "search.ranking",
    "SearchResult": "search.similar",
    "StoreUrl": "library.store_url",
    "Tags": "core.types",
    "Track": "core.types",
    "TrackOutcome": "core.types",
    "TrackVector": "core.types",
    "Variant": "evaluation.variants",
    "Waveform": "core.types",
    "Wish": "library.configuration",
    "Years": "library.filters",
    "collect_garbage": "indexing.maintenance",
    "compare_homes": "evaluation.evaluate",
    "draw_map": "map",
    "evaluate": "evaluation.evaluate",
    "export_index": "indexing.exchange",
    "extract_files": "extract",
    "find_duplicates": "search.duplicates",
    "find_passages": "search.passage_search",
    "find_similar": "search.similar",
    "forget": "indexing.maintenance",
    "home_status": "library.status",
    "import_index": "indexing.exchange",
    "index_folder": "indexing.pipeline",
    "indexed_tracks": "library.index",
    "load_encoder": "encoders",
    "make_path": "search.playlist",
    "make_radio": "search.playlist",
    "parse_store_url": "library.store_url",
    "pool": "encoders.pooling",
    "relocate": "indexing.maintenance",
    "verify_home": "indexing.verify",
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
    "Match",
    "Passage",
    "Playlist",
    "RankingOptions",
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
