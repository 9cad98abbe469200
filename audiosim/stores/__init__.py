"""The engines that hold track vectors: one file each."""

from __future__ import annotations

from audiosim.config import Home
from audiosim.store import Backend
from audiosim.store_url import StoreUrl


def backend_for(url: StoreUrl, home: Home) -> Backend:
    """The engine that a URL names, for this home."""
    if url.engine == "milvus":
        from audiosim.stores.milvus import Milvus

        return Milvus(url)
    if url.server is not None:
        from audiosim.stores.chroma_server import ChromaServer

        return ChromaServer(url.server, url.label)
    from audiosim.stores.embedded import EmbeddedChroma

    return EmbeddedChroma(home)
