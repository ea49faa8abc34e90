"""records: what passed the gateway, as this machine remembers it."""

import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from modelhub_cli import words
from modelhub_cli.asking import ask
from modelhub_cli.complete import installed_models, record_ids
from modelhub_cli.connect import client
from modelhub_cli.failures import USAGE, Failed
from modelhub_cli.output import Fact, Output, output_options, plain
from modelhub_cli.record_tables import GROUPS, RECORDS, RULES, STYLES, local, subject
from modelhub_cli.teaching import examples
from modelhubd.wire.base import rfc3339
from modelhubd.wire.records import (
    AuditRule,
    ExportPreview,
    Gap,
    GroupBy,
    MarkReason,
    Outcome,
    Record,
    RecordDetail,
)

if TYPE_CHECKING:
    from modelhub_client import Client

_AGO = re.compile(r"(\d{1,6})(min|h|d)")
_UNITS = {"min": "minutes", "h": "hours", "d": "days"}


class Moment(click.ParamType[str]):
    """`30min`, `12h` or `7d` ago, or a date or time."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if match := _AGO.fullmatch(value):
            try:
                return rfc3339(datetime.now(UTC) - timedelta(**{_UNITS[match[2]]: int(match[1])}))
            except OverflowError:
                self.fail(f"{value} ago is before all calendars", param, ctx)
        if (found := words.moment(value)) is None:
            self.fail(f"{value!r} is no time: write 30min, 12h, 7d or 2026-01-31", param, ctx)
        return rfc3339(found)


@click.group(epilog=examples("modelhub records list --since 1h", "modelhub records stats --by app"))
def records() -> None:
    """What passed the gateway: times, counts and names. It stays here; no content unless you say so."""


@records.command(
    "list",
    epilog=examples(
        "modelhub records list --since 1h --outcome fail",
        "modelhub records list --model qwen/qwen3-8b -o json | jq '.items[].ttft_s'",
    ),
)
@click.option("--model", shell_complete=installed_models)
@click.option("--app")
@click.option("--node", help="The step of a workflow that asked.")
@click.option("--outcome", type=click.Choice([outcome.value for outcome in Outcome]))
@click.option("--since", type=Moment(), help="Such as 30min, 12h, 7d, 2026-01-31.")
@click.option("--until", type=Moment())
@click.option("--match", "q", help="Part of a model's, app's or node's name, or of a code.")
@click.option("-n", "--limit", type=click.IntRange(1, 200), default=30, show_default=True)
@output_options
def list_records(out: Output, /, **asked: Any) -> None:
    """The newest first."""
    found = client().records(**asked)
    if out.json:
        out.value(found)
        return
    out.items(found.items, RECORDS, lambda record: record.id)
    _say_gaps(out, found.gaps)
    if not found.items:
        out.say("No records.")
    elif found.next:
        out.say(f"{found.total} in all.")


@records.command(epilog=examples("modelhub records show 01a22c3010befd8f6e4f"))
@click.argument("record_id", metavar="ID", shell_complete=record_ids)
@output_options
def show(out: Output, record_id: str) -> None:
    """One record, with what is kept of its content. An answer's header Modelhub-Record has its id."""
    found = client().record(record_id)
    if out.json:
        out.value(found)
    elif out.quiet:
        out.line(found.record.id)
    else:
        out.facts(_facts(found))


@records.command(
    epilog=examples(
        "modelhub records stats",
        "modelhub records stats --by app --since 7d",
        "modelhub records stats --by hour",
    )
)
@click.option("--by", type=click.Choice(get_args(GroupBy)), default="model", show_default=True)
@click.option("--model", shell_complete=installed_models)
@click.option("--app")
@click.option("--node")
@click.option("--since", type=Moment(), help="Whole hours count. Such as 12h, 7d, 2026-01-31.")
@click.option("--until", type=Moment())
@output_options
def stats(out: Output, /, by: GroupBy, **asked: Any) -> None:
    """Counts, tokens, times and marks, by model, version, app, node, day or hour."""
    found = client().record_stats(by, **asked)
    if out.json:
        out.value(found)
        return
    out.items(found.groups, GROUPS, lambda group: group.key or "")
    _say_gaps(out, found.gaps)
    out.say(
        f"{found.total.requests} requests, {found.total.failed} failed, {found.total.cancelled} cancelled."
    )


