"""status, version, device: how things stand."""

from datetime import UTC, datetime

import click

from modelhub_cli import words
from modelhub_cli.connect import brief, client
from modelhub_cli.failures import how_absent
from modelhub_cli.output import Fact, Output, output_options
from modelhub_cli.teaching import examples
from modelhub_client import ModelhubUnreachable
from modelhubd import __version__
from modelhubd.wire.catalog import CatalogInfo
from modelhubd.wire.device import Device, LlamaBuild
from modelhubd.wire.status import FirstRunSummary, QueueSummary, Status
from modelhubd.wire.units import human_duration


@click.command(
    epilog=examples(
        "modelhub status", "modelhub status -o json | jq .outbound          whom the daemon has talked to"
    )
)
@output_options
def status(out: Output) -> None:
    """Counts, catalog, queue, disk, and every outbound connection ever made."""
    found = client().status()
    if out.json:
        out.value(found)
    elif out.quiet:
        out.line(str(found.pid))
    else:
        out.facts(_status_facts(found))
        for warning in (*found.warnings, *found.records.warnings):
            out.say(f"! {warning}")


def _status_facts(found: Status) -> list[Fact]:
    catalog, queue = found.catalog, found.downloads
    waiting = [
        f"{number} {name}"
        for name, number in (
            ("active", queue.active), ("queued", queue.queued), ("waiting", queue.waiting),
            ("paused", queue.paused), ("failed", queue.failed),
        )
        if number
    ]  # fmt: skip
    return [
        Fact(
            name="daemon",
            raw=found.version,
            shown=f"{found.version}, process {found.pid}, up {human_duration(found.uptime_s)}, "
            f"{words.size(found.rss_bytes)} of memory",
            style="green",
        ),
        Fact(name="pid", raw=found.pid, shown=""),
        Fact(
            name="catalog",
            raw=catalog.models,
            shown=f"{catalog.models} models from the {_source(catalog.source)}"
            + (f", {catalog.local_entries} of your own" if catalog.local_entries else "")
            + (", out of date" if catalog.stale else ""),
        ),
        *_registry_facts(catalog),
        Fact(
            name="catalog_faults",
            raw=len(catalog.faults),
            shown=f"{len(catalog.faults)}: modelhub doctor names them" if catalog.faults else "",
            style="yellow",
        ),
        Fact(
            name="installed",
            raw=found.models_installed,
            shown=f"{found.models_installed}, {words.size(found.disk_used_bytes)}",
        ),
        Fact(name="running", raw=found.servers_running),
        *_first_run_facts(found.first_run),
        Fact(
            name="downloads",
            raw=queue.active + queue.queued + queue.waiting,
            shown=(", ".join(waiting) or "none")
            + (f" at {words.rate(queue.rate_bytes_per_s)}" if queue.rate_bytes_per_s else "")
            + _held(queue),
        ),
        Fact(
            name="leftovers",
            raw=queue.leftover_bytes,
            shown=f"{words.size(queue.leftover_bytes)} of no download: modelhub downloads prune"
            if queue.leftovers
            else "",
            style="yellow",
        ),
        Fact(name="disk_free", raw=found.disk_free_bytes, shown=words.size(found.disk_free_bytes)),
        Fact(
            name="llama_server",
            raw=found.llama_server,
            shown=found.llama_server or "none: pip install 'modelhubd[llama]'",
            style="" if found.llama_server else "yellow",
        ),
        Fact(
            name="records",
            raw=found.records.records,
            shown=f"{found.records.records}, {words.size(found.records.size_bytes)}"
            if found.records.state == "on"
            else found.records.state,
            style="" if found.records.state == "on" else "yellow",
        ),
        *(
            Fact(
                name="content_kept",
                raw=f"{rule.keep} {rule.node or rule.app or rule.model}",
                shown=f"{rule.keep} of {rule.node or rule.app or rule.model}, {rule.max_age_days} days:"
                " modelhub records audit",
                style="yellow",
            )
            for rule in found.records.audit
        ),
        *(
            Fact(
                name="outbound",
                raw=f"{host.host} {host.purpose} {host.connections}",
                shown=f"{host.host} for {host.purpose}, {host.connections}×",
            )
            for host in found.outbound
        ),
    ]


