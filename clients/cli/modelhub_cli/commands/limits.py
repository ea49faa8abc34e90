"""downloads limits: how many, how fast, when."""

from datetime import UTC, datetime

import click
from msgspec import UNSET, UnsetType

from modelhub_cli import words
from modelhub_cli.connect import client
from modelhub_cli.output import Fact, Output, output_options
from modelhub_cli.rates import read_rate
from modelhubd.wire.downloads import DownloadLimits

EXAMPLES = """\b
Examples:
  modelhub downloads limits                          what is in force, and who says so
  modelhub downloads limits --max-rate 5M            5 MB/s for all downloads together
  modelhub downloads limits --schedule 22:00-06:00   only at night
  modelhub downloads limits --max-rate none --schedule none
"""


@click.command(short_help="Show or change how many download, how fast, and when.", epilog=EXAMPLES)
@click.option("--max-rate", metavar="RATE", callback=read_rate, help="Over all downloads: 5M, 500k, or none.")
@click.option("--max-active", type=click.IntRange(1, 16), metavar="N", help="Downloads at once.")
@click.option("--connections", type=click.IntRange(1, 32), metavar="N", help="Per download, at most.")
@click.option("--schedule", metavar="HOURS", help="Hours of the day such as 22:00-06:00, or none.")
@output_options
def limits(
    out: Output,
    max_rate: int | UnsetType | None,
    max_active: int | None,
    connections: int | None,
    schedule: str | None,
) -> None:
    """The limits of all downloads together. Without options they are shown; a change is at once in force and
    kept."""
    daemon = client()
    hours: str | UnsetType | None = UNSET if schedule is None else schedule
    if schedule is not None and schedule.lower() in ("none", ""):
        hours = None
    change = {
        "max_bytes_per_s": max_rate,
        "max_active": UNSET if max_active is None else max_active,
        "connections": UNSET if connections is None else connections,
        "schedule": hours,
    }
    if all(value is UNSET for value in change.values()):
        found = daemon.limits()
    else:
        found = daemon.change_limits(**change)  # type: ignore[arg-type]
    if out.json:
        out.value(found)
    elif not out.quiet:
        out.facts(_facts(found))


def _facts(found: DownloadLimits) -> list[Fact]:
    def told(text: str, key: str) -> str:
        source = found.sources.get(key, "default")
        fixed = ", cannot be changed here" if key in found.fixed else ""
        return text + (f" ({source}{fixed})" if source != "default" or fixed else "")

    rate = "none" if found.max_bytes_per_s is None else words.rate(found.max_bytes_per_s)
    facts = [
        Fact(name="max_rate", raw=found.max_bytes_per_s, shown=told(rate, "max_bytes_per_s")),
        Fact(name="max_active", raw=found.max_active, shown=told(str(found.max_active), "max_active")),
        Fact(name="connections", raw=found.connections, shown=told(str(found.connections), "connections")),
        Fact(name="schedule", raw=found.schedule, shown=told(found.schedule or "always", "schedule")),
    ]
    if found.held_until is not None:
        now = datetime.now(UTC)
        facts.append(
            Fact(
                name="held_until",
                raw=found.held_until,
                shown=f"downloads wait for the schedule and go on {words.until(found.held_until, now)}",
                style="yellow",
            )
        )
    return facts
