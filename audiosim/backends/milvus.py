"""Milvus, by way of pymilvus: Milvus Lite in a file, or a server or cluster.

The index type is AUTOINDEX, which each of them carries out as it can; the metric is cosine.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from audiosim.backends.base import (
    IDS_AT_ONCE,
    Contents,
    StoreRow,
    VectorStore,
    pages,
    portions,
    track_metadata,
)
from audiosim.backends.retries import Caller, in_time
from audiosim.backends.shared import NamedCollections, is_of, new_stamp
from audiosim.core.config import Home
from audiosim.core.errors import AudiosimError, StoreError
from audiosim.core.files import hold
from audiosim.core.types import Float32
from audiosim.library.store_url import TOKEN_VARIABLE, StoreUrl

ID, VECTOR, TRACK = "id", "vector", "track"
STAMP, IDENTITY = "audiosim.stamp", "audiosim.identity"
ID_LENGTH = 64
MOST = 16_384  # results of one search
ANSWER_LIMIT = 60.0  # s for one answer
AWAY = (
    "Fail connecting", "server unavailable", "UNAVAILABLE", "DEADLINE_EXCEEDED",
    "rate limit", "retry run out",
)  # fmt: skip


class Milvus(NamedCollections):
    """The collections in a Milvus file or on a server. A `Backend`.

    The token in ``AUDIOSIM_STORE_TOKEN`` ("user:password" or an API key) is sent to servers.
    """

    def __init__(self, url: StoreUrl, home: Home, patience: float, first_sign: float | None = None) -> None:
        super().__init__(url.label, home)
        self._url, self._first_sign = url, first_sign
        self.call, self.file = Caller(self.label, _is_away, patience), url.file
        self.shared = url.server is not None

    def lock(self, wait: float) -> AbstractContextManager[None]:
        if self.file is None:
            return nullcontext()
        self._see_folder(self.file)  # before the lock's file is made
        return hold(_lock_file(self.file), wait=wait, what=f"using {self.file}")

    def reach(self) -> None:
        if self.file is None:
            _close(self.call(self._client), None)
        else:
            self._see_folder(self.file)

    def open(
        self, name: str, contents: Contents, *, create: bool = False, stamp: str | None = None
    ) -> MilvusCollection:
        client = self.call(self._client)
        store = MilvusCollection(self, client, name, contents, create=create)
        return self.checked(store, stamp)

    def drop(self, name: str) -> None:
        call, client = self.call, self.call(self._client)
        try:
            if not call(client.has_collection, name, timeout=ANSWER_LIMIT):
                return
            properties = call(client.describe_collection, name, timeout=ANSWER_LIMIT).get("properties") or {}
            if is_of(properties.get(STAMP), self.owner):
                call(client.drop_collection, name, timeout=ANSWER_LIMIT)
        finally:
            _close(client, self.file)

    def _client(self) -> Any:
        try:
            from pymilvus import MilvusClient
        except ImportError as error:
            raise _not_installed(str(error)) from error
        logging.getLogger("pymilvus").setLevel(logging.ERROR)
        logging.getLogger("milvus_lite").setLevel(logging.CRITICAL)
        server, file = self._url.server, self.file
        if server is not None:
            token = os.environ.get(TOKEN_VARIABLE, "")
            limit = ANSWER_LIMIT if self._first_sign is None else self._first_sign
            return in_time(
                limit,
                MilvusClient,
                server.origin,
                token=token,
                db_name=server.database or "",
                timeout=limit,
            )
        if file is not None:
            self._see_folder(file)
        return MilvusClient(str(file))

    def _see_folder(self, file: Path) -> None:
        """See that a file's folder is there: its disk may not be mounted."""
        if not file.parent.is_dir():
            raise StoreError(f"{self.label} can't be used", "its folder is not there")


