"""completion: the shell's Tab key."""

import click
from click.shell_completion import get_completion_class

from modelhub_cli.teaching import examples

WHERE = {
    "bash": 'eval "$(modelhub completion bash)"   # in ~/.bashrc',
    "zsh": 'eval "$(modelhub completion zsh)"   # in ~/.zshrc',
    "fish": "modelhub completion fish > ~/.config/fish/completions/modelhub.fish",
}


@click.command(epilog=examples(*WHERE.values()))
@click.argument("shell", type=click.Choice(tuple(WHERE)))
def completion(shell: str) -> None:
    """Print the script that makes Tab complete commands, options and the names of models."""
    from modelhub_cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "modelhub", "_MODELHUB_COMPLETE").source())
