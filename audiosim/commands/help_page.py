"""Help pages that name arguments as people write them: ``QUERY...``, without braces and types."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand


class Command(TyperCommand):
    """A command whose arguments are shown by their metavars, which all of them have."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # typer's signature
        """The usage line's parts: ``[OPTIONS]``, then the arguments."""
        arguments = [param.metavar for param in self.params if param.param_type_name == "argument"]
        return ["[OPTIONS]", *map(str, arguments)]

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
