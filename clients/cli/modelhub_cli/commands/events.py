"""events: what happens, as it happens."""

from datetime import datetime

import click

from modelhub_cli import words
from modelhub_cli.connect import client
from modelhub_cli.output import Output, output_options, plain
from modelhub_client import Event, Snapshot
from modelhub_client.events import DISCONNECTED
from modelhubd.wire.catalog import CatalogInfo
from modelhubd.wire.device import Device
from modelhubd.wire.downloads import Download
from modelhubd.wire.events import TOPICS, DownloadProgress, Removed
from modelhubd.wire.library import Artifact
from modelhubd.wire.servers import Server

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
        case Download() as item:
            return plain(
                f"{item.model}:{item.option} {item.state.value}"
                + (f" {item.error.detail}" if item.error else "")
            )
        case DownloadProgress() as gauge:
            return f"{gauge.id} {gauge.done_bytes} of {gauge.total_bytes or '?'} bytes"
        case Artifact() as artifact:
            return plain(f"{artifact.model}:{artifact.option} {artifact.state.value}")
        case Server() as server:
            return plain(
                f"{server.name} {server.state.value}" + (f" {server.error.detail}" if server.error else "")
            )
        case Removed() as removed:
            return plain(removed.id)
        case Snapshot() as snapshot:
            state = snapshot.state
            counts = (len(state.downloads), len(state.library), len(state.servers))
            return plain(snapshot.reason) + ", downloads {}, installed {}, servers {}".format(*counts)
        case CatalogInfo() as catalog:
            return f"{catalog.models} models"
        case Device() as device:
            memory, disk = words.size(device.ram_available_bytes), words.size(device.disk_free_bytes)
            return f"{memory} of memory and {disk} of disk free"
        case _:
            return ""
