"""ui: the Hub page, signed in."""

import os
import sys

import click

from modelhub_cli.connect import client
from modelhub_cli.failures import Failed
from modelhub_cli.launch import ensure_daemon
from modelhub_cli.output import Output, output_options, plain
from modelhub_cli.teaching import examples


@click.command(
    epilog=examples(
        "modelhub ui", "modelhub ui --print              the address, to be opened within a minute"
    )
)
@click.option("--print", "only_print", is_flag=True, help="Print the address instead of opening it.")
@output_options
def ui(out: Output, only_print: bool) -> None:
    """Open the Hub page in the browser. The address signs in once, within a minute."""
    ensure_daemon(os.environ, out.say)
    answer = client().session_code()
    if out.json:
        out.value(answer)
        return
    if answer.url is None:
        raise Failed(
            "The page needs the TCP port, which is off.",
            next_step="Set tcp = true under [server] in config.toml and restart: modelhub daemon restart",
        )
    if only_print or out.quiet or not out.terminal or not open_in_browser(answer.url):
        out.line(plain(answer.url))
        out.say(f"Open it within {answer.expires_in_s} s.")
    else:
        out.say("The Hub page opens in your browser. No window? modelhub ui --print shows its address.")


def open_in_browser(url: str) -> bool:
    """Whether a browser could be told to show `url`. Without a desktop there are browsers too, which would
    take this terminal."""
    desktop = sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if not (desktop or os.environ.get("BROWSER")):
        return False
    import webbrowser

    try:
        return webbrowser.open(url)
    except webbrowser.Error:
        return False
