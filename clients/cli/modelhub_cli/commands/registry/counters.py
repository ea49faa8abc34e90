"""counters, star, unstar: how often a model is used and liked."""

import click

from modelhub_cli.asking import ask
from modelhub_cli.output import Output
from modelhub_cli.registry_access import model_of, registry_command
from modelhub_cli.teaching import examples
from modelhub_client import RegistryClient


@click.group(epilog=examples("modelhub registry counters reset acme/tiny"))
def counters() -> None:
    """Downloads and stars of models. No publish touches them."""


@counters.command("reset", epilog=examples("modelhub registry counters reset acme/tiny --yes"))
@click.argument("model", metavar="MODEL")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@registry_command
def reset(out: Output, registry: RegistryClient, model: str, yes: bool) -> None:
    """Set downloads and stars of a model back to nothing; the audit log keeps that it was done."""
    model = model_of(model)
    if not yes:
        ask(out, f"Set downloads and stars of {model} back to 0?", "--yes")
    now = registry.reset_counters(model)
    if out.json:
        out.value(now)
    out.say(f"{model} has {now.downloads} downloads and {now.stars} stars.")


@click.command(epilog=examples("modelhub registry star acme/tiny"))
@click.argument("model", metavar="MODEL")
@registry_command
def star(out: Output, registry: RegistryClient, model: str) -> None:
    """Star a model; one star per person."""
    registry.star(model_of(model))
    out.say(f"{model} has your star.")


@click.command(epilog=examples("modelhub registry unstar acme/tiny"))
@click.argument("model", metavar="MODEL")
@registry_command
def unstar(out: Output, registry: RegistryClient, model: str) -> None:
    """Take your star back."""
    registry.unstar(model_of(model))
    out.say(f"{model} has no star of yours.")
