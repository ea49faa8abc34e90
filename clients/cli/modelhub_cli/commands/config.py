"""config and token: settings and access."""

import os
import subprocess
import sys

import click
import msgspec

from modelhub_cli.complete import setting_names
from modelhub_cli.connect import client
from modelhub_cli.failures import NOT_FOUND, Failed
from modelhub_cli.launch import is_running
from modelhub_cli.output import Column, Output, find_output, output_options, plain
from modelhub_cli.teaching import examples
from modelhubd.wire.status import ConfigValue

Setting = tuple[str, ConfigValue]

SETTINGS: tuple[Column[Setting], ...] = (
    Column(title="key", raw=lambda setting: setting[0], style="bold"),
    Column(title="value", raw=lambda setting: setting[1].value, flexible=True),
    Column(
        title="from",
        raw=lambda setting: setting[1].source,
        style=lambda setting: "dim" if setting[1].source == "default" else "cyan",
    ),
    Column(
        title="locked",
        raw=lambda setting: setting[1].locked,
        shown=lambda setting: "locked" if setting[1].locked else "",
        style="yellow",
    ),
)


@click.group(
    epilog=examples(
        "modelhub config list",
        "modelhub config get server.port",
        "modelhub config set downloads.max_active 3",
    )
)
def config() -> None:
    """The settings in force. They are set in config.toml, or by $MODELHUB_<SECTION>_<KEY>."""


@config.command(
    "list", epilog=examples("modelhub config list", "modelhub config list | awk -F'\\t' '$3 != \"default\"'")
)
@output_options
def list_settings(out: Output) -> None:
    """Every setting, its value and the layer it comes from."""
    values = client().config().values
    if out.json:
        out.value(values)
    else:
        out.items(sorted(values.items()), SETTINGS, lambda setting: setting[0])


@config.command(
    "get", epilog=examples("modelhub config get models.dir", "modelhub config get server.port -o json")
)
@click.argument("key", shell_complete=setting_names)
@output_options
def get(out: Output, key: str) -> None:
    """One setting's value, such as server.port."""
    values = client().config().values
    if key not in values:
        from difflib import get_close_matches

        near = get_close_matches(key, values, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]}?" if near else "modelhub config list shows all."
        raise Failed(f"There is no setting {key}.", next_step=hint, code=NOT_FOUND)
    if out.json:
        out.value(values[key])
    else:
        out.line(plain(values[key].value))


@config.command(
    "set",
    context_settings={"ignore_unknown_options": True},  # -1 is a value
    epilog=examples(
        "modelhub config set downloads.max_active 3",
        "modelhub config set models.dir /mnt/models",
        "modelhub config set llama.default_ttl_s -1         idle models stay loaded",
        "modelhub config set llama.aliases 'gpt-4o-mini=qwen/qwen3-8b'",
    ),
)
@click.argument("key", shell_complete=setting_names)
@click.argument("value")
@output_options
def set_value(out: Output, key: str, value: str) -> None:
    """Write a setting into config.toml; the rest of the file stays as it is.

    Several values of a list stand apart by commas. It is in force once the daemon starts again.
    """
    _change(out, "config-set", key, value)


@config.command("reset", epilog=examples("modelhub config reset downloads.max_active"))
@click.argument("key", shell_complete=setting_names)
@output_options
def reset(out: Output, key: str) -> None:
    """Take a setting out of config.toml: its default holds again once the daemon starts again."""
    _change(out, "config-reset", key)


def _change(out: Output, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "modelhubd", arguments[0], "--", *arguments[1:]],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(
            done.stderr.strip().removeprefix("modelhubd: "),
            next_step="All settings, their values and who has set them: modelhub config list",
            code=done.returncode,
        )
    now = msgspec.json.decode(done.stdout, type=_Changed)
    if out.json:
        out.value(now)
    else:
        out.items(((now.key, now),), SETTINGS, lambda setting: setting[0])
    if now.source not in ("file", "default"):
        out.say(f"What counts is said elsewhere ({now.source}): config.toml has changed, the value has not.")
    elif is_running(os.environ):
        out.say("In force once the daemon starts again: modelhub daemon restart")


class _Changed(ConfigValue, frozen=True, kw_only=True):
    key: str


@click.group(epilog=examples("modelhub token rotate"))
def token() -> None:
    """The token that programs need on the TCP port; the socket needs none."""


@token.command(epilog=examples("modelhub token rotate"))
def rotate() -> None:
    """Make a new token; the old one and every browser session end at once."""
    client().rotate_token()
    find_output().say("The token is new. Browsers sign in again with: modelhub ui")
