"""A click group that imports a command's module when the command is used, and not for `--help`."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import NamedTuple

import click


class Lazy(NamedTuple):
    """Where a command is, and its line in the help."""

    module: str
    attribute: str
    help: str


class LazyGroup(click.Group):
    """`sections` name the commands as the help lists them: heading → command → where it is."""

    def __init__(self, *args: object, sections: Mapping[str, Mapping[str, Lazy]], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # click's own arguments
        self.sections = sections
        self._lazy = {name: lazy for section in sections.values() for name, lazy in section.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        lazy = self._lazy.get(cmd_name)
        if lazy is None:
            return None
        command = getattr(import_module(lazy.module), lazy.attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self._lazy and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], self._lazy, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"There is no command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self._lazy))
        for heading, section in self.sections.items():
            rows: Sequence[tuple[str, str]] = [
                (f"{name:<{width}}", lazy.help) for name, lazy in section.items()
            ]
            with formatter.section(heading):
                formatter.write_dl(rows)
