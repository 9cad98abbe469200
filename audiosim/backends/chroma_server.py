"""A Chroma server, which holds collections of this home and of others."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from audiosim.backends.base import Contents
from audiosim.backends.chroma import ChromaCollection
from audiosim.backends.retries import Caller, in_time
from audiosim.backends.shared import NamedCollections, is_of, new_stamp
from audiosim.core.config import Home
from audiosim.core.errors import StoreError
from audiosim.library.store_url import TOKEN_VARIABLE, Server

STAMP = "stamp"
ALIVE_LIMIT = 10.0  # s for it to say that it is there
ANSWER_LIMIT = 60.0  # s for one answer
REFUSED = {401, 403}  # what they answer who want another token
BUSY = {429, 502, 503, 504}  # what servers and proxies answer that are up, but not now


class ChromaServer(NamedCollections):
    """A server's collections. A `Backend`.

    The token in ``AUDIOSIM_STORE_TOKEN``, where there is one, is sent as ``Authorization: Bearer``
    and as ``X-Chroma-Token``.
    """

    shared = True

    def __init__(
        self, server: Server, label: str, home: Home, patience: float, first_sign: float | None = None
    ) -> None:
        super().__init__(label, home)
        self._server, self._first_sign = server, first_sign
        self._call = Caller(self.label, _is_away, patience)

    def lock(self, wait: float) -> AbstractContextManager[None]:
        return nullcontext()

    def reach(self) -> None:
        self._call(self._greet)

    def open(
        self, name: str, contents: Contents, *, create: bool = False, stamp: str | None = None
    ) -> ServedCollection:
        client = self._call(self._client)
        store = ServedCollection(client, self._call, name, contents, create=create, owner=self.owner)
        return self.checked(store, stamp)

    def drop(self, name: str) -> None:
        call, client = self._call, self._call(self._client)
        try:
            found = call(_found, client, name)
            if found is not None and is_of((found.metadata or {}).get(STAMP), self.owner):
                call(client.delete_collection, name)
        finally:
            _close(client)

    def _client(self) -> Any:
        from chromadb.api.client import Client
        from chromadb.config import DEFAULT_DATABASE, DEFAULT_TENANT, Settings

        self._greet()  # making a client has no limit of time
        settings = Settings(
            anonymized_telemetry=False,
            chroma_api_impl="chromadb.api.fastapi.FastAPI",
            chroma_server_host=self._server.host,
            chroma_server_http_port=self._server.port,
            chroma_server_ssl_enabled=self._server.tls,
            chroma_server_headers=_headers(),
        )
        tenant, database = self._server.tenant or DEFAULT_TENANT, self._server.database or DEFAULT_DATABASE
        client: Any = Client.__new__(Client)  # made in two steps: one that fails leaves its connections open
        try:
            Client.__init__(client, tenant, database, settings)
        except BaseException:
            _close_sessions(client)
            raise
        for session in _sessions(client):
            session.timeout = ANSWER_LIMIT  # Chroma waits for ever, and has no setting
        return client

    def _greet(self) -> None:
        """See that a Chroma server answers; whether it lets us in, it tells later."""
        import httpx

        limit = ALIVE_LIMIT if self._first_sign is None else self._first_sign
        place = f"{self._server.origin}/api/v2/heartbeat"
        answer = in_time(limit, httpx.get, place, headers=_headers(), timeout=limit)
        if answer.status_code in BUSY:
            answer.raise_for_status()
        if answer.status_code not in REFUSED and "heartbeat" not in answer.text:
            raise StoreError(
                f"{self.label} is none",
                f"what is there answers {answer.status_code} {answer.reason_phrase} to /api/v2/heartbeat",
            )


def _headers() -> dict[str, str]:
    token = os.environ.get(TOKEN_VARIABLE)
    return {"Authorization": f"Bearer {token}", "X-Chroma-Token": token} if token else {}


class ServedCollection(ChromaCollection):
    """A server's collection, which bears the stamps of an owner. A `VectorStore`; see `ChromaCollection`."""

    def __init__(
        self, client: Any, call: Caller, name: str, contents: Contents, *, create: bool, owner: str
    ) -> None:
        self._caller, self._owner = call, owner
        super().__init__(client, call, name, contents, create=create)
        self.stamp = str(self.collection.metadata.get(STAMP, ""))

    def seal(self) -> str:
        """Leave a new stamp in the collection."""
        stamp = new_stamp(self._owner)
        self._caller(self.collection.modify, metadata={**self.metadata, STAMP: stamp})
        self.close()
        return stamp

    @property
    def metadata(self) -> dict[str, Any]:
        return super().metadata | {STAMP: new_stamp(self._owner)}

    def close(self) -> None:
        """Close the client and its connections."""
        _close(self.client)


def _close(client: Any) -> None:
    _close_sessions(client)
    client.close()


def _close_sessions(client: Any) -> None:
    for session in _sessions(client):
        session.close()  # Chroma leaves its connections open


def _sessions(client: Any) -> list[Any]:
    """The connections of a client, whole or not, and of the one within it that asks for tenants."""
    servers = [getattr(part, "_server", None) for part in (client, getattr(client, "_admin_client", None))]
    return [server._session for server in servers if server is not None]


def _found(client: Any, name: str) -> Any:
    """The collection of this name, if there is one."""
    from chromadb.errors import NotFoundError

    try:
        return client.get_collection(name, embedding_function=None)
    except NotFoundError:
        return None


def _is_away(error: BaseException) -> bool:
    import httpx

    found: BaseException | None = error
    while found is not None:  # Chroma raises errors of its own from httpx's
        if isinstance(found, httpx.TransportError | TimeoutError):
            return True
        if isinstance(found, httpx.HTTPStatusError):
            return found.response.status_code in BUSY
        found = found.__context__
    return False
