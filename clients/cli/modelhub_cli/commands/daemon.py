"""daemon: the background program itself."""

import contextlib
import os
import subprocess
import sys
from datetime import datetime

import click
import msgspec

from modelhub_cli import log_file
from modelhub_cli.checks_service import service_folder
from modelhub_cli.connect import brief, client
from modelhub_cli.failures import FAILURE, UNREACHABLE, Failed, how_absent
from modelhub_cli.launch import is_running, start_daemon, stop_daemon
from modelhub_cli.output import Output, output_options, plain, text_options
from modelhub_cli.teaching import examples
from modelhub_cli.waiting import waiting
from modelhub_client import ClientError
from modelhubd.places import find_places
from modelhubd.trust.text import printable

TAIL_BYTES = 1_000_000


@click.group(
    epilog=examples(
        "modelhub daemon start",
        "modelhub daemon logs -f",
        "modelhub daemon install           start it at login",
    )
)
def daemon() -> None:
    """Run, start, stop and install modelhubd, the daemon that does the work."""


@daemon.command(
    context_settings={"ignore_unknown_options": True},
    short_help="Run the daemon here, until Ctrl-C.",
    epilog=examples("modelhub daemon run", "modelhub daemon run --port 0 --set log.level=debug"),
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(arguments: tuple[str, ...]) -> None:
    """Run the daemon here, in the foreground, until Ctrl-C; ARGUMENTS are modelhubd's own."""
    os.execv(sys.executable, [sys.executable, "-m", "modelhubd", *arguments])  # noqa: S606


@daemon.command(epilog=examples("modelhub daemon start", "modelhub daemon start -q          its process id"))
@output_options
def start(out: Output) -> int:
    """Start the daemon in the background; it outlives this terminal."""
    if is_running(os.environ):
        out.say("The daemon is running already.")
        _tell_pid(out, client().status().pid, started=False)
        return 0
    _start(out)
    return 0


def _start(out: Output) -> None:
    with waiting(out, "Starting the daemon"):
        pid = start_daemon(os.environ)
    out.say(f"The daemon runs as process {pid}.")
    _tell_pid(out, pid, started=True)


def _tell_pid(out: Output, pid: int, *, started: bool) -> None:
    if out.json:
        out.value({"pid": pid, "started": started})
    elif out.quiet:
        out.line(str(pid))


@daemon.command(
    short_help="Stop the daemon.", epilog=examples("modelhub daemon stop", "modelhub daemon stop -o json")
)
@output_options
def stop(out: Output) -> int:
    """Stop the daemon: running models are unloaded, downloads go on at the next start."""
    pid = _stop(out)
    if out.json:
        out.value({"pid": pid, "stopped": pid is not None})
    elif out.quiet and pid is not None:
        out.line(str(pid))
    out.say("The daemon is not running." if pid is None else f"The daemon (process {pid}) has stopped.")
    if sys.platform == "linux" and service_folder(os.environ).joinpath("modelhubd.socket").exists():
        out.say("It starts again when it is used; systemctl --user stop modelhubd.socket prevents that.")
    return 0


@daemon.command(epilog=examples("modelhub daemon restart"))
@output_options
def restart(out: Output) -> int:
    """Stop the daemon if it runs, and start it."""
    if (pid := _stop(out)) is not None:
        out.say(f"The daemon (process {pid}) has stopped.")
    _start(out)
    return 0


def _stop(out: Output) -> int | None:
    with waiting(out, "Stopping the daemon"):
        return stop_daemon(os.environ)


@daemon.command(
    epilog=examples("modelhub daemon status", "modelhub daemon status -q || modelhub daemon start")
)
@output_options
def status(out: Output) -> int:
    """Whether the daemon runs; exit code 6 if not."""
    try:
        found = brief().status()
    except ClientError as error:
        if out.json:
            out.value({"running": False, "reason": str(error)})
        elif not out.quiet:
            out.line(how_absent(error))
        return UNREACHABLE
    if out.json:
        out.value({"running": True, "pid": found.pid, "version": found.version, "uptime_s": found.uptime_s})
    elif out.quiet or not out.terminal:
        out.line(str(found.pid))
    else:
        out.line(f"running as process {found.pid}, version {plain(found.version)}")
    return 0


@daemon.command(
    short_help="Its log, where it was started in the background.",
    epilog=examples("modelhub daemon logs --tail 20", "modelhub daemon logs -f -o json | jq .message"),
)
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes.")
@click.option("--tail", type=click.IntRange(0), default=100, show_default=True, help="Lines to begin with.")
@text_options
def logs(out: Output, follow: bool, tail: int) -> None:
    """The log of a daemon that was started in the background."""
    path = find_places(os.environ).logs_dir / "daemon.log"
    if not path.exists():
        raise Failed(
            "There is no log: no daemon was started in the background here.",
            next_step="One started at login logs to the system's journal: journalctl --user -u modelhubd",
        )
    with path.open("rb") as lines:
        for line in log_file.tail(lines, tail, TAIL_BYTES):
            _print_line(out, line)
        for line in log_file.followed(path, lines) if follow else ():
            _print_line(out, line)


class _Entry(msgspec.Struct, frozen=True):
    """A line of the log, where it is JSON."""

    time: datetime
    level: str
    message: str
    error: str = ""


def _print_line(out: Output, line: bytes) -> None:
    """The line as it is; on a terminal, one of JSON as the daemon writes it there."""
    if out.json:
        out.value(_parsed(line))
        return
    if out.terminal:
        with contextlib.suppress(msgspec.MsgspecError):
            entry = msgspec.json.decode(line, type=_Entry)
            out.line(
                f"{entry.time.astimezone():%H:%M:%S} {plain(entry.level.upper()):<7} {plain(entry.message)}"
            )
            if entry.error:
                out.line(printable(entry.error, multiline=True))
            return
    out.line(plain(line.decode("utf-8", "replace").rstrip("\n")))


def _parsed(line: bytes) -> object:
    """The daemon's own JSON, or the line as a message."""
    try:
        return msgspec.json.decode(line)
    except msgspec.MsgspecError:
        return {"message": line.decode("utf-8", "replace").rstrip("\n")}


@daemon.command(
    short_help="Start the daemon at login from now on.",
    epilog=examples("modelhub daemon install --dry-run", "modelhub daemon install"),
)
@click.option("--dry-run", is_flag=True, help="Only show what would be written and run.")
def install(dry_run: bool) -> int:
    """Start the daemon at login from now on (systemd user units, or a launchd agent)."""
    return _service("install-service", dry_run)


@daemon.command(epilog=examples("modelhub daemon uninstall --dry-run", "modelhub daemon uninstall"))
@click.option("--dry-run", is_flag=True, help="Only show what would be removed and run.")
def uninstall(dry_run: bool) -> int:
    """Undo install."""
    return _service("uninstall-service", dry_run)


def _service(action: str, dry_run: bool) -> int:
    command = [sys.executable, "-m", "modelhubd", action, *(["--dry-run"] if dry_run else [])]
    return FAILURE if subprocess.run(command, check=False).returncode else 0
