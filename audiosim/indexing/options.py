"""What a user says of an index run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from audiosim.core.types import Pooling, Precision
from audiosim.encoders.request import EncoderRequest
from audiosim.indexing.cluster import Cluster
from audiosim.library.store_url import StoreUrl


@dataclass(frozen=True)
class IndexOptions:
    """How `index_folder` works; what is None or empty is left to the home or to defaults.

    Parameters
    ----------
    request : EncoderRequest
        Which encoder is wanted.
    pooling : {"mean", "max", "mean-std"}, optional
        How a track's windows become its vector.
    cache : Path, optional
        Where embeddings are kept.
    store : StoreUrl, optional
        Where vectors are searched.
    jobs : int, optional
        Decoding processes, and threads that the network and all else that computes may have; on a
        cluster, of each worker.
    batch_size : int, optional
        Windows computed at a time.
    precision : {"auto", "float32"}
        What the network computes in.
    include : sequence of str
        Globs over paths: which files are looked at in this run; others are left as they are.
    exclude : sequence of str, optional
        Globs over paths: which files are left out, in later runs too; those known of them are gone. None
        leaves out what the home keeps, an empty sequence nothing.
    ctime : bool, optional
        Whether files are read again of which only the ctime has changed; kept in the home.
    accept_removals : bool
        Whether files that are missing are gone, however many.
    retry_failed : bool
        Whether files that failed and have not changed are tried again.
    rescan : bool
        Whether known files are read anew, though they seem unchanged.
    whitening : bool, optional
        Whether answers weigh less what tracks vary in within themselves; kept in the home.
    rebuild : bool
        Whether all known folders get a new configuration.
    max_hours : float, optional
        After so many hours no further file is opened.
    wait : float
        Seconds to wait for another writer.
    cluster : Cluster, optional
        Whose workers decode and embed, instead of this machine's.
    space : str, optional
        The further space of the home that is meant, made where there is none; by default the home itself, and
        then all of its spaces.
    """

    request: EncoderRequest = field(default_factory=EncoderRequest)
    pooling: Pooling | None = None
    cache: Path | None = None
    store: StoreUrl | None = None
    jobs: int | None = None
    batch_size: int | None = None
    precision: Precision = "auto"
    include: Sequence[str] = ()
    exclude: Sequence[str] | None = None
    ctime: bool | None = None
    accept_removals: bool = False
    retry_failed: bool = False
    rescan: bool = False
    whitening: bool | None = None
    rebuild: bool = False
    max_hours: float | None = None
    wait: float = 0.0
    cluster: Cluster | None = None
    space: str | None = None
