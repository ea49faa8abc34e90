"""sign, verify-signature, keys: a publisher's signature over a version."""

from pathlib import Path

import click

from modelhub_cli.failures import INTEGRITY, NOT_FOUND, Failed
from modelhub_cli.output import Fact, Output, output_options
from modelhub_cli.registry_access import open_registry
from modelhub_cli.teaching import examples
from modelhubd.wire.registry import PublisherKey


@click.command(
    short_help="Sign an entry file with a publisher's key.",
    epilog=examples("modelhub registry sign entry.json --key acme.key"),
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--key", "key_file", required=True, type=click.Path(path_type=Path), metavar="KEYFILE")
@output_options
def sign(out: Output, file: Path, key_file: Path) -> None:
    """Add a publisher's signature to an entry file, in place. What is signed is the content: id, options,
    digests, notes; a change of any of them makes the signature worthless.
    """
    from modelhub_cli.authoring.checking import check_body, document_of
    from modelhub_cli.authoring.signing import signed
    from modelhub_cli.commands.registry.publish import read_entry, write_entry

    checked = check_body(read_entry(file), None)
    envelopes = signed(checked, key_file)
    write_entry(file, document_of(checked, envelopes))
    made = envelopes[-1]
    if out.json:
        out.value(made)
    elif out.quiet:
        out.line(made.signatures[0].keyid)
    else:
        out.facts(
            (
                Fact(name="model", raw=checked.model, style="bold"),
                Fact(name="content_sha256", raw=checked.content_sha256),
                Fact(name="key_id", raw=made.signatures[0].keyid),
            )
        )
    out.say(f"Signed. Publish it: modelhub registry publish {file}")


@click.command("verify-signature", epilog=examples("modelhub registry verify-signature entry.json"))
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--public-key",
    "public_keys",
    multiple=True,
    metavar="HEX",
    help="Instead of the publisher's keys at the registry.",
)
@click.option("--registry", "url", metavar="URL", help="Which registry.")
@output_options
def verify_signature(out: Output, file: Path, public_keys: tuple[str, ...], url: str | None) -> None:
    """Check that a key of its publisher signed what an entry file holds. Exit code 8 if none did."""
    from modelhub_cli.authoring.checking import check_body
    from modelhub_cli.commands.registry.publish import read_entry

    checked = check_body(read_entry(file), None)
    publisher = checked.model.partition("/")[0]
    keys = _keys(public_keys) if public_keys else _registered(publisher, url)
    # Here, as it brings the library of cryptography.
    from modelhubd.trust.statements import fault_in_signature

    fault = fault_in_signature(
        checked.envelopes,
        model=checked.model,
        publisher=publisher,
        content_sha256=checked.content_sha256,
        keys=keys,
    )
    if fault is not None:
        raise Failed(f"The signature of {file.name} does not hold: {fault}.", code=INTEGRITY)
    if out.json:
        out.value({"model": checked.model, "content_sha256": checked.content_sha256, "signed": True})
    else:
        out.line(checked.content_sha256)
    out.say(f"{publisher} signed {checked.model}.")


def _registered(publisher: str, url: str | None) -> tuple[PublisherKey, ...]:
    with open_registry(url) as registry:
        found = registry.publisher(publisher).keys
    if not found:
        raise Failed(f"{publisher} has no key at the registry.", code=NOT_FOUND)
    return found


def _keys(public_keys: tuple[str, ...]) -> tuple[PublisherKey, ...]:
    from modelhubd.trust.signing import key_id

    try:
        return tuple(
            PublisherKey(key_id=key_id(bytes.fromhex(text)), public_key=text) for text in public_keys
        )
    except ValueError as error:
        raise click.BadParameter("a public key is 64 hex digits") from error


@click.group(epilog=examples("modelhub registry keys new acme.key"))
def keys() -> None:
    """A publisher's key. The private part stays in a file of yours, the public part goes to the registry."""


@keys.command("new", epilog=examples("modelhub registry keys new acme.key"))
@click.argument("file", type=click.Path(path_type=Path))
@output_options
def new(out: Output, file: Path) -> None:
    """Make an Ed25519 key: the private part into FILE (PEM, readable by you alone), the public part shown."""
    from modelhub_cli.authoring.key_files import write_key

    # Here, as it brings the library of cryptography.
    from modelhubd.trust.signing import key_id, new_key

    private, public = new_key()
    write_key(file, private)
    if out.json:
        out.value({"public_key": public.hex(), "key_id": key_id(public)})
    elif out.quiet:
        out.line(public.hex())
    else:
        out.facts((Fact(name="public_key", raw=public.hex()), Fact(name="key_id", raw=key_id(public))))
    out.say(
        f"The private key is in {file}. Keep a copy where you keep such things; nobody can make it again.\n"
        f"An administrator adds it: modelhub registry publishers keys add PUBLISHER {public.hex()}"
    )
