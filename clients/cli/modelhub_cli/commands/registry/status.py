"""registry status: the registry that this machine's catalog comes from, as the daemon sees it."""

from datetime import UTC, datetime

import click

from modelhub_cli import words
from modelhub_cli.connect import client
from modelhub_cli.output import Fact, Output, output_options
from modelhub_cli.teaching import examples
from modelhubd.wire.catalog import CatalogInfo


@click.command(epilog=examples("modelhub registry status", "modelhub registry status -o json | jq .audit"))
@output_options
def status(out: Output) -> None:
    """Where this machine's catalog comes from, how fresh it is, and the witness of the audit log."""
    found = client().catalog_info()
    if out.json:
        out.value(found)
    elif out.quiet:
        out.line(found.registry or "")
    else:
        out.facts(facts(found))


def facts(found: CatalogInfo) -> list[Fact]:
    """What there is to say of the registry."""
    now = datetime.now(UTC)
    origin = found.registry or "none: set one with [catalog] registry_url and registry_root"
    shown = [
        Fact(name="registry", raw=found.registry, shown=origin),
        Fact(name="source", raw=found.source),
        Fact(name="revision", raw=found.revision),
        Fact(name="models", raw=found.models),
    ]
    if found.registry is None:
        return shown
    expires = words.until(found.expires_at, now)
    if found.stale:
        expires = f"stale since {found.stale_since}"
    error, audit = found.last_error, found.audit
    shown += [
        Fact(name="synced_at", raw=found.synced_at, shown=words.ago(found.synced_at, now)),
        Fact(name="checked_at", raw=found.checked_at, shown=words.ago(found.checked_at, now)),
        Fact(name="expires_at", raw=found.expires_at, shown=expires, style="yellow" if found.stale else ""),
        Fact(
            name="last_error",
            raw=None if error is None else f"{error.code} {error.detail}",
            shown="none" if error is None else error.detail,
            style="" if error is None else "red",
        ),
    ]
    if audit is not None:
        shown.append(
            Fact(
                name="audit_log",
                raw=f"{audit.size} {audit.root_hash}",
                shown=f"{audit.size} entries, root {audit.root_hash[:16]}…",
            )
        )
        if audit.alarm is not None:
            alarm = audit.alarm
            shown.append(
                Fact(
                    name="audit_alarm",
                    raw=f"{alarm.code} {alarm.at} {alarm.detail}",
                    shown=f"{alarm.detail} ({alarm.at})",
                    style="red",
                )
            )
    return shown
