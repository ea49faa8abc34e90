"""ui: the registry's console in the browser."""

import click

from modelhub_cli.commands.ui import open_in_browser
from modelhub_cli.output import Output, plain
from modelhub_cli.registry_access import registry_command
from modelhub_client import RegistryClient

EXAMPLES = """\b
Examples:
  modelhub registry ui             opens the console of the registry you are signed in to
  modelhub registry ui --print     prints its address
"""


@click.command(epilog=EXAMPLES)
@click.option("--print", "only_print", is_flag=True, help="Print the address instead of opening it.")
@registry_command
def ui(out: Output, registry: RegistryClient, only_print: bool) -> None:
    """Open the registry's console. It asks for a token: your own, or one of `registry tokens create`."""
    registry.health()
    address = f"{registry.url}/"
    if out.json:
        out.value({"url": address})
    elif only_print or out.quiet or not out.terminal or not open_in_browser(address):
        out.line(plain(address))
    else:
        out.say(f"The console opens in your browser: {plain(address)}")
