"""doctor: check the installation and say what to do."""

import os
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from modelhub_cli import (
    checks,
    checks_access,
    checks_clock,
    checks_config,
    checks_records,
    checks_registry,
    checks_service,
)
from modelhub_cli.checks import Check, Verdict
from modelhub_cli.connect import brief, client, every
from modelhub_cli.failures import FAILURE, next_step_of
from modelhub_cli.output import Output, output_options, plain
from modelhub_cli.teaching import examples
from modelhub_cli.waiting import waiting
from modelhub_client import ClientError, ModelhubUnreachable
from modelhubd import __version__
from modelhubd.places import Places, find_places
from modelhubd.wire.device import Device
from modelhubd.wire.policy import Policy
from modelhubd.wire.status import Status

if TYPE_CHECKING:
    from modelhub_client import Client

NAMES = 15
SIGNS = {Verdict.OK: ("✓", "green"), Verdict.WARN: ("!", "yellow"), Verdict.FAIL: ("✗", "red")}
STANDINGS_MOST = 100
THE_DAEMONS = ("token in use", "models folder", "catalog", "policy", "library")
"""What nobody but the daemon can say."""
FIRST_LOOK_S, AGAIN_S = 10.0, 0.2


@click.command(
    epilog=examples(
        "modelhub doctor",
        "modelhub doctor -o json | jq '.[] | select(.verdict != \"ok\")'",
        "modelhub doctor -q                names of what is wrong",
    )
)
@output_options
def doctor(out: Output) -> int:
    """Check the installation and say what to do; exit code 1 if something is broken.

    Looks at the daemon, settings, socket, token, permissions, disk, llama-server, catalog, registry, clock,
    policies, the start at login, and what is left over. Works without a daemon and beside one that hangs, as
    far as that goes.
    """
    places = find_places(os.environ)
    with waiting(out, "Looking"):
        found = list(_all(brief(), places))
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


def _all(daemon: "Client", places: Places) -> Iterator[Check]:
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
        yield _silent(error, "Restart it: modelhub daemon restart")
    readable, summary = checks_config.settings(os.environ, places)
    yield readable
    yield from checks_access.permissions(places)
    yield checks_service.service(os.environ)
    yield checks.log_size(places)
    if not running:
        yield from _without_daemon(places, summary)
        yield _unasked(THE_DAEMONS)
        return
    seen: set[str] = set()
    try:
        for check in _with_daemon(daemon, places):
            seen.add(check.name)
            yield check
    except ClientError as error:
        yield _silent(error, "See its log: modelhub daemon logs")
        if isinstance(error, ModelhubUnreachable):
            yield from (check for check in _without_daemon(places, summary) if check.name not in seen)
        if missed := [name for name in THE_DAEMONS if name not in seen]:
            yield _unasked(missed)


def _silent(error: ClientError, otherwise: str) -> Check:
    """That the daemon does not answer, or refuses to."""
    return Check.fail("daemon", str(error), checks.wake(os.environ) or next_step_of(error) or otherwise)


def _unasked(names: Iterable[str]) -> Check:
    return Check.warn(
        "not looked at",
        f"{', '.join(names)}: only a daemon that answers can say",
        "Once it does: modelhub doctor",
    )


def _without_daemon(places: Places, summary: checks_config.Summary | None) -> Iterator[Check]:
    now = datetime.now(UTC)
    yield checks_access.socket_answers(os.environ, places)
    yield checks.dead_daemon(os.environ, places)
    if summary is None:
        return
    yield checks.disk(Path(summary.models_dir), summary.reserve_bytes)
    yield checks.llama_server_here(os.environ)
    if summary.registry_url and not summary.offline:
        yield from checks_clock.reach(summary.registry_url, now)
    else:
        yield checks_clock.against_past((checks.last_written(places),), now)


def _with_daemon(daemon: "Client", places: Places) -> Iterator[Check]:
    status = daemon.status()
    device = _looked_at(daemon, status)
    if (misleading := checks_access.hint(os.environ, places, status.pid)) is not None:
        yield misleading
    yield checks_access.socket_in_use(os.environ, places)
    yield from checks_access.token(os.environ, places)
    yield checks.models_directory(device, status.models_installed)
    yield checks.disk_of(device)
    yield checks.llama_servers(device)
    yield from checks.catalog(status.catalog)
    yield from checks_registry.registry(status.catalog)
    yield _clock(status, places)
    yield from _policies(daemon, places, status)
    yield from checks_records.records(status.records)
    for warning in status.warnings:
        yield Check.warn("warning", warning, "Put that right, then: modelhub daemon restart")
    artifacts = tuple(every(lambda after: daemon.library(limit=200, after=after)))
    # By the patient one: it walks through folders, maybe of a disk that has to wake up.
    yield from checks.library(artifacts, client().scan(tools=False).unknown_files)
    yield checks.leftovers(daemon.leftovers())


def _looked_at(daemon: "Client", status: Status) -> Device:
    """The device; a daemon that has just begun is given the time to try what could run models."""
    device = daemon.device()
    give_up = time.monotonic() + FIRST_LOOK_S - status.uptime_s
    while not device.llama_servers and time.monotonic() < give_up:
        time.sleep(AGAIN_S)
        device = daemon.device()
    return device


def _clock(status: Status, places: Places) -> Check:
    info = status.catalog
    if info.registry is not None and info.clock_ahead_s is not None:
        return checks_clock.against_registry(info.clock_ahead_s)
    told = (info.published_at, info.synced_at, info.checked_at, status.started_at)
    return checks_clock.against_past((*told, checks.last_written(places)), datetime.now(UTC))


def _policies(daemon: "Client", places: Places, status: Status) -> Iterator[Check]:
    policy: Policy = daemon.policy()
    allowed = policy.allowed_publishers.value
    installed = {item.model for item in every(lambda after: daemon.library(limit=200, after=after))}
    chosen = sorted(installed)[:STANDINGS_MOST]
    yield from checks_config.policies(
        policy,
        status.catalog,
        allowed_models=daemon.search(publishers=allowed, limit=1).total if allowed else None,
        own_files=[path.name for path in places.local_catalog.glob("*.json")],
        installed=daemon.governance_check(chosen).items if chosen else (),
    )


def _print(out: Output, check: Check) -> None:
    from modelhub_cli.tables import paint, print_text, wrap

    sign, style = SIGNS[check.verdict]
    start = f"{paint(out, sign, style)} {paint(out, f'{plain(check.name):<{NAMES}}', 'bold')} "
    for line in wrap(plain(check.detail), max(20, out.width - NAMES - 3)):
        out.line(start + line)
        start = " " * (NAMES + 3)
    if check.advice:
        print_text(out, f"→ {plain(check.advice)}", "dim", indent=2)
