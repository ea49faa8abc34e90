"""events: what happens, as it happens."""

from datetime import datetime

import click

from modelhub_cli import words
from modelhub_cli.connect import client
from modelhub_cli.jobs import name_of, state_of
from modelhub_cli.output import Output, output_options, plain
from modelhub_client import Event, Snapshot
from modelhub_client.events import DISCONNECTED
from modelhubd.wire.catalog import CatalogInfo
from modelhubd.wire.device import Device
from modelhubd.wire.downloads import Download, DownloadLimits
from modelhubd.wire.evaluations import Evaluation, EvaluationProgress
from modelhubd.wire.events import TOPICS, DownloadProgress, Removed
from modelhubd.wire.jobs import Job, LibraryProgress
from modelhubd.wire.library import Artifact
from modelhubd.wire.policy import Policy
from modelhubd.wire.records import Audit, RecordsSummary
from modelhubd.wire.servers import Server, ServerLoad
from modelhubd.wire.trials import Trial
from modelhubd.wire.updates import Update

EXAMPLES = """\b
Examples:
  modelhub events --topics downloads,servers
  modelhub events --json | jq -r .type
"""


@click.command(epilog=EXAMPLES)
@click.option("--topics", help=f"Some of {', '.join(TOPICS)}, with commas between them; default all.")
@click.option(
    "--after", metavar="CURSOR", help="Go on after this cursor instead of beginning with a snapshot."
)
@output_options
def events(out: Output, topics: str | None, after: str | None) -> None:
    """Follow the event stream, over restarts of the daemon, until Ctrl-C."""
    chosen = tuple(filter(None, (topic.strip() for topic in (topics or "").split(","))))
    for event in client().events(chosen, after):
        if event.type == DISCONNECTED:
            out.say("The daemon is away; waiting for it to come back …")
        elif out.json:
            frame = {"id": event.cursor, "type": event.type, "data": event.data}
            out.value({name: value for name, value in frame.items() if value is not None})
        elif out.quiet:
            if event.cursor:
                out.line(event.cursor)
        elif out.terminal:
            out.line(f"{datetime.now().astimezone():%H:%M:%S}  {plain(event.type):<18} {describe(event)}")
        else:
            out.line(f"{event.cursor or ''}\t{plain(event.type)}\t{describe(event)}")


def describe(event: Event) -> str:
    """What an event is about, in a few words."""
    match event.data:
        case Snapshot() as snapshot:
            state = snapshot.state
            counts = (len(state.downloads), len(state.library), len(state.servers))
            return plain(snapshot.reason) + ", downloads {}, installed {}, servers {}".format(*counts)
        case Removed() as removed:
            return plain(removed.id)
        case Download() | DownloadProgress() | DownloadLimits() | Update() as item:
            return plain(_of_getting(item))
        case Artifact() | Job() | LibraryProgress() as item:
            return plain(_of_the_library(item))
        case Server() | ServerLoad() | Evaluation() | EvaluationProgress() | Trial() as item:
            return plain(_of_running(item))
        case CatalogInfo() as catalog:
            return f"{catalog.models} models"
        case Device() as device:
            memory, disk = words.size(device.ram_available_bytes), words.size(device.disk_free_bytes)
            return f"{memory} of memory and {disk} of disk free"
        case Policy() as policy:
            named = (name for name in Policy.__struct_fields__ if getattr(policy, name).source != "default")
            return f"in force: {', '.join(named) or 'defaults'}"
        case RecordsSummary() as records:
            return f"{records.state}, {records.records} kept"
        case Audit() as audit:
            return f"content is kept by {words.counted(len(audit.rules), 'rule')}"
        case _:
            return ""


def _of_getting(item: Download | DownloadProgress | DownloadLimits | Update) -> str:
    match item:
        case Download():
            trouble = f" {item.error.detail}" if item.error else ""
            return f"{item.model}:{item.option} {item.state.value}{trouble}"
        case DownloadProgress():
            return f"{item.id} {item.done_bytes} of {item.total_bytes or '?'} bytes"
        case DownloadLimits():
            rate = "no limit" if item.max_bytes_per_s is None else words.rate(item.max_bytes_per_s)
            return f"{item.max_active} at once, {rate}"
        case Update():
            return f"{item.model}@{item.installed_version} to {item.version}, {item.state.value}"


def _of_the_library(item: Artifact | Job | LibraryProgress) -> str:
    match item:
        case Artifact():
            return f"{item.model}:{item.option} {item.state.value}"
        case Job():
            trouble = f" {item.error.detail}" if item.error else ""
            return f"{name_of(item)}: {item.kind} {state_of(item)}{trouble}"
        case LibraryProgress():
            return f"{item.id} {item.done_bytes} of {item.total_bytes or '?'} bytes"


def _of_running(item: Server | ServerLoad | Evaluation | EvaluationProgress | Trial) -> str:
    match item:
        case Server():
            trouble = f" {item.error.detail}" if item.error else ""
            return f"{item.name} {item.state.value}{trouble}"
        case ServerLoad() if item.load_progress is not None:
            return f"{item.id} {item.load_progress * 100:.0f} % loaded"
        case ServerLoad():
            return f"{item.id} {item.busy_slots} busy"
        case Evaluation():
            return f"{item.name or item.id} {item.state.value}"
        case EvaluationProgress():
            return f"{item.id} {item.done} of {item.total} answers"
        case Trial():
            return f"{item.active.model}: {item.state.value}, {words.counted(item.counts.pairs, 'pair')}"
