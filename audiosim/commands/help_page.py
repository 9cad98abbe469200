"""Commands as people write them: ``QUERY...`` in help pages, ``~`` in options."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from audiosim.commands.flags import GIVEN_HOME
from audiosim.core.errors import UsageError
from audiosim.core.paths import expanded

# Metavars of options that take a path; of GLOB, only what begins with the user's own folder changes.
GLOB = "GLOB"
PATHS = ("DIR", "FILE", "FOLDER", GLOB, "NAME|FILE", "QUERY")


class Command(TyperCommand):
    """A command whose arguments are shown by their metavars, and whose options know ``~``.

    A shell replaces that at the start of a word only: not in ``--cache=~/c``. What arguments name is exact.
    """

    def make_parser(self, ctx: Any) -> Any:
        """Make what reads the command line; ``~`` is replaced before anything is made a path."""
        parser = super().make_parser(ctx)
        parse = parser.parse_args
        paths = [
            param.name
            for param in self.params
            if param.param_type_name == "option" and param.metavar in PATHS
        ]

        def parse_args(args: list[str]) -> Any:
            found, *rest = parse(args=args)
            for param in self.params:
                if param.param_type_name == "argument" or param.name in paths:
                    _refuse_empty(param, found.get(param.name))
            return {name: _expanded(found[name]) if name in paths else found[name] for name in found}, *rest

        parser.parse_args = parse_args  # type: ignore[method-assign]
        return parser

    def invoke(self, ctx: Any) -> Any:
        """Run the command; messages are to name commands for the same home."""
        ctx.meta[GIVEN_HOME] = ctx.params.get("home")
        return super().invoke(ctx)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # typer's signature
        """The usage line's parts: ``[OPTIONS]``, then the arguments."""
        arguments = [param.metavar for param in self.params if param.param_type_name == "argument"]
        return ["[OPTIONS]", *map(str, arguments)]

    def get_short_help_str(self, limit: int = 0) -> str:
        """Give the first sentence, whole whatever the `limit`: lists of commands fold it."""
        return " ".join((self.help or "").partition("\n\n")[0].split()).partition(". ")[0].rstrip(".") + "."

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the sections of arguments and of options."""
        for title, kind in (("Arguments", "argument"), ("Options", "option")):
            params = [param for param in self.get_params(ctx) if param.param_type_name == kind]
            rows = [(param, *record) for param in params if (record := param.get_help_record(ctx))]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(
                        [(param.metavar if kind == "argument" else name, text) for param, name, text in rows]
                    )


def help_(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[COMMAND...]", help="The command to explain [default: all]."),
    ] = None,
) -> None:
    """Show how audiosim, or one command, is used.

    Example: audiosim help similar
    """
    page: Any = context.find_root()
    for name in names or ():
        group = page.command
        command = group.get_command(page, name) if hasattr(group, "get_command") else None
        if command is None:
            from difflib import get_close_matches

            near = get_close_matches(name, getattr(group, "commands", ()), 1)
            remedy = f"Try: audiosim help {near[0]}" if near else "Try: audiosim --help"
            raise UsageError(f"There is no command {' '.join(names or ())}", "", remedy)
        page = type(page)(command, info_name=name, parent=page)
    typer.echo(page.get_help())


def _expanded(given: Any) -> Any:
    """What an option was given, once or, where it is repeatable, several times."""
    if isinstance(given, str):
        return expanded(given)
    return [expanded(each) for each in given] if isinstance(given, list) else given


def _refuse_empty(param: Any, given: Any) -> None:
    """Take "" for no place: it would be the current folder, where a script's variable is not set."""
    if "" in (given if isinstance(given, list | tuple) else [given]) and param.metavar != GLOB:
        told = param.metavar if param.param_type_name == "argument" else param.opts[0]
        raise UsageError(
            f"{told.strip('[].')} is empty",
            "a variable of a script may not be set",
            "Name it, or leave it out.",
        )
