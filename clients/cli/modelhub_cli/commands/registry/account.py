"""login, logout, whoami: who one is at a registry."""

import sys
from datetime import UTC, datetime
from urllib.parse import urlsplit

import click

from modelhub_cli import words
from modelhub_cli.failures import NOT_FOUND, REFUSED, USAGE, Failed
from modelhub_cli.output import Fact, Output, output_options
from modelhub_cli.registry_access import (
    DEFAULT_FILE,
    checked_url,
    config_dir,
    default_url,
    open_registry,
    registry_command,
)
from modelhub_cli.teaching import examples
from modelhub_cli.token_file import forget_token, is_token, keep_token, write_private
from modelhub_client import RegistryClient
from modelhubd.places import private_dir
from modelhubd.wire.registry import Me

LOOPBACK = ("localhost", "127.0.0.1", "::1")

EXAMPLES = """\b
Examples:
  modelhub registry login https://models.example.org           asks for the token
  modelhub registry login https://models.example.org < token   from a file or another program
"""


@click.command(epilog=EXAMPLES)
@click.argument("url")
@click.option("--plain-http", is_flag=True, help="Also send the token unencrypted over a network.")
@output_options
def login(out: Output, url: str, plain_http: bool) -> None:
    """Sign in: the token is asked for, or read from standard input, and tried before it is kept.

    It is kept by origin in tokens.toml, readable by you alone, and goes to this registry only.
    """
    url = checked_url(url)
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK and not plain_http:
        raise Failed(
            f"{url} is not encrypted: everybody on the way could read the token.",
            next_step="Use https, or add --plain-http",
            code=REFUSED,
        )
    token = _read_token(out)
    with open_registry(url, token=token, out=out) as registry:
        me = registry.me()
    keep_token(config_dir(), url, token)
    write_private(private_dir(config_dir()) / DEFAULT_FILE, f"{url}\n".encode())
    _print(out, me, url)
    out.say(f"Signed in. modelhub registry … now means {url}.")


def _read_token(out: Output) -> str:
    if sys.stdin.isatty():
        text = click.prompt("Token", hide_input=True, err=True)
    else:
        text = sys.stdin.read(16 * 1024)
    token = str(text).strip()
    if not is_token(token):
        raise Failed("That is no token: it is one word of visible ASCII.", code=USAGE)
    return token


@click.command(
    epilog=examples("modelhub registry logout", "modelhub registry logout https://models.example.org")
)
@click.argument("url", required=False)
def logout(url: str | None) -> None:
    """Forget the token of a registry, and that it is the one that is meant."""
    chosen = checked_url(url) if url else default_url()
    if chosen is None:
        raise Failed("No registry is known.", code=NOT_FOUND)
    known = forget_token(config_dir(), chosen)
    path = config_dir() / DEFAULT_FILE
    if path.is_file() and path.read_text(encoding="ascii", errors="replace").strip() == chosen:
        path.unlink()
    if not known:
        raise Failed(f"No token of {chosen} is kept.", code=NOT_FOUND)
    click.echo(
        f"The token of {chosen} is forgotten. It stays valid: modelhub registry tokens revoke ends one.",
        err=True,
    )


@click.command(
    epilog=examples(
        "modelhub registry whoami", "modelhub registry whoami --registry https://models.example.org"
    )
)
@registry_command
def whoami(out: Output, registry: RegistryClient) -> None:
    """Who you are at the registry, what you may do, and until when."""
    _print(out, registry.me(), registry.url)


def _print(out: Output, me: Me, url: str) -> None:
    if out.json:
        out.value(me)
    elif out.quiet:
        out.line(me.principal)
    else:
        out.facts(_facts(me, url))


def _facts(me: Me, url: str) -> list[Fact]:
    left = words.until(me.expires_at, datetime.now(UTC))
    return [
        Fact(name="registry", raw=url, shown=f"{me.registry} ({url})"),
        Fact(name="principal", raw=me.principal, style="bold"),
        Fact(name="scopes", raw=me.scopes),
        Fact(name="token_id", raw=me.token_id),
        Fact(name="expires_at", raw=me.expires_at, shown=f"{me.expires_at} ({left})"),
        Fact(
            name="four_eyes",
            raw=me.four_eyes,
            shown="two persons" if me.four_eyes else "one person is enough",
        ),
    ]
