"""Options that say which encoder is meant: made of what the registry knows of each."""

# Without `from __future__ import annotations`: typer reads the annotations here as they stand.
import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audiosim.commands.options import FromOptions
from audiosim.encoders.registry import (
    DEFAULT,
    DESCRIBED,
    EncoderCard,
    EncoderOption,
    built_in,
    described,
    plug_ins,
)

if TYPE_CHECKING:
    from audiosim.encoders.request import EncoderRequest

CARDS = [entry.card for entry in built_in().values()]


def listed(values: Iterable[object]) -> str:
    """Write choices as a sentence has them: ``mel256, mel128 or linear``."""
    *most, last = map(str, values)
    return f"{', '.join(most)} or {last}" if most else last


def flag(name: str) -> str:
    """Spell an option's name as the command line does."""
    return f"--{name.replace('_', '-')}"


EncoderName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help=listed(
            [f"{DEFAULT} (the default of a new home)", *(card.name for card in CARDS[1:]), "a description"]
        )
        + f": FILE{DESCRIBED} (docs/encoders.md).",
        autocompletion=lambda: [*built_in(), *described(), *plug_ins()],
    ),
]


def _own_options(chosen: Callable[[EncoderOption], bool]) -> dict[str, Any]:
    """The encoders' own options that are wanted, as typer takes them; those of one name are one."""
    having: dict[str, list[tuple[EncoderCard, EncoderOption]]] = {}
    for card in CARDS:
        for option in card.options:
            if chosen(option):
                having.setdefault(option.name, []).append((card, option))
    return {name: _typed(name, users) for name, users in having.items()}


def _typed(name: str, users: list[tuple[EncoderCard, EncoderOption]]) -> Any:
    kinds = {type(option.choices[0]) for _, option in users}
    kind = kinds.pop() if len(kinds) == 1 else str
    text = "; ".join(f"{card.name}: {_told(option)}" for card, option in users) + "."
    if kind is bool:
        return Annotated[bool | None, typer.Option(f"{flag(name)}/--no{flag(name)[1:]}", help=text)]
    return Annotated[kind | None, typer.Option(flag(name), metavar="N" if kind is int else "NAME", help=text)]


def _told(option: EncoderOption) -> str:
    default = option.choices[0]
    if isinstance(default, bool):
        spelled = flag(option.name) if default else f"--no{flag(option.name)[1:]}"
        return f"{option.help} [default: {spelled}]"
    return f"{option.help + ': ' if option.help else ''}{listed(option.choices)} [default: {default}]"


def _hops() -> str:
    hops = ", ".join(f"{card.hop:g} for {card.name}" for card in CARDS)
    return f"Time between two windows [default: {hops}]."


def _files() -> str:
    taken = [f"{card.name} ({listed(card.file_suffixes)})" for card in CARDS if card.file_suffixes]
    return f"Weights to use and to keep: {listed(taken)}."


def _request(**values: Any) -> "EncoderRequest":
    from audiosim.encoders.request import EncoderRequest

    encoder, hop = values.pop("encoder"), values.pop("hop_size")
    weights, max_windows = values.pop("weights"), values.pop("max_windows")
    return EncoderRequest(encoder, hop=hop, max_windows=max_windows, weights=weights, options=values.items())


def _weights_request(**values: Any) -> "EncoderRequest":
    from audiosim.encoders.request import EncoderRequest

    return EncoderRequest(options=values.items())


def _taking(build: Callable[..., "EncoderRequest"], options: dict[str, Any]) -> FromOptions:
    """A function's mark for `with_options`: it takes these options, whose annotations are given."""
    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter(name, kind, default=None, annotation=each) for name, each in options.items()
    ]
    build.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return FromOptions(build)


EncoderOptions = Annotated[
    "EncoderRequest",
    _taking(
        _request,
        {
            "encoder": EncoderName,
            "weights": Annotated[Path | None, typer.Option(metavar="FILE", help=_files())],
            **_own_options(lambda option: True),
            "hop_size": Annotated[float | None, typer.Option(metavar="SECONDS", help=_hops())],
            "max_windows": Annotated[
                int | None,
                typer.Option(
                    metavar="N",
                    min=1,
                    help="Embed at most N windows of a track, in evenly spread runs of ten [default: all].",
                ),
            ],
        },
    ),
]
WeightsOptions = Annotated[
    "EncoderRequest", _taking(_weights_request, _own_options(lambda option: option.chooses_weights))
]