def _registry_facts(catalog: CatalogInfo) -> list[Fact]:
    if catalog.registry is None:
        return []
    error, alarm = catalog.last_error, None if catalog.audit is None else catalog.audit.alarm
    shown = [
        Fact(
            name="registry",
            raw=catalog.registry,
            shown=catalog.registry if error is None else f"{catalog.registry}: {error.detail}",
            style="" if error is None else "yellow",
        )
    ]
    if alarm is not None:
        shown.append(Fact(name="audit_alarm", raw=alarm.code, shown=alarm.detail, style="red"))
    return shown


def _first_run_facts(found: FirstRunSummary) -> list[Fact]:
    """Only while anything is to come."""
    left = found.waiting + found.enqueued
    shown = f"{left} to come, {found.done} done: modelhub first-run"
    return [Fact(name="first_run", raw=left, shown=shown)] if left else []


def _held(queue: QueueSummary) -> str:
    if queue.held_until is None:
        return ""
    return f", held by the schedule; they go on {words.until(queue.held_until, datetime.now(UTC))}"


def _source(source: str) -> str:
    return "embedded catalog" if source == "floor" else source


@click.command(epilog=examples("modelhub version", "modelhub version -o json"))
@output_options
def version(out: Output) -> None:
    """The version of this program, and of the daemon where one answers."""
    answer, absent = None, ""
    try:
        answer = brief().version()
    except ModelhubUnreachable as error:
        absent = how_absent(error)
    daemon = answer.version if answer else None
    if out.json:
        out.value({"client": __version__, "daemon": answer})
    elif out.quiet:
        out.line(__version__)
    else:
        api = f" (API {answer.api.min} to {answer.api.max})" if answer else ""
        shown = f"{daemon}{api}" if daemon else absent
        out.facts((Fact(name="modelhub", raw=__version__), Fact(name="modelhubd", raw=daemon, shown=shown)))


@click.command(epilog=examples("modelhub device", "modelhub device -o json | jq '.gpus[].free_bytes'"))
@output_options
def device(out: Output) -> None:
    """Processor, memory, disk, GPUs and the llama-server builds of this machine."""
    found = client().device()
    if out.json:
        out.value(found)
    else:
        out.facts(_device_facts(found))


def _device_facts(found: Device) -> list[Fact]:
    total, free = words.size(found.ram_total_bytes), words.size(found.ram_available_bytes)
    disk = words.size(found.disk_free_bytes)
    reserve = f", {words.size(found.reserve_bytes)} kept free" if found.reserve_bytes else ""
    missing = "" if found.models_dir_present else " (missing: is its disk attached?)"
    facts = [
        Fact(
            name="system",
            raw=f"{found.os} {found.os_version} {found.arch}",
        ),
        Fact(
            name="processor",
            raw=found.cpu_model,
            shown=f"{found.cpu_model or 'unknown'}, {found.cpu_cores} cores, {found.cpu_threads} threads",
        ),
        Fact(name="cpu_features", raw=found.cpu_features, shown=" ".join(found.cpu_features)),
        Fact(name="ram_total_bytes", raw=found.ram_total_bytes, shown=""),
        Fact(name="ram_available_bytes", raw=found.ram_available_bytes, shown=""),
        Fact(name="memory", raw=found.ram_total_bytes, shown=f"{free} free of {total}"),
        Fact(name="models_directory", raw=found.models_dir, shown=found.models_dir + missing),
        Fact(
            name="disk_free_bytes",
            raw=found.disk_free_bytes,
            shown="",
        ),
        Fact(name="disk", raw=found.disk_total_bytes, shown=f"{disk} free{reserve}"),
    ]
    for gpu in found.gpus:
        unified = ", shared with the processor" if gpu.unified else ""
        shown = f"{gpu.name}: {words.size(gpu.free_bytes)} free of {words.size(gpu.total_bytes)}{unified}"
        facts.append(Fact(name="gpu", raw=f"{gpu.id} {gpu.total_bytes} {gpu.free_bytes}", shown=shown))
    if not found.gpus:
        facts.append(Fact(name="gpu", raw=None, shown="none that a llama-server here can use"))
    facts.extend(_build_fact(build) for build in found.llama_servers)
    return facts


def _build_fact(build: LlamaBuild) -> Fact:
    version = build.version or "version unknown"
    state = "" if build.usable else f", not usable: {build.reason or 'unknown reason'}"
    return Fact(
        name="llama_server",
        raw=f"{build.id} {build.origin} {build.version or ''} {'usable' if build.usable else 'unusable'}",
        shown=f"{version} ({build.origin}){state}",
        style="" if build.usable else "yellow",
    )
