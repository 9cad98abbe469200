"""The engines that hold track vectors: one file each."""

from __future__ import annotations

from contextlib import AbstractContextManager

from audiosim.config import Home
from audiosim.locks import hold
from audiosim.store import Backend
from audiosim.store_url import StoreUrl


def backend_for(url: StoreUrl, home: Home) -> Backend:
    """The engine that a URL names, for this home."""
    if url.engine == "milvus":
        from audiosim.stores.milvus import Milvus

        return Milvus(url, home)
    if url.server is not None:
        from audiosim.stores.chroma_server import ChromaServer

        return ChromaServer(url.server, url.label, home)
    from audiosim.stores.embedded import EmbeddedChroma

    return EmbeddedChroma(home)


def writing(backend: Backend, home: Home, wait: float) -> AbstractContextManager[None]:
    """Keeps a home's own processes from writing at once; those who read a server's store are not kept.

    Raises
    ------
    LockedError : when another holds it for `wait` seconds.
    """
    if backend.shared:
        return hold(home.store_lock, wait=wait, what="writing to the store")
    return backend.lock(wait)