@records.command(
    epilog=examples(
        "modelhub records mark 01a22c3010befd8f6e4f good",
        "modelhub records mark 01a22c3010befd8f6e4f bad --reason wrong",
        "modelhub records mark 01a22c3010befd8f6e4f none",
    )
)
@click.argument("record_id", metavar="ID", shell_complete=record_ids)
@click.argument("mark", type=click.Choice(["good", "bad", "none"]))
@click.option("--reason", type=click.Choice(get_args(MarkReason)))
@output_options
def mark(out: Output, record_id: str, mark: Any, reason: Any) -> None:
    """Say what you think of an answer, or take it back."""
    found = client().mark_record(record_id, None if mark == "none" else mark, reason)
    if out.json:
        out.value(found)
    elif out.quiet or not out.terminal:
        out.line(found.id)
    out.say(f"{found.id} is {'not marked' if found.mark is None else f'marked {found.mark.value}'}.")


@records.command(
    epilog=examples(
        "modelhub records purge --before 30d",
        "modelhub records purge --app my-editor --content-only",
        "modelhub records purge --all --yes",
    )
)
@click.option("--all", "all_", is_flag=True, help="All there are.")
@click.option("--before", type=Moment(), help="Those older: 30d, or a date.")
@click.option("--model", shell_complete=installed_models)
@click.option("--app")
@click.option("--node")
@click.option("--content-only", is_flag=True, help="What is kept of requests and answers; the records stay.")
@click.option("--set-aside", is_flag=True, help="Databases that could not be read, too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output_options
def purge(out: Output, /, all_: bool, yes: bool, **asked: Any) -> None:
    """Delete records for good. What you name must all hold for what is deleted."""
    if not (all_ or any(asked[name] for name in ("before", "model", "app", "node", "set_aside"))):
        raise Failed("Name what shall be deleted.", next_step="Such as --before 30d, or --all", code=USAGE)
    if not yes:
        ask(out, "Delete these records for good?", "--yes")
    found = client().purge_records(all=all_, **asked)
    if out.json:
        out.value(found)
    elif out.quiet or not out.terminal:
        out.line(str(found.contents if asked["content_only"] else found.records))
    aside = f", {found.set_aside} databases set aside" if found.set_aside else ""
    out.say(f"Deleted: {found.records} records, content of {found.contents}{aside}.")


@records.command(
    epilog=examples(
        "modelhub records export                    shows what it would hold, and writes nothing",
        "modelhub records export --to shared.json --since 30d",
        "modelhub records export --to shared.json --no-rows --k 25 --yes",
    )
)
@click.option(
    "--to", type=click.Path(path_type=Path), help="Where to write it; without it, it is only shown."
)
@click.option("--since", type=Moment())
@click.option("--until", type=Moment())
@click.option("--k", type=click.IntRange(2, 1000), default=10, show_default=True, help="Smallest group.")
@click.option("--rows/--no-rows", default=True, help="Rows beside the aggregates.")
@click.option("--name-models", is_flag=True, help="Ids of models in public catalogs instead of salted ones.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output_options
def export(out: Output, /, to: Path | None, yes: bool, **asked: Any) -> None:
    """Aggregates and anonymised rows, for somebody else to see: shown first, written only if you say so.

    No content, no times but the day, no names, no group smaller than k.
    """
    daemon = client()
    preview = daemon.preview_export(**asked)
    if to is None:
        if out.json:
            out.value(preview)
        elif out.quiet:
            out.line(preview.sha256)
        else:
            _show_all(daemon, preview, out.write)
        out.say(_about(preview.groups, preview.rows, preview.size_bytes, left_out=preview.left_out))
        return
    if to.exists() or to.is_symlink():
        raise Failed(f"{to} is there already.", next_step="Name another file", code=USAGE)
    if not yes:
        _show_all(daemon, preview, sys.stderr.write)
        ask(out, f"Write these {preview.size_bytes} bytes to {to}?", "--yes")
    written = daemon.export_records(preview.id)
    _bring(written.name, to)
    if out.json:
        out.value(written)
    elif out.quiet or not out.terminal:
        out.line(str(to))
    out.say(_about(preview.groups, preview.rows, preview.size_bytes, left_out=preview.left_out))


@records.command(
    epilog=examples(
        "modelhub records audit                     whose content is kept",
        "modelhub records audit --keep preview --app my-editor --days 3",
        "modelhub records audit --off               nobody's, and what was kept is deleted",
    )
)
@click.option("--keep", type=click.Choice(["preview", "whole"]), help="Keep a beginning, or everything.")
@click.option("--node")
@click.option("--app")
@click.option("--model", shell_complete=installed_models)
@click.option("--days", type=click.IntRange(1, 3650), default=7, show_default=True, help="How long.")
@click.option("--off", is_flag=True, help="Of the named, or of all.")
@output_options
def audit(out: Output, /, keep: Any, days: int, off: bool, **named: Any) -> None:
    """Whose content is kept, beyond times and counts. Nobody's, unless you switch it on here."""
    daemon = client()
    found = daemon.records_audit()
    chosen = {name: value for name, value in named.items() if value}
    if (keep and off) or (keep and len(chosen) != 1) or (not keep and not off and chosen):
        raise Failed(
            "Say what to keep of one of --node, --app and --model.",
            next_step="modelhub records audit --keep preview --app my-editor",
            code=USAGE,
        )
    if keep or off:
        rules = [rule for rule in found.rules if not (_matches(rule, chosen) if chosen else off)]
        if keep:
            rules.append(AuditRule(keep=keep, max_age_days=days, **chosen))
        found = daemon.set_records_audit(rules)
    if out.json:
        out.value(found)
    else:
        out.items(found.rules, RULES, lambda rule: " ".join(subject(rule)))
    if not found.rules:
        out.say("No content is kept.")
    if found.contents:
        out.say(f"Content of {found.contents} records is kept now.")


def plain_lines(text: str) -> str:
    """Fit for a terminal, line by line."""
    return "".join(f"{plain(line)}\n" for line in text.splitlines())


def _show_all(daemon: "Client", preview: ExportPreview, write: Callable[[str], object]) -> None:
    """Every byte of what would be written."""
    write(plain_lines(preview.text))
    at = None if preview.whole else len(preview.text.encode())
    while at is not None:
        part = daemon.preview_part(preview.id, at)
        write(plain_lines(part.text))
        at = part.next


def _about(groups: int, rows: int, size: int, *, left_out: bool) -> str:
    left = " Some requests are left out: fewer than k alike, or too many." if left_out else ""
    return f"{groups} groups, {rows} rows, {words.size(size)}.{left}"


def _bring(name: str, to: Path) -> None:
    """Put the file that the daemon has written where it is wanted."""
    import os
    import shutil

    from modelhubd.places import find_places

    made = find_places(os.environ).state_dir / "exports" / name
    try:
        shutil.move(made, to)
    except OSError as error:
        raise Failed(
            f"It is {made}, and could not be moved: {error.strerror}.", next_step="Move it"
        ) from error


def _say_gaps(out: Output, gaps: tuple[Gap, ...]) -> None:
    for gap in gaps:
        lost = f"{gap.requests} requests" if gap.requests else "what was recorded"
        out.say(f"! Missing: {lost} between {local(gap.since)} and {local(gap.until)} ({gap.reason}).")


def _matches(rule: AuditRule, chosen: dict[str, str]) -> bool:
    return all(getattr(rule, name) == value for name, value in chosen.items())


def _facts(found: RecordDetail) -> list[Fact]:
    record = found.record
    facts = [
        Fact(name=name, raw=getattr(record, name))
        for name in Record.__struct_fields__
        if name not in ("mark", "outcome") and getattr(record, name) is not None
    ]
    facts.append(Fact(name="outcome", raw=record.outcome.value, style=STYLES[record.outcome]))
    if record.mark is not None:
        facts.append(Fact(name="mark", raw=record.mark.value))
    if (content := found.content) is not None:
        facts += [
            Fact(name="kept_until", raw=content.expires_at, style="yellow"),
            Fact(name="request", raw=content.request),
            Fact(name="answer", raw=content.answer),
        ]
    return facts
