"""audit: what was done by whom, and whether the log still says what it said."""

from itertools import islice
from pathlib import Path

import click

from modelhub_cli.failures import USAGE, Failed
from modelhub_cli.output import Column, Fact, Output, plain
from modelhub_cli.registry_access import registry_command, state_dir
from modelhub_cli.teaching import examples
from modelhub_cli.waiting import waiting
from modelhub_client import RegistryClient
from modelhubd.wire.registry import AuditEntry

NOTE_MAX = 64 * 1024


def _detail(entry: AuditEntry) -> str:
    return ", ".join(f"{name}={plain(value)}" for name, value in entry.detail.items())


ENTRIES: tuple[Column[AuditEntry], ...] = (
    Column(title="seq", raw=lambda entry: entry.seq, right=True, style="dim"),
    Column(title="at", raw=lambda entry: entry.at, from_width=80),
    Column(title="actor", raw=lambda entry: entry.actor, style="bold"),
    Column(title="action", raw=lambda entry: entry.action),
    Column(title="subject", raw=lambda entry: entry.subject, flexible=True),
    Column(title="detail", raw=_detail, flexible=True, from_width=120),
)

EXAMPLES = """\b
Examples:
  modelhub registry audit list --action version.approved
  modelhub registry audit checkpoint > checkpoint.txt     a signed note; keep it somewhere else
  modelhub registry audit verify --note checkpoint.txt    the log still begins with what that note covers
"""


@click.group(epilog=EXAMPLES)
def audit() -> None:
    """The audit log: every act, in a Merkle tree that only grows."""


@audit.command(
    "list",
    epilog=examples(
        "modelhub registry audit list --limit 20", "modelhub registry audit list --subject acme/tiny@2"
    ),
)
@click.option("--actor", metavar="NAME")
@click.option("--action", metavar="NOUN.VERB")
@click.option("--subject", metavar="TEXT", help="A version, a model, a template, …")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many, the oldest first.")
@registry_command
def list_entries(
    out: Output,
    registry: RegistryClient,
    actor: str | None,
    action: str | None,
    subject: str | None,
    limit: int | None,
) -> None:
    """What was done, oldest first."""
    entries = registry.every_audit_entry(actor=actor, action=action, subject=subject)
    out.items(tuple(islice(entries, limit)), ENTRIES, lambda entry: entry.seq)


@audit.command("checkpoint", epilog=examples("modelhub registry audit checkpoint > checkpoint.txt"))
@registry_command
def checkpoint(out: Output, registry: RegistryClient) -> None:
    """The head of the log as a signed note: it proves later that nothing before it was changed."""
    found = registry.checkpoint()
    if out.json:
        out.value(found)
    else:
        out.write(found.note)
    out.say(f"The key that checks it: {found.key}")


@audit.command(
    "verify",
    epilog=examples(
        "modelhub registry audit verify", "modelhub registry audit verify --note checkpoint.txt --proofs-only"
    ),
)
@click.option("--key", metavar="KEY", help="The log's verifier key, where you know it from elsewhere.")
@click.option(
    "--note",
    "note_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A checkpoint from before.",
)
@click.option("--proofs-only", is_flag=True, help="Do not read the entries, which takes an administrator.")
@registry_command
def verify(
    out: Output,
    registry: RegistryClient,
    key: str | None,
    note_file: Path | None,
    proofs_only: bool,
) -> None:
    """Check the log on this machine: every entry's hash and link, the root, the signature of the checkpoint,
    and that it still begins with what was seen at the last check. Exit code 8 where something does not hold.
    """
    from modelhub_cli.audit_check import check_log, noted

    earlier = None if note_file is None else _read_note(note_file)
    with waiting(out, "Checking the log"):
        found = check_log(registry, state_dir(), key=key, earlier=earlier, with_entries=not proofs_only)
    if out.json:
        out.value(noted(found))
    else:
        out.facts(
            (
                Fact(name="origin", raw=found.origin, style="bold"),
                Fact(name="entries", raw=found.size),
                Fact(name="root_hash", raw=found.root.hex()),
                Fact(
                    name="read",
                    raw=found.read,
                    shown=f"{found.read} entries hashed here" if found.read else "none",
                ),
                Fact(
                    name="consistent_with",
                    raw=found.consistent_with,
                    shown=f"the {found.consistent_with} entries seen before" if found.consistent_with else "",
                ),
            )
        )
    out.say("The log holds.")


def _read_note(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(NOTE_MAX)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise Failed(f"{path} cannot be read: {reason}.", code=USAGE) from error
