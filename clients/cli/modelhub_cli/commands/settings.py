"""settings and estimate: what loads of a model begin with, and what they would take."""

import os
from typing import Any

import click

from modelhub_cli.complete import installed_models
from modelhub_cli.connect import active, client, installed
from modelhub_cli.estimates import print_estimate
from modelhub_cli.launch import ensure_daemon
from modelhub_cli.output import Column, Output, output_options
from modelhub_cli.saving import add_to_saved, take_from_saved
from modelhub_cli.setting_options import setting_options, settings_of
from modelhub_cli.teaching import examples
from modelhubd.wire.servers import EffectiveSetting, LoadSettings, SettingsAnswer

Setting = tuple[str, EffectiveSetting]

SETTINGS: tuple[Column[Setting], ...] = (
    Column(title="setting", raw=lambda setting: setting[0], style="bold"),
    Column(title="value", raw=lambda setting: setting[1].value, flexible=True),
    Column(
        title="from",
        raw=lambda setting: setting[1].origin,
        style=lambda setting: "dim" if setting[1].origin == "default" else "cyan",
    ),
)
EXAMPLES = """\b
Examples:
  modelhub settings set qwen/qwen3-0.6b --ctx 16384 --kv-type q8_0
  modelhub settings reset qwen/qwen3-0.6b ctx
"""


@click.group(epilog=EXAMPLES)
def settings() -> None:
    """What every load of an installed model begins with.

    default < configuration < the catalog's entry < what is saved here < the load itself.
    """


@settings.command(
    epilog=examples(
        "modelhub settings show qwen/qwen3-0.6b", "modelhub settings show qwen/qwen3-0.6b -o json | jq .saved"
    )
)
@click.argument("ref", shell_complete=installed_models)
@output_options
def show(out: Output, ref: str) -> None:
    """Every setting, its value and where it comes from."""
    daemon = client()
    _print(out, daemon.settings(active(installed(daemon, ref)).id))


@settings.command(
    "set",
    epilog=examples(
        "modelhub settings set qwen/qwen3-0.6b --ctx 16384 --kv-type q8_0",
        "modelhub settings set qwen/qwen3-0.6b --ttl -1      never unloaded when idle",
    ),
)
@click.argument("ref", shell_complete=installed_models)
@setting_options
@output_options
def set_settings(out: Output, /, ref: str, **given: Any) -> None:
    """Save settings beside those that are saved."""
    wanted = settings_of(given)
    if wanted == LoadSettings():
        raise click.UsageError("Name a setting, such as --ctx 8192.")
    daemon = client()
    _print(out, add_to_saved(daemon, active(installed(daemon, ref)), wanted))


@settings.command(
    epilog=examples(
        "modelhub settings reset qwen/qwen3-0.6b           all of them",
        "modelhub settings reset qwen/qwen3-0.6b ctx threads",
    )
)
@click.argument("ref", shell_complete=installed_models)
@click.argument("names", nargs=-1, metavar="[SETTING]...")
@output_options
def reset(out: Output, ref: str, names: tuple[str, ...]) -> None:
    """Forget what is saved: all of it, or the settings named as `show` names them."""
    known = LoadSettings.__struct_fields__
    names = tuple(name.replace("-", "_") for name in names)
    if unknown := next((name for name in names if name not in known), None):
        raise click.UsageError(f"There is no setting {unknown}. There are {', '.join(known)}.")
    daemon = client()
    artifact = active(installed(daemon, ref))
    _print(out, take_from_saved(daemon, artifact, names) if names else daemon.reset_settings(artifact.id))


@click.command(
    epilog=examples(
        "modelhub estimate qwen/qwen3-0.6b", "modelhub estimate qwen/qwen3-0.6b --ctx 0 --kv-type q8_0"
    )
)
@click.argument("ref", shell_complete=installed_models)
@setting_options
@output_options
def estimate(out: Output, /, ref: str, **given: Any) -> int:
    """The memory that a load of an installed model would take, and whether it is there.

    Exits with 7 where it is not.
    """
    wanted = settings_of(given)
    ensure_daemon(os.environ, out.say)
    daemon = client()
    artifact = active(installed(daemon, ref))
    return print_estimate(out, artifact, daemon.estimate(artifact.id, wanted))


def _print(out: Output, answer: SettingsAnswer) -> None:
    if out.json:
        out.value(answer)
        return
    out.items(tuple(answer.effective.items()), SETTINGS, lambda setting: setting[0])
    if answer.locked:
        out.say(f"The administrator of this machine has locked {', '.join(answer.locked)}.")
    for note in answer.notes:
        out.say(note)
