"""versions, cancel, withdraw: what became of what was published."""

from datetime import UTC, datetime

import click

from modelhub_cli import words
from modelhub_cli.asking import ask
from modelhub_cli.output import Column, Output
from modelhub_cli.registry_access import model_of, registry_command, version_of
from modelhub_cli.teaching import examples
from modelhub_client import RegistryClient
from modelhubd.wire.registry import RegistryVersion

STYLES = {"pending": "yellow", "approved": "green", "rejected": "red", "cancelled": "dim", "withdrawn": "red"}


def reference(version: RegistryVersion) -> str:
    return f"{version.model}@{version.version}"


def _why(version: RegistryVersion) -> str | None:
    return version.withdraw_reason or version.reason


VERSIONS: tuple[Column[RegistryVersion], ...] = (
    Column(title="version", raw=reference, style="bold", flexible=True),
    Column(
        title="status",
        raw=lambda version: version.status.value,
        shown=lambda version: "approved, served" if version.served else version.status.value,
        style=lambda version: STYLES.get(version.status.value, ""),
    ),
    Column(title="published by", raw=lambda version: version.published_by),
    Column(
        title="published",
        raw=lambda version: version.published_at,
        shown=lambda version: words.ago(version.published_at, datetime.now(UTC)),
        from_width=80,
    ),
    Column(title="decided by", raw=lambda version: version.decided_by, from_width=90),
    Column(title="issues", raw=lambda version: version.issues, right=True, from_width=70),
    Column(
        title="content",
        raw=lambda version: version.content_sha256,
        shown=lambda version: version.content_sha256[:12],
        from_width=110,
    ),
    Column(title="reason", raw=_why, flexible=True, from_width=100),
    Column(title="served", raw=lambda version: version.served, shown=lambda _: ""),
)


def print_version(out: Output, version: RegistryVersion) -> None:
    """One version as it is now."""
    if out.json:
        out.value(version)
    else:
        out.items((version,), VERSIONS, reference)


@click.command(epilog=examples("modelhub registry versions acme/tiny"))
@click.argument("model", metavar="MODEL")
@registry_command
def versions(out: Output, registry: RegistryClient, model: str) -> None:
    """Versions of a model that you may see, newest first."""
    found = tuple(registry.every_version(model_of(model)))
    out.items(found, VERSIONS, reference)
    if not found:
        out.say("None that you may see.")


@click.command(epilog=examples("modelhub registry cancel acme/tiny@3"))
@click.argument("version", metavar="MODEL@VERSION")
@registry_command
def cancel(out: Output, registry: RegistryClient, version: str) -> None:
    """Take a version of yours back while nobody has decided."""
    print_version(out, registry.cancel(*version_of(version)))


@click.command(
    epilog=examples('modelhub registry withdraw acme/tiny@3 --reason "Answers in the wrong language."')
)
@click.argument("version", metavar="MODEL@VERSION")
@click.option("--reason", required=True, metavar="TEXT", help="Machines and people are told.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@registry_command
def withdraw(out: Output, registry: RegistryClient, version: str, reason: str, yes: bool) -> None:
    """Take an approved version out of service. Machines get what was approved before it, or are told that the
    model is not to be used any more."""
    model, number = version_of(version)
    if not yes:
        ask(out, f"Withdraw {model}@{number}? Nothing brings this version back.", "--yes")
    print_version(out, registry.withdraw(model, number, reason=reason))
