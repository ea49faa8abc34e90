"""registry sync: have the daemon look at the registry now."""

import click

from modelhub_cli.commands.registry.status import facts
from modelhub_cli.connect import client
from modelhub_cli.failures import FAILURE, INTEGRITY, NOT_PERMITTED, Failed
from modelhub_cli.output import Output, output_options
from modelhub_cli.teaching import examples
from modelhub_cli.waiting import INTERRUPTED, waiting
from modelhubd.wire.catalog import CatalogInfo

EXIT_CODES = dict.fromkeys(
    ("wrong_root", "bad_root", "bad_signature", "rolled_back", "mixed", "audit_alarm"), INTEGRITY
) | dict.fromkeys(("not_allowed", "credentials", "offline"), NOT_PERMITTED)


@click.command(
    epilog=examples(
        "modelhub registry sync",
        "modelhub registry sync --acknowledge-alarm      once you know what happened",
    )
)
@click.option(
    "--acknowledge-alarm",
    is_flag=True,
    help="End the alarm over the audit log, and take the log as it is now.",
)
@output_options
def sync(out: Output, acknowledge_alarm: bool) -> int:
    """Look at the registry now, to the end; exit code 8 where what it serves is not genuine."""
    daemon = client()
    try:
        with waiting(out, "Looking at the registry"):
            found = daemon.acknowledge_audit() if acknowledge_alarm else daemon.sync_catalog(wait=True)
    except KeyboardInterrupt:
        out.say("\nThe daemon goes on looking. What came of it: modelhub registry status")
        return INTERRUPTED
    if out.json:
        out.value(found)
    elif out.quiet:
        out.line(found.revision)
    else:
        out.facts(facts(found))
    refuse_failed(found)
    return 0


def refuse_failed(found: CatalogInfo) -> None:
    """
    Raises:
        Failed: no registry is set, or what it offers was not taken.
    """
    if found.registry is None:
        raise Failed(
            "No registry is set.",
            next_step="Name one in config.toml: [catalog] registry_url and registry_root.",
        )
    if found.last_error is not None:
        code = found.last_error.code
        raise Failed(found.last_error.detail, code=EXIT_CODES.get(code, FAILURE))
