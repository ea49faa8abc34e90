"""publishers: who may publish under which name, and with which keys."""

import click

from modelhub_cli.asking import ask
from modelhub_cli.failures import USAGE, Failed
from modelhub_cli.output import Column, Output
from modelhub_cli.registry_access import registry_command
from modelhub_cli.teaching import examples
from modelhub_client import RegistryClient
from modelhubd.wire.registry import Publisher, PublisherKey

PUBLISHERS: tuple[Column[Publisher], ...] = (
    Column(title="name", raw=lambda publisher: publisher.name, style="bold"),
    Column(title="display name", raw=lambda publisher: publisher.display_name, flexible=True),
    Column(
        title="status",
        raw=lambda publisher: publisher.status,
        style=lambda publisher: "green" if publisher.status == "active" else "red",
    ),
    Column(
        title="keys", raw=lambda publisher: sum(key.revoked_at is None for key in publisher.keys), right=True
    ),
    Column(title="created", raw=lambda publisher: publisher.created_at, from_width=90),
)

KEYS: tuple[Column[PublisherKey], ...] = (
    Column(title="key id", raw=lambda key: key.key_id, flexible=True),
    Column(title="public key", raw=lambda key: key.public_key, flexible=True, from_width=100),
    Column(title="revoked", raw=lambda key: key.revoked_at, style="red"),
)

EXAMPLES = """\b
Examples:
  modelhub registry publishers create acme --display-name "Acme AI"
  modelhub registry publishers keys add acme PUBLIC_KEY      as `registry keys new` shows it
  modelhub registry publishers suspend acme --reason "Key lost."
"""


@click.group(epilog=EXAMPLES)
def publishers() -> None:
    """Publishers: the first part of a model's id belongs to one."""


@publishers.command("list", epilog=examples("modelhub registry publishers list"))
@registry_command
def list_publishers(out: Output, registry: RegistryClient) -> None:
    """All publishers."""
    out.items(tuple(registry.every_publisher()), PUBLISHERS, lambda publisher: publisher.name)


@publishers.command(
    "create", epilog=examples('modelhub registry publishers create acme --display-name "Acme AI"')
)
@click.argument("name")
@click.option("--display-name", default="", metavar="TEXT", help="Its name for people.")
@registry_command
def create(out: Output, registry: RegistryClient, name: str, display_name: str) -> None:
    """Make a publisher; tokens with the scope publish:NAME may then publish."""
    _print(out, registry.create_publisher(name, display_name=display_name))


@publishers.command(
    "suspend", epilog=examples('modelhub registry publishers suspend acme --reason "Key lost."')
)
@click.argument("name")
@click.option("--reason", required=True, metavar="TEXT")
@registry_command
def suspend(out: Output, registry: RegistryClient, name: str, reason: str) -> None:
    """Let nobody publish under this name; what is served stays."""
    _print(out, registry.change_publisher(name, "suspended", reason=reason))


@publishers.command(
    "activate", epilog=examples('modelhub registry publishers activate acme --reason "New key."')
)
@click.argument("name")
@click.option("--reason", required=True, metavar="TEXT")
@registry_command
def activate(out: Output, registry: RegistryClient, name: str, reason: str) -> None:
    """Let a suspended publisher publish again."""
    _print(out, registry.change_publisher(name, "active", reason=reason))


@publishers.group(
    "keys",
    epilog=examples(
        "modelhub registry publishers keys list acme",
        "modelhub registry publishers keys revoke acme 0123456789ab",
    ),
)
def keys() -> None:
    """Public keys of a publisher, pinned in the signed catalog."""


@keys.command("list", epilog=examples("modelhub registry publishers keys list acme"))
@click.argument("name")
@registry_command
def list_keys(out: Output, registry: RegistryClient, name: str) -> None:
    """Keys of a publisher, also revoked ones."""
    found = registry.publisher(name).keys
    out.items(found, KEYS, lambda key: key.key_id)
    if not found:
        out.say(f"{name} has none. Make one: modelhub registry keys new FILE")


@keys.command(
    "add",
    epilog=examples(
        "modelhub registry publishers keys add acme PUBLIC_KEY      as `registry keys new` shows it"
    ),
)
@click.argument("name")
@click.argument("public_key")
@registry_command
def add(out: Output, registry: RegistryClient, name: str, public_key: str) -> None:
    """Let this key sign for a publisher: 64 hex digits, as `registry keys new` shows them."""
    wanted = public_key.strip().lower()
    if len(wanted) != 64 or any(character not in "0123456789abcdef" for character in wanted):
        raise Failed("A public key is 64 hex digits.", next_step="Never give the private one.", code=USAGE)
    _print_keys(out, (registry.add_publisher_key(name, wanted),))


@keys.command("revoke", epilog=examples("modelhub registry publishers keys revoke acme 0123456789ab --yes"))
@click.argument("name")
@click.argument("key_id")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@registry_command
def revoke(out: Output, registry: RegistryClient, name: str, key_id: str, yes: bool) -> None:
    """What this key has signed does not count as signed any more. KEY_ID: its first 12 digits or more."""
    near = [
        key.key_id
        for key in registry.publisher(name).keys
        if len(key_id) >= 12 and key.key_id.startswith(key_id)
    ]
    whole = near[0] if len(near) == 1 else key_id
    if not yes:
        ask(out, f"Revoke the key {whole} of {name}? Nothing brings it back.", "--yes")
    registry.revoke_publisher_key(name, whole)
    _print_keys(out, registry.publisher(name).keys)


def _print(out: Output, publisher: Publisher) -> None:
    if out.json:
        out.value(publisher)
    else:
        out.items((publisher,), PUBLISHERS, lambda item: item.name)


def _print_keys(out: Output, found: tuple[PublisherKey, ...]) -> None:
    out.items(found, KEYS, lambda key: key.key_id)
