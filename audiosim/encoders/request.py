"""What a user asks for of encoders, and whether an encoder can give it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from audiosim.core.errors import UsageError
from audiosim.encoders.registry import (
    EncoderCard,
    EncoderOption,
    OptionValue,
    built_in,
    find,
    find_for,
    is_description,
)

if TYPE_CHECKING:
    from pathlib import Path

    from audiosim.core.types import EncoderSpec

MIN_HOP = 0.01  # s
MAX_HOP = 600.0  # s


@dataclass(frozen=True, init=False)
class EncoderRequest:
    """Which encoder is wanted; None where it was not said.

    An encoder's own options are given by name: ``EncoderRequest("openl3", content_type="env")``.

    Parameters
    ----------
    encoder : str, optional
        The encoder's name, or the file of a description, which ends with .toml.
    hop : float, optional
        From window to window, in s.
    max_windows : int, optional
        The most windows of a track that are embedded, evenly spread.
    weights : Path, optional
        A file of weights to take instead of the published ones.
    digest : str, optional
        The digest of the tensors of weights that are already kept.
    options : iterable of (str, str | int | bool | None)
        The encoder's own options, where they are not given by name.
    **named : str, int, bool or None
        The encoder's own options: ``audiosim encoders show NAME`` lists them.
    """

    encoder: str | None
    hop: float | None
    max_windows: int | None
    weights: Path | None
    digest: str | None
    options: tuple[tuple[str, OptionValue], ...]

    def __init__(
        self,
        encoder: str | None = None,
        *,
        hop: float | None = None,
        max_windows: int | None = None,
        weights: Path | None = None,
        digest: str | None = None,
        options: Iterable[tuple[str, OptionValue | None]] = (),
        **named: OptionValue | None,
    ) -> None:
        said = {**dict(options), **named}
        values = {
            "encoder": encoder,
            "hop": hop,
            "max_windows": max_windows,
            "weights": weights,
            "digest": digest,
            "options": tuple(sorted((name, value) for name, value in said.items() if value is not None)),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)  # the class is frozen


def request_for(spec: EncoderSpec) -> EncoderRequest:
    """Give the request that leads to a spec, its weights apart."""
    entry = find_for(spec)
    names = {option.name for option in entry.card.options} if entry else set()
    options = [(name, value) for name, value in spec.options if name in names]
    return EncoderRequest(spec.name, hop=spec.hop, max_windows=spec.max_windows, options=options)


def conflicts(request: EncoderRequest, spec: EncoderSpec) -> list[tuple[str, Any, Any]]:
    """List the parts of a request that contradict a spec: (name, asked for, there)."""
    asked, there = dict(request.options), _options_of(spec)
    same = request.encoder is not None and same_encoder(request.encoder, spec.name)
    pairs = [
        ("encoder", None if same else request.encoder, spec.name),
        *((name, asked.get(name), value) for name, value in there.items()),
        ("hop", request.hop, spec.hop),
        ("max_windows", request.max_windows, spec.max_windows),
        *((name, value, None) for name, value in request.options if name not in there),
    ]
    return [pair for pair in pairs if pair[1] is not None and not _same(pair[1], pair[2])]


def same_encoder(given: str, name: str) -> bool:
    """Tell whether what is given, in any case, names an encoder."""
    entry = find(given)
    return (entry.card.name if entry else given).casefold() == name.casefold()


def completed(request: EncoderRequest, old: EncoderRequest) -> EncoderRequest:
    """Complete what a request leaves open by an older one, of the same encoder."""
    return EncoderRequest(
        request.encoder or old.encoder,
        hop=old.hop if request.hop is None else request.hop,
        max_windows=old.max_windows if request.max_windows is None else request.max_windows,
        weights=request.weights or old.weights,
        digest=request.digest or old.digest,
        options={**dict(old.options), **dict(request.options)}.items(),
    )


def with_kept_weights(request: EncoderRequest, spec: EncoderSpec) -> EncoderRequest:
    """Ask for the weights of a spec, where a request of the same encoder leaves them open."""
    entry = find_for(spec)
    if request.weights is not None or entry is None or is_description(request.encoder or ""):
        return request
    asked, there = dict(request.options), _options_of(spec)
    choosing = [option.name for option in entry.card.options if option.chooses_weights]
    if any(not _same(asked.get(name, there.get(name)), there.get(name)) for name in choosing):
        return request
    return replace(request, digest=spec.weights)


def check_options(card: EncoderCard, request: EncoderRequest) -> None:
    """See that a request makes sense for the encoder of a card.

    Raises
    ------
    UsageError
        If it does not: a hop or limit out of range, an option that the encoder has not, or not so.
    """
    if request.hop is not None and not MIN_HOP <= request.hop <= MAX_HOP:
        raise UsageError(
            f"Hop size {request.hop:g} s", "it is out of range", f"Choose {MIN_HOP:g} to {MAX_HOP:g} s."
        )
    if request.max_windows is not None and request.max_windows < 1:
        raise UsageError(
            f"Can't take {request.max_windows} windows of a track", "the number must be at least 1"
        )
    if request.weights is not None and not card.file_suffixes:
        raise _misplaced("weights", card, [each for each in _cards() if each.file_suffixes])
    option_values(card, request)


def option_values(card: EncoderCard, request: EncoderRequest) -> dict[str, OptionValue]:
    """Give the value of each of an encoder's own options: the one asked for, else the default.

    Raises
    ------
    UsageError
        If one is asked for that the encoder has not, or not so.
    """
    known = {option.name: option for option in card.options}
    for name, _ in request.options:
        if name not in known:
            having = [each for each in _cards() if name in {option.name for option in each.options}]
            raise _misplaced(name, card, having)
    values = {option.name: option.choices[0] for option in card.options}
    return values | {name: _choice(known[name], value) for name, value in request.options}


def framing_values(request: EncoderRequest) -> Mapping[str, Any]:
    """Give the hop and the limit of windows that a request asks for, those that it does, by name."""
    asked: dict[str, Any] = {} if request.max_windows is None else {"max_windows": request.max_windows}
    if request.hop is not None:
        asked["hop"] = float(request.hop)  # an integer would have another fingerprint
    return asked


def _options_of(spec: EncoderSpec) -> dict[str, OptionValue]:
    """The options of a spec; what came later than the spec is as it was before, the default."""
    entry = find_for(spec)
    defaults = {option.name: option.choices[0] for option in entry.card.options} if entry else {}
    return defaults | dict(spec.options)


def _choice(option: EncoderOption, value: OptionValue) -> OptionValue:
    for choice in option.choices:
        if _same(value, choice):
            return choice
    listed = ", ".join(str(choice) for choice in option.choices)
    raise UsageError(f"No `{option.name}` {value}", "there is none by that name", f"Choose one of: {listed}.")


def _same(one: Any, other: Any) -> bool:
    """Whether two values are one, names in any case."""
    return str(one).casefold() == str(other).casefold() if isinstance(other, str) else bool(one == other)


def _cards() -> list[EncoderCard]:
    return [entry.card for entry in built_in().values()]


def _misplaced(name: str, card: EncoderCard, having: list[EncoderCard]) -> UsageError:
    others = " and ".join(each.name for each in having)
    return UsageError(
        f"`{name}` does not go with `encoder` {card.name}",
        f"it is an option of {others}" if others else "it has no such option",
        "Leave it out.",
    )
