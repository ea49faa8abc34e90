"""`modelhub-registry serve`."""

import asyncio
import contextlib
import logging
import os
import signal

import click

from modelhubd.notify import sd_notify
from modelhubd.registry.commands.options import configured
from modelhubd.registry.config import RegistryConfig

log = logging.getLogger(__name__)


@click.command("serve")
@click.option("--host", help="Address to listen on; other machines only with TLS or behind a proxy.")
@click.option("--port", help="0 takes a free one.")
@click.option("--tls-cert", metavar="FILE", help="PEM: the certificate and its chain.")
@click.option("--tls-key", metavar="FILE", help="PEM: its key.")
@click.option("--behind-proxy", is_flag=True, default=None, help="A proxy that speaks TLS stands before it.")
@click.option("--name", help="Of this registry; counts at the first start only.")
@click.option("--four-eyes", type=click.Choice(["on", "off"]), help="off: one's own may be approved.")
@click.option("--log-level", help="debug, info, warning or error.")
@click.option("--log-format", help="auto, text or json.")
@configured
def command(config: RegistryConfig) -> None:
    """Answer until SIGTERM or SIGINT; the first start makes the database and imports the seed."""
    asyncio.run(serve(config))


async def serve(config: RegistryConfig) -> None:
    """Run until a signal says stop; a second one makes an end at once.

    Raises:
        CannotStart: something essential cannot be used.
    """
    from modelhubd.registry.app import running  # aiohttp and the database: not needed to show the help

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
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(running(config))
        sd_notify("READY=1", os.environ)
        await stop.wait()
        sd_notify("STOPPING=1", os.environ)
    log.info("stopped")