class MilvusCollection(VectorStore):
    """A collection of an open client, which it closes.

    Parameters
    ----------
    backend : Milvus
        Where it is, and whose stamps it bears.
    client : pymilvus.MilvusClient
        The open client.
    name : str
        The collection's, as `Backend.new_name` gave it.
    contents : Contents
        What its vectors must be.
    create : bool
        Whether to make it where there is none.
    """

    def __init__(self, backend: Milvus, client: Any, name: str, contents: Contents, *, create: bool) -> None:
        self.client, self._call, self._name, self._contents = client, backend.call, name, contents
        self._owner, self._file = backend.owner, backend.file
        try:
            if create and not self._ask("has_collection"):
                self._create()
            self._check()
            self._ask("load_collection")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the client."""
        _close(self.client, self._file)

    def count(self) -> int:
        return int(self._ask("query", filter="", output_fields=["count(*)"])[0]["count(*)"])

    def ids(self) -> list[str]:
        pages = self._ask("query_iterator", batch_size=IDS_AT_ONCE, filter="", output_fields=[ID])
        found: list[str] = []
        try:
            while page := self._call(pages.next):
                found += [row[ID] for row in page]
        finally:
            pages.close()
        return found

    def vectors(self, ids: Sequence[str]) -> dict[str, Float32]:
        held: dict[str, Float32] = {}
        for page in pages(ids, self._contents.dimension):
            found = self._ask("get", ids=page, output_fields=[ID, VECTOR])
            held |= {row[ID]: np.asarray(row[VECTOR], np.float32) for row in found}
        return held

    def upsert(self, rows: Sequence[StoreRow]) -> None:
        for part in portions(rows, self._contents.dimension):
            data = [{ID: id_, VECTOR: vector, TRACK: track_metadata(track)} for id_, track, vector in part]
            self._ask("upsert", data=data)

    def delete(self, ids: Sequence[str]) -> None:
        for page in pages(ids):
            self._ask("delete", ids=page)

    def nearest(self, vector: Float32, count: int) -> list[str]:
        if not np.isfinite(vector).all():
            raise ValueError("the query vector has values that are not finite")
        data = [vector.astype(np.float32)]
        found = self._ask("search", data=data, limit=min(count, MOST), output_fields=[ID])
        return [row[ID] for row in found[0]]

    def seal(self) -> str:
        """Leave a new stamp in the collection."""
        stamp = new_stamp(self._owner)
        self._ask("alter_collection_properties", properties={STAMP: stamp})
        self.close()
        return stamp

    def _ask(self, method: str, **arguments: Any) -> Any:
        return self._call(getattr(self.client, method), self._name, timeout=ANSWER_LIMIT, **arguments)

    def _create(self) -> None:
        from pymilvus import DataType

        schema = self.client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field(ID, DataType.VARCHAR, is_primary=True, max_length=ID_LENGTH)
        schema.add_field(VECTOR, DataType.FLOAT_VECTOR, dim=self._contents.dimension)
        schema.add_field(TRACK, DataType.JSON)
        index = self.client.prepare_index_params()
        index.add_index(VECTOR, index_type="AUTOINDEX", metric_type="COSINE")
        self._ask(
            "create_collection",
            schema=schema,
            index_params=index,
            consistency_level="Strong",  # what was written is found
            properties={IDENTITY: self._contents.identity, STAMP: new_stamp(self._owner)},
        )

    def _check(self) -> None:
        described = self._ask("describe_collection")
        properties = described.get("properties") or {}
        metric = self._ask("describe_index", index_name=VECTOR).get("metric_type")
        (dimension,) = (f["params"]["dim"] for f in described["fields"] if f["name"] == VECTOR)
        found = (metric, properties.get(IDENTITY), int(dimension))
        expected = ("COSINE", self._contents.identity, self._contents.dimension)
        if found != expected:
            raise StoreError("Milvus's collection is not the catalog's", f"it is {found}, not {expected}")
        self.stamp = str(properties.get(STAMP, ""))


def _close(client: Any, file: Path | None) -> None:
    """Close a client, and Milvus Lite's file with it, which it would keep for this process."""
    client.close()
    if file is not None:
        from milvus_lite.server_manager import server_manager_instance

        server_manager_instance.release_server(str(file))


def _lock_file(file: Path) -> Path:
    return file.with_name(f"{file.name}.lock")


def _not_installed(why: str) -> AudiosimError:
    return AudiosimError("Milvus can't be used", why, "Install it: pip install 'audiosim[milvus]'.")


def _is_away(error: BaseException) -> bool:
    import grpc

    away = isinstance(error, grpc.RpcError | TimeoutError)
    return away or any(sign in str(error) for sign in AWAY)
