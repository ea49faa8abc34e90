"""`modelhub-registry`: argv. A command's module is imported when it is asked for."""

import importlib
import sys
from collections.abc import Sequence

import click

from modelhubd import __version__
from modelhubd.errors import ModelhubError

COMMANDS = {
    "serve": ("modelhubd.registry.commands.serve", "Answer until SIGTERM or SIGINT."),
    "migrate": ("modelhubd.registry.commands.migrate", "Bring the database to this program's form."),
    "create-admin": ("modelhubd.registry.commands.create_admin", "An administrator's token, shown once."),
    "keys": ("modelhubd.registry.commands.keys", "Make, rotate and recover the keys; show the root."),
    "export": ("modelhubd.registry.commands.export", "The whole registry as one file."),
    "import": ("modelhubd.registry.commands.import_", "Such a file into an empty database of either kind."),
    "backup": ("modelhubd.registry.commands.backup", "The database and the online keys into a folder."),
    "restore": ("modelhubd.registry.commands.restore", "Such a folder as this registry."),
}
"""Name → module with a click command `command`, and its short help."""


class Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="modelhub-registry")
def program() -> None:
    """The organisation's registry of models: what is approved here is what its machines get."""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done, 1 it cannot, 2 usage."""
    try:
        program.main(args=argv, prog_name="modelhub-registry", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 130
    except ModelhubError as error:
        click.echo(f"modelhub-registry: {error}", err=True)
        return 1
    except ModuleNotFoundError as error:
        if error.name not in ("sqlalchemy", "alembic"):
            raise
        click.echo("modelhub-registry: it needs more packages: pip install 'modelhubd[registry]'", err=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
