"""One configuration a home: fixed by the first run, kept by later ones, changed on request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from audiosim.core.config import Home, weights_folder
from audiosim.core.errors import AudioError, HomeError, UsageError
from audiosim.core.files import refuse_network
from audiosim.core.types import Encoder, EncoderSpec, Pooling, TrackVector
from audiosim.encoders import EncoderRequest, conflicts, request_for
from audiosim.library.cache import Cache
from audiosim.library.catalog import Configuration
from audiosim.library.store_url import StoreUrl

DEFAULT_POOLING: Pooling = "mean"


@dataclass(frozen=True)
class Wish:
    """What a run asks of the configuration; None where nothing was said."""

    encoder: EncoderRequest = field(default_factory=EncoderRequest)
    pooling: Pooling | None = None
    cache: Path | None = None
    store: StoreUrl | None = None


def first_configuration(home: Home, wish: Wish, spec: EncoderSpec) -> Configuration:
    """The configuration of a home that has none yet, for the encoder that fixes it."""
    return Configuration(spec, wish.pooling or DEFAULT_POOLING, (wish.cache or home.cache).absolute())


def kept_configuration(stored: Configuration, wish: Wish, encoder: Encoder | None = None) -> Configuration:
    """The home's own configuration; only the caches' place may be another now.

    Raises
    ------
    UsageError : when the wish, or the encoder given, contradicts it.
    """
    if encoder is not None and encoder.spec != stored.spec:
        raise UsageError(
            "The encoder given contradicts this home",
            f"its index was made with {stored.spec.describe()}, fingerprint {stored.spec.fingerprint}",
        )
    clashes = conflicts(wish.encoder, stored.spec)
    if wish.encoder.weights is not None and stored.spec.name != "openl3":
        clashes.append(("weights", wish.encoder.weights, stored.spec.name))
    elif wish.encoder.weights is not None:
        digest = _weights_digest(wish.encoder.weights)
        if digest != stored.spec.weights:
            clashes.append(("weights", digest, stored.spec.weights))
    if clashes:
        name, wanted, there = clashes[0]
        raise UsageError(
            f"`{name}` {wanted} contradicts this home",
            f"its index was made with {stored.spec.name if there is None else there}",
            "Leave it out, use another `home`, or start over with `rebuild`.",
        )
    return stored if wish.cache is None else replace(stored, cache=wish.cache.absolute())


def rebuilt_wish(wish: Wish, stored: Configuration) -> Wish:
    """What `--rebuild` asks for: the wish, and for what it leaves open, what the home had."""
    asked, old = wish.encoder, request_for(stored.spec)
    if asked.encoder in (None, old.encoder):
        parts = {part.name: getattr(asked, part.name) for part in fields(EncoderRequest)}
        asked = replace(old, **{name: value for name, value in parts.items() if value is not None})
        same = (asked.input_repr, asked.content_type) == (old.input_repr, old.content_type)
        if asked.weights is None and same:
            asked = replace(asked, digest=stored.spec.weights)
    return Wish(asked, wish.pooling or stored.pooling, wish.cache or stored.cache, wish.store)


def prepare_home(home: Home) -> None:
    """Makes the home's folder where it is new.

    Raises
    ------
    HomeError : when it is on a network share, or can't be made.
    """
    refuse_network(home.path)
    try:
        home.path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HomeError(f"Can't make the home folder {home.path}", error.strerror or str(error)) from error


def prepare_cache(configuration: Configuration, home: Home, stored: Configuration | None) -> None:
    """Makes the folder for caches where it is new, and sees that it is there where it is not.

    Raises
    ------
    HomeError : when a folder chosen with `--cache` is not there: its disk may not be mounted.
    """
    if configuration.cache.is_dir():
        return
    if stored is None or configuration.cache == home.cache:
        try:
            configuration.cache.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HomeError(
                f"Can't make the cache folder {configuration.cache}", error.strerror or ""
            ) from error
        return
    raise HomeError(
        f"The cache folder {configuration.cache} is not there",
        "its disk may not be mounted",
        "Mount it, or move the folder and give its new place with --cache DIR.",
    )


def check_caches(digests: list[str], configuration: Configuration) -> list[str]:
    """Those of these tracks that have no cache to be pooled from.

    Raises
    ------
    HomeError : when that is over half of them: the caches' disk may not be mounted.
    """
    cache = Cache(configuration.cache, configuration.spec)
    missing = [digest for digest in digests if not cache.path(digest).exists()]
    if 2 * len(missing) > len(digests):
        raise HomeError(
            f"{len(missing)} of {len(digests)} tracks have no cache in {configuration.cache}",
            "its disk may not be mounted, or they were imported without their caches",
            "Mount it, or copy the caches there; or compute everything again with --rebuild.",
        )
    return missing


def repooled(
    digests: Iterable[str], configuration: Configuration
) -> Iterator[tuple[str, TrackVector, float]]:
    """Tracks pooled anew from their caches, where there are any: (digest, vector, duration in s)."""
    cache = Cache(configuration.cache, configuration.spec)
    pooler = configuration.pooler
    for digest in digests:
        cached = cache.read(digest)
        if cached is None:
            continue
        try:
            yield digest, pooler(cached.frames), cached.duration
        except AudioError:
            continue


def _weights_digest(path: Path) -> str:
    from audiosim.encoders.openl3_weights import WeightsFolder

    return WeightsFolder(weights_folder()).import_by_digest(path).weights.digest
