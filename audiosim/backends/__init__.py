"""The engines that hold track vectors, one file each; imported where they are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from audiosim.backends.base import Backend
    from audiosim.core.config import Home
    from audiosim.library.store_url import StoreUrl


def backend_for(url: StoreUrl, home: Home, patience: float = 0.0, first_sign: float | None = None) -> Backend:
    """The engine that a URL names, for this home.

    Parameters
    ----------
    url : StoreUrl
        Where the store is.
    home : Home
        Whose collections it holds.
    patience : float
        Seconds for which a server that is away is tried again.
    first_sign : float, optional
        Seconds within which it must say that it is there, each time; by default as the engine needs.
    """
    if url.engine == "milvus":
        from audiosim.backends.milvus import Milvus

        return Milvus(url, home, patience, first_sign)
    if url.server is not None:
        from audiosim.backends.chroma_server import ChromaServer

        return ChromaServer(url.server, url.label, home, patience, first_sign)
    from audiosim.backends.chroma_embedded import EmbeddedChroma

    return EmbeddedChroma(home)


def writing(backend: Backend, home: Home, wait: float) -> AbstractContextManager[None]:
    """Keep a home's own processes from writing at once; those who read a server's store are not kept.

    Raises
    ------
    LockedError
        If another holds it for `wait` seconds.
    """
    from audiosim.core.files import hold

    if backend.shared:
        return hold(home.store_lock, wait=wait, what="writing to the store")
    return backend.lock(wait)
