"""doctor: check the installation and say what to do."""

import os
from collections.abc import Iterator

import click
import msgspec

from modelhub_cli import checks, checks_registry
from modelhub_cli.checks import Check, Verdict
from modelhub_cli.connect import client, every
from modelhub_cli.failures import FAILURE, next_step_of
from modelhub_cli.output import Output, output_options, plain
from modelhub_cli.teaching import examples
from modelhub_client import Client, ClientError, ModelhubUnreachable
from modelhubd import __version__
from modelhubd.places import Places, find_places

NAMES = 15
SIGNS = {Verdict.OK: ("✓", "green"), Verdict.WARN: ("!", "yellow"), Verdict.FAIL: ("✗", "red")}


@click.command(
    epilog=examples(
        "modelhub doctor",
        "modelhub doctor -o json | jq '.[] | select(.verdict != \"ok\")'",
        "modelhub doctor -q                names of what is wrong",
    )
)
@output_options
def doctor(out: Output) -> int:
    """Check daemon, permissions, disk, llama-server, catalog, leftovers; exit code 1 if something fails."""
    places = find_places(os.environ)
    found = list(_all(client(), places))
    if out.json:
        out.value(msgspec.to_builtins(found))
    elif out.terminal and not out.quiet:
        for check in found:
            _print(out, check)
    else:
        for check in found:
            if not out.quiet:
                out.line("\t".join(map(plain, (check.verdict.value, check.name, check.detail, check.advice))))
            elif check.verdict is not Verdict.OK:
                out.line(check.name)
    bad = sum(check.verdict is Verdict.FAIL for check in found)
    doubtful = sum(check.verdict is Verdict.WARN for check in found)
    out.say(f"\n{bad} failed, {doubtful} to look at, {len(found) - bad - doubtful} fine.")
    return FAILURE if bad else 0


def _all(daemon: Client, places: Places) -> Iterator[Check]:
    running = True
    try:
        version = daemon.version().version
        if version == __version__:
            yield Check.ok("daemon", f"answers, version {version}")
        else:
            yield Check.warn(
                "daemon",
                f"is version {version}, this program is {__version__}",
                "Restart it: modelhub daemon restart",
            )
    except ClientError as error:
        running = not isinstance(error, ModelhubUnreachable)
        yield Check.fail("daemon", str(error), next_step_of(error) or "Restart it: modelhub daemon restart")
    yield from checks.permissions(places)
    yield checks.service(os.environ)
    yield checks.log_size(places)
    if not running:
        yield checks.disk(places.models_dir, 0)
        yield checks.dead_daemon(os.environ, places)
        return
    try:
        yield from _with_daemon(daemon, places)
    except ClientError as error:
        yield Check.fail("daemon", str(error), "See its log: modelhub daemon logs")


def _with_daemon(daemon: Client, places: Places) -> Iterator[Check]:
    device = daemon.device()
    status = daemon.status()
    yield checks.models_directory(device, status.models_installed)
    yield checks.disk_of(device)
    yield checks.llama_servers(device)
    yield from checks.catalog(status.catalog)
    yield from checks_registry.registry(status.catalog)
    for warning in status.warnings:
        yield Check.warn("warning", warning, "")
    under_way = {
        download.id
        for download in every(lambda after: daemon.downloads(limit=200, after=after))
        if not download.state.ended
    }
    yield checks.leftovers(places, device, under_way)


def _print(out: Output, check: Check) -> None:
    from modelhub_cli.tables import paint, print_text, wrap

    sign, style = SIGNS[check.verdict]
    start = f"{paint(out, sign, style)} {paint(out, f'{plain(check.name):<{NAMES}}', 'bold')} "
    for line in wrap(plain(check.detail), max(20, out.width - NAMES - 3)):
        out.line(start + line)
        start = " " * (NAMES + 3)
    if check.advice:
        print_text(out, f"→ {plain(check.advice)}", "dim", indent=2)
