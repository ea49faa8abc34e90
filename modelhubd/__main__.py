"""`modelhubd`: arguments and signals, then `async with running(config)`."""

import argparse
import asyncio
import contextlib
import gc
import importlib
import logging
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Iterator, Sequence

from modelhubd import __version__
from modelhubd.config import Config, read_config
from modelhubd.errors import CannotStart
from modelhubd.journal import start_logging
from modelhubd.places import find_places
from modelhubd.tasks import HANDOVER_S, settle

log = logging.getLogger("modelhubd")

BESIDE = ("modelhubd.downloads.service", "modelhubd.library.service", "modelhubd.catalog.service")
"""Imported by a second thread: aiohttp, which the first one imports meanwhile, reads the machine's
certificates and lets go of the interpreter for as long."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run in the foreground until SIGTERM or SIGINT. Exit codes: 0 stopped, 1 cannot start, 2 usage."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] in (["install-service"], ["uninstall-service"]):
        from modelhubd.service_install import main_install

        return main_install(arguments)
    if arguments[:1] and arguments[0] in ("check-config", "config-set", "config-reset"):
        from modelhubd.config_file import main_config

        return main_config(arguments)
    options = parser().parse_args(arguments)
    # What is made while starting lives as long as the process: collecting finds nothing in it, now or later.
    gc.disable()
    try:
        config = read_config(find_places(os.environ), os.environ, _settings(options))
        start_logging(config.settings.log.level, config.settings.log.format)
        with _imported_beside():
            asyncio.run(serve(config))
    except CannotStart as error:
        print(f"modelhubd: {error}", file=sys.stderr)  # noqa: T201  # the one message before there is a log
        return 1
    return 0


@contextlib.contextmanager
def _imported_beside() -> Iterator[None]:
    """Not left before all is: an import that meets the interpreter's end fails with a traceback."""
    thread = threading.Thread(target=lambda: [importlib.import_module(name) for name in BESIDE], daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def parser() -> argparse.ArgumentParser:
    """The command line of the daemon."""
    made = argparse.ArgumentParser(
        prog="modelhubd",
        description="The daemon that finds, gets, checks and runs AI models. Runs in the foreground.",
        epilog="`modelhubd install-service` has it started at login; `modelhub` is the command line.",
    )
    made.add_argument("--version", action="version", version=f"modelhubd {__version__}")
    made.add_argument("--port", metavar="N", help="loopback TCP port; 0 takes a free one")
    made.add_argument("--no-tcp", action="store_true", help="listen on the Unix socket only")
    made.add_argument("--models-dir", metavar="DIR", help="where models are kept")
    made.add_argument(
        "--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="any setting of config.toml"
    )
    return made


def _settings(options: argparse.Namespace) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in options.set:
        key, equals, value = text.partition("=")
        if not equals:
            raise CannotStart(f"--set takes SECTION.KEY=VALUE, not {text!r}.")
        found[key] = value
    if options.port is not None:
        found["server.port"] = options.port
    if options.no_tcp:
        found["server.tcp"] = "false"
    if options.models_dir is not None:
        found["models.dir"] = options.models_dir
    return found


async def serve(config: Config) -> None:
    """Run until a signal says stop; a second one makes an end at once.

    Raises:
        CannotStart: another instance holds this home, or something essential cannot be used.
    """
    sys.setswitchinterval(HANDOVER_S)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def asked(name: str) -> None:
        if stop.is_set():
            log.warning("%s again: ending at once", name)
            os._exit(1)
        log.info("%s: stopping", name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked, number.name)
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    from modelhubd.daemon import running

    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(running(config))
        except (OSError, sqlite3.Error) as error:
            raise CannotStart(
                f"Something the daemon needs cannot be used: {error}. Put that right and start it again."
            ) from error
        settle()
        await stop.wait()
    log.info("stopped")


if __name__ == "__main__":
    sys.exit(main())
