"""One configuration a home: fixed by the first run, kept by later ones, changed on request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from audiosim.core.config import Home
from audiosim.core.errors import AudioError, HomeError, UsageError
from audiosim.core.files import refuse_network
from audiosim.core.types import Encoder, EncoderSpec, TrackVector
from audiosim.encoders.registry import find, resolve
from audiosim.encoders.request import (
    EncoderRequest,
    check_options,
    completed,
    conflicts,
    request_for,
    same_encoder,
    with_kept_weights,
)
from audiosim.library.cache import Cache
from audiosim.library.catalog import Configuration
from audiosim.library.missing_caches import TRACKS, missing_caches


def check_encoder(encoder: Encoder | None, stored: Configuration) -> None:
    """See that an encoder given is the home's.

    Raises
    ------
    UsageError
        If it is another.
    """
    if encoder is not None and encoder.spec != stored.spec:
        raise UsageError(
            "The encoder given contradicts this home",
            f"its index was made with {stored.spec.describe()}, fingerprint {stored.spec.fingerprint}",
        )


def check_request(
    request: EncoderRequest, stored: Configuration, *, read_only: bool = False, space: str | None = None
) -> None:
    """See that a request for an encoder leaves the home its own.

    Parameters
    ----------
    request : EncoderRequest
        The request; a file of weights that it names is kept, unless `read_only`.
    stored : Configuration
        The home's.
    read_only : bool
        Whether nothing is written.
    space : str, optional
        The name of the home's further space, where that is meant.

    Raises
    ------
    UsageError
        If it contradicts the home, or asks for what there is nowhere.
    """
    clashes = conflicts(request, stored.spec)
    if request.weights is not None:
        entry = find(stored.spec.name)
        if entry is None or not entry.card.file_suffixes:
            clashes.append(("weights", request.weights, stored.spec.name))
        elif (digest := entry.weights_digest(request.weights, read_only=read_only)) != stored.spec.weights:
            clashes.append(("weights", digest, stored.spec.weights))
    if not clashes and not _is_kept(request, stored.spec, read_only=read_only):
        clashes.append(("encoder", request.encoder, f"another model or description of {stored.spec.name}"))
    if clashes:
        name, wanted, there = clashes[0]
        entry = resolve(request.encoder) if name == "encoder" else find(stored.spec.name)
        if entry is not None:
            check_options(entry.card, request)  # what there is nowhere does not contradict this home
        has = stored.spec.name if name in dict(request.options) else "none"
        what, kind = ("this home", "home") if space is None else (f"the space {space}", "space")
        raise UsageError(
            f"`{name}` {wanted} contradicts {what}",
            f"its index was made with {has if there is None else there}",
            f"Leave it out, use another `{kind}`, or start over with `rebuild`.",
        )


def _is_kept(request: EncoderRequest, spec: EncoderSpec, *, read_only: bool) -> bool:
    """Whether a description that is given, if one is, is the one that a spec was made with."""
    entry = find(request.encoder) if request.encoder else None
    if entry is None:
        return True
    own = entry.own_weights(completed(request, request_for(spec)), read_only=read_only)
    return own in (None, spec.weights)


def rebuilt_request(asked: EncoderRequest, stored: Configuration) -> EncoderRequest:
    """Complete what a rebuild asks for by what the home had."""
    old = request_for(stored.spec)
    if asked.encoder is not None and not same_encoder(asked.encoder, stored.spec.name):
        return asked
    return with_kept_weights(completed(asked, old), stored.spec)


@contextmanager
def made_home(home: Home) -> Iterator[None]:
    """Make the home's folder where it is new; where the block fails, folders that are still empty go again.

    Parameters
    ----------
    home : Home
        The home.

    Raises
    ------
    HomeError
        If it is on a network share, or can't be made.
    """
    refuse_network(home.path)
    new = [folder for folder in (home.path, *home.path.parents) if not folder.exists()]
    try:
        home.path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HomeError(f"Can't make the home folder {home.path}", error.strerror or str(error)) from error
    try:
        yield
    except BaseException:
        with suppress(OSError):  # not empty: another run has come
            for folder in new:
                folder.rmdir()
        raise


def check_cache(configuration: Configuration, home: Home, stored: Configuration | None) -> None:
    """See that the folder for caches is there, where it is not to be made.

    Parameters
    ----------
    configuration : Configuration
        What embeddings will be, and where.
    home : Home
        In which the folder is made; elsewhere only for a new configuration.
    stored : Configuration or None
        That of caches that are kept.

    Raises
    ------
    HomeError
        If it is not there: its disk may not be mounted.
    """
    if stored is None or configuration.cache == home.cache or configuration.cache.is_dir():
        return
    raise HomeError(
        f"The cache folder {configuration.cache} is not there",
        "its disk may not be mounted",
        "Mount it, or move the folder and give its new place with `cache`.",
    )


def make_cache(configuration: Configuration) -> None:
    """Make the folder for caches where it is new.

    Raises
    ------
    HomeError
        If it can't be made.
    """
    try:
        configuration.cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HomeError(f"Can't make the cache folder {configuration.cache}", error.strerror or "") from error


def check_caches(
    digests: list[str], configuration: Configuration, kind: tuple[str, str] = TRACKS
) -> list[str]:
    """Find the tracks that have no cache to be pooled from.

    Parameters
    ----------
    digests : list of str
        The tracks' audio.
    configuration : Configuration
        Where the caches are.
    kind : tuple of str
        What an error calls them: `TRACKS`, or `AUDIO` where each is there once.

    Returns
    -------
    list of str
        The digests without a cache.

    Raises
    ------
    HomeError
        If that is over half of them: the caches' disk may not be mounted.
    """
    missing = missing_caches(digests, configuration, kind)
    if missing is None:
        return []
    if missing.most:
        raise HomeError(missing.what, missing.why, missing.remedy)
    return list(missing.digests)


def repooled(
    digests: Iterable[str], configuration: Configuration
) -> Iterator[tuple[str, TrackVector, float]]:
    """Pool tracks anew from their caches, where there are any.

    Yields
    ------
    tuple of (str, TrackVector, float)
        The track's digest, its vector, and its duration in s.
    """
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
