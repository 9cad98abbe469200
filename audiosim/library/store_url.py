"""The URL that says where a home's vectors are searched."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from audiosim.core.errors import UsageError
from audiosim.core.paths import expanded, identity

STORE_VARIABLE = "AUDIOSIM_STORE"
TOKEN_VARIABLE = "AUDIOSIM_STORE_TOKEN"  # noqa: S105  # the variable's name
MILVUS = "milvus:"
PORTS = {
    ("chroma", "http"): 8000,
    ("chroma", "https"): 443,
    ("milvus", "http"): 19530,
    ("milvus", "https"): 443,
}
OPTIONS = {"chroma": ("tenant", "database"), "milvus": ("database",)}
FORMS = (
    "Give one of: embedded, http://HOST:PORT, https://HOST:PORT (a Chroma server;"
    " ?tenant=NAME&database=NAME), milvus:FILE.db, milvus:http://HOST:PORT (?database=NAME)."
)


@dataclass(frozen=True)
class Server:
    """A server's address.

    Parameters
    ----------
    host : str
        Its name or IP address.
    port : int
        Its port.
    tls : bool
        Whether it is reached over TLS.
    tenant, database : str, optional
        Names on it, where the server's defaults are not meant.
    """

    host: str
    port: int
    tls: bool
    tenant: str | None = None
    database: str | None = None

    @property
    def origin(self) -> str:
        """The scheme, host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"


@dataclass(frozen=True)
class StoreUrl:
    """Where a store is: on a server, in a file or, with neither, in the home itself.

    Parameters
    ----------
    engine : {"chroma", "milvus"}
        The vector database.
    server : Server, optional
        Its server.
    file : Path, optional
        Its file.
    """

    engine: str = "chroma"
    server: Server | None = None
    file: Path | None = None

    @property
    def text(self) -> str:
        """The URL, as it is kept and shown; it has no secret in it."""
        prefix = MILVUS if self.engine == "milvus" else ""
        if self.server is None:
            return "embedded" if self.file is None else f"{prefix}{self.file}"
        names = {"tenant": self.server.tenant, "database": self.server.database}
        query = urlencode({key: value for key, value in names.items() if value is not None})
        return f"{prefix}{self.server.origin}{'?' if query else ''}{query}"

    @property
    def label(self) -> str:
        """The store as messages call it."""
        name = self.engine.capitalize()
        if self.server is not None:
            return f"The {name} server at {self.server.origin}"
        return name if self.file is None else f"{name} in {self.file}"


EMBEDDED = StoreUrl()


@dataclass(frozen=True)
class Leftover:
    """A collection to be removed, unless somebody else has written to it."""

    url: StoreUrl
    name: str


def default_store() -> StoreUrl:
    """Tell the store of new homes: what ``AUDIOSIM_STORE`` names, else the embedded one.

    Raises
    ------
    UsageError
        If it names none.
    """
    return parse_store_url(os.environ.get(STORE_VARIABLE) or EMBEDDED.text)


def parse_store_url(text: str) -> StoreUrl:
    """Read the URL of a store.

    Parameters
    ----------
    text : str
        "embedded", ``http://HOST:PORT`` (a Chroma server), ``milvus:FILE.db`` or
        ``milvus:http://HOST:PORT``; servers with ``?tenant=NAME&database=NAME``.

    Returns
    -------
    StoreUrl
        The store; its property ``text`` is the URL again, ports and file paths whole.

    Raises
    ------
    UsageError
        If it names no store, or holds a password.

    Examples
    --------
    >>> from audiosim import parse_store_url
    >>> store = parse_store_url("https://chroma.lan?database=music")
    >>> store.text
    'https://chroma.lan:443?database=music'
    >>> store.label
    'The Chroma server at https://chroma.lan:443'
    >>> parse_store_url("milvus:/srv/vectors.db").label
    'Milvus in /srv/vectors.db'
    """
    if text == EMBEDDED.text:
        return EMBEDDED
    engine, rest = ("milvus", text[len(MILVUS) :]) if text.startswith(MILVUS) else ("chroma", text)
    if rest.startswith(("http://", "https://")):
        return StoreUrl(engine, _server(engine, rest, text))
    if engine == "milvus" and rest.endswith(".db") and "://" not in rest:
        return StoreUrl(engine, file=Path(os.fsdecode(identity(expanded(rest)))))
    raise _refused(text, "it names no store that audiosim knows")


def _server(engine: str, url: str, text: str) -> Server:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _refused(text, str(error)) from error
    if parts.username is not None or parts.password is not None:
        shown = text.replace(parts.netloc.rpartition("@")[0], "...")
        raise UsageError(
            f"Can't use the store {shown}",
            "it holds a name or a password, and the URL is kept in the home",
            f"Give the token in the environment variable {TOKEN_VARIABLE}.",
        )
    if not parts.hostname:
        raise _refused(text, "it names no host")
    if parts.path not in ("", "/") or parts.fragment:
        raise _refused(text, "it has a path")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    strange = [key for key, value in options.items() if key not in OPTIONS[engine] or not value]
    if strange:
        raise _refused(text, f"{strange[0]} is not known there, or empty")
    tls = parts.scheme == "https"
    return Server(
        parts.hostname,
        port if port is not None else PORTS[engine, parts.scheme],
        tls,
        options.get("tenant"),
        options.get("database"),
    )


def _refused(text: str, why: str) -> UsageError:
    return UsageError(f"Can't use the store {text}", why, FORMS)
