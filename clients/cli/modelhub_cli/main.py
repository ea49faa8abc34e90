"""The `modelhub` program: what commands there are, and how an error becomes a message and an exit code."""

import os
import sys
from collections.abc import Iterable, Sequence

import click

from modelhub_cli.columns import columns
from modelhub_cli.lazy import Lazy, LazyGroup
from modelhubd import __version__

HELP_LEAST, HELP_WIDTH = 38, 100


def _command(module: str, attribute: str, help_line: str) -> Lazy:
    return Lazy(f"modelhub_cli.commands.{module}", attribute, help_line)


SECTIONS = {
    "Find a model": {
        "search": _command("catalog", "search", "Search the catalog; shows what fits this machine."),
        "show": _command("catalog", "show", "Everything about one model, its options and versions."),
    },
    "Get it": {
        "pull": _command("pull", "pull", "Download models and watch it happen."),
        "downloads": _command("downloads", "downloads", "The download queue: list, watch, pause, resume, …"),
        "list": _command("library", "list_models", "What is installed."),
        "outdated": _command("updates", "outdated", "What is newer than what is installed."),
        "update": _command("updates", "update", "Get newer versions, or go back to the one before."),
        "move": _command("space", "move", "Move the models directory to another folder or drive."),
        "usage": _command("space", "usage", "What models, downloads and caches cost on the disk."),
        "prune": _command("space", "prune", "Give back old versions, leftovers and old logs."),
        "bundle": _command("bundle", "bundle", "Carry models in a folder: create, verify, install, sources."),
        "first-run": _command("first_run", "first_run", "Models that are downloaded at the first run."),
        "rm": _command("library", "rm", "Remove installed models from the disk."),
        "verify": _command("integrity", "verify", "Whether installed models are still what they should be."),
        "repair": _command("integrity", "repair", "Fetch again what is damaged or missing of a model."),
        "jobs": _command("jobs", "jobs", "What the library does in the background: list, watch, cancel."),
        "scan": _command("imports", "scan", "Look for models on this machine, also in other tools."),
        "import": _command("imports", "import_", "Import a model from a file or a folder."),
    },
    "Run it": {
        "load": _command("load", "load", "Load a model into memory, with settings."),
        "estimate": _command("settings", "estimate", "The memory that a load would take."),
        "settings": _command("settings", "settings", "Load settings of a model: show, set, reset."),
        "ps": _command("servers", "ps", "Models that run."),
        "chat": _command("chat", "chat", "Talk to a model, or ask it one thing."),
        "logs": _command("servers", "logs", "The log of a running model."),
        "records": _command(
            "records", "records", "What passed the gateway: list, stats, mark, export, audit."
        ),
        "eval": _command("evaluations", "eval_", "Have models answer a file of questions, and compare them."),
        "unload": _command("servers", "unload", "Stop a running model and free its memory."),
        "trial": _command(
            "trials", "trial", "Try a candidate beside the active model, and decide on figures."
        ),
    },
    "Share it": {
        "registry": _command(
            "registry", "registry", "Your organisation's registry: publish, review, approve, verify, audit."
        ),
    },
    "The daemon": {
        "status": _command("status", "status", "How things stand."),
        "doctor": _command("doctor", "doctor", "Check the installation and say what to do."),
        "device": _command("status", "device", "What this machine is and can run."),
        "daemon": _command("daemon", "daemon", "Run, start, stop, install the daemon; its log."),
        "ui": _command("ui", "ui", "Open the Hub page in the browser, signed in."),
        "events": _command("events", "events", "Follow what happens, as it happens."),
        "config": _command("config", "config", "The settings in force and where they come from."),
        "policy": _command("policy", "policy", "What this machine may use: show, set, reset, check."),
        "token": _command("config", "token", "The access token of the API."),
        "completion": _command("completion", "completion", "Tab completion for your shell."),
        "version": _command("status", "version", "Versions of the program and of the daemon."),
    },
}


class Fitting(click.HelpFormatter):
    """Gives the names of options less room where the terminal is narrow, so that what they do fits it too."""

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        super().write_dl(rows, min(col_max, self.width * 2 // 5), col_spacing)


click.Context.formatter_class = Fitting
"""Of every command: click asks each command's own context."""


@click.group(
    cls=LazyGroup,
    sections=SECTIONS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": HELP_WIDTH},
    epilog="A model is named publisher/name[@version][:option].\n\nEvery command has its own --help.",
)
@click.version_option(__version__, prog_name="modelhub", message="%(prog)s %(version)s")
def cli() -> None:
    """Find, get, check and run AI models on this machine."""


def run(arguments: Sequence[str]) -> int:
    """Do what the arguments say and answer the exit code; no exception leaves."""
    try:
        width = max(HELP_LEAST, min(columns(), HELP_WIDTH) - 2)
        code = cli.main(list(arguments), prog_name="modelhub", standalone_mode=False, terminal_width=width)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as error:
        # Click has ended the line of the key that it turned into an Abort.
        if error.__cause__ is None:
            print(file=sys.stderr)
        return 130
    except Exception as error:
        from modelhub_cli.failures import report
        from modelhub_cli.output import ReaderGone

        if isinstance(error, ReaderGone):
            # Python must not complain of the pipe again when it flushes at exit.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for stream in (sys.stdout, sys.stderr):
                os.dup2(nowhere, stream.fileno())
            return 0
        return report(error)
    return code if isinstance(code, int) else 0


def main() -> None:
    """Entry point of the console script."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
