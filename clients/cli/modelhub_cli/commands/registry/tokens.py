"""tokens: who may do what at the registry."""

import re
from datetime import UTC, datetime

import click

from modelhub_cli import words
from modelhub_cli.output import Column, Output
from modelhub_cli.registry_access import registry_command
from modelhub_cli.teaching import examples
from modelhub_client import RegistryClient
from modelhubd.wire.registry import Token

_DURATION = re.compile(r"(?P<count>[1-9][0-9]{0,5})(?P<unit>[mhd])")
_UNITS = {"m": 60, "h": 3600, "d": 86400}


def _state(token: Token) -> str:
    if token.revoked_at is not None:
        return "revoked"
    ends = words.moment(token.expires_at)
    return "expired" if ends is not None and ends <= datetime.now(UTC) else "valid"


TOKENS: tuple[Column[Token], ...] = (
    Column(title="id", raw=lambda token: token.id, style="dim"),
    Column(title="principal", raw=lambda token: token.principal, style="bold", flexible=True),
    Column(title="scopes", raw=lambda token: token.scopes, flexible=True),
    Column(title="state", raw=_state, style=lambda token: "green" if _state(token) == "valid" else "red"),
    Column(
        title="expires",
        raw=lambda token: token.expires_at,
        shown=lambda token: words.until(token.expires_at, datetime.now(UTC)),
        from_width=80,
    ),
    Column(
        title="last used",
        raw=lambda token: token.last_used_at,
        shown=lambda token: (
            words.ago(token.last_used_at, datetime.now(UTC)) if token.last_used_at else "never"
        ),
        from_width=100,
    ),
    Column(title="note", raw=lambda token: token.note, flexible=True, from_width=110),
)

EXAMPLES = """\b
Examples:
  modelhub registry tokens create --for build-server --scope publish:acme --expires 90d
  modelhub registry tokens create --for reviewer --scope review --expires 30d -q > token
"""


def _read_duration(ctx: click.Context, parameter: click.Parameter, text: str) -> int:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise click.BadParameter("write a time such as 12h or 90d")
    return int(found["count"]) * _UNITS[found["unit"]]


@click.group(epilog=EXAMPLES)
def tokens() -> None:
    """Tokens. Each belongs to one person or service, and ends."""


@tokens.command(
    "list",
    epilog=examples(
        "modelhub registry tokens list",
        "modelhub registry tokens list -o json | jq '.[] | select(.revoked_at == null)'",
    ),
)
@registry_command
def list_tokens(out: Output, registry: RegistryClient) -> None:
    """Tokens that you may see: all as an administrator, else your own."""
    out.items(tuple(registry.every_token()), TOKENS, lambda token: token.id)


@tokens.command(
    "create",
    epilog=examples("modelhub registry tokens create --for build-server --scope publish:acme --expires 90d"),
)
@click.option("--for", "principal", required=True, metavar="NAME", help="The person or service.")
@click.option(
    "--scope",
    "scopes",
    required=True,
    multiple=True,
    metavar="SCOPE",
    help="read, publish:PUBLISHER, review, verify or admin; repeat it.",
)
@click.option(
    "--expires",
    "expires_in_s",
    required=True,
    callback=_read_duration,
    metavar="TIME",
    help="12h, 90d; at most 366d.",
)
@click.option("--note", default="", metavar="TEXT", help="What it is for.")
@registry_command
def create(
    out: Output,
    registry: RegistryClient,
    principal: str,
    scopes: tuple[str, ...],
    expires_in_s: int,
    note: str,
) -> None:
    """Make a token and print it, this once: the registry keeps only its hash."""
    made = registry.create_token(principal, scopes, expires_in_s=expires_in_s, note=note)
    if out.json:
        out.value(made)
    else:
        out.line(made.token)
    out.say(
        f"The token of {made.info.principal} with {', '.join(made.info.scopes)}, until"
        f" {made.info.expires_at}. It is shown this once. Its id is {made.info.id}."
    )


@tokens.command("revoke", epilog=examples("modelhub registry tokens revoke 0123456789ab"))
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@registry_command
def revoke(out: Output, registry: RegistryClient, ids: tuple[str, ...]) -> None:
    """End tokens, at once."""
    for token_id in ids:
        registry.revoke_token(token_id)
        out.say(f"{token_id} is revoked.")
