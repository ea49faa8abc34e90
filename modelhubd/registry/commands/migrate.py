"""`modelhub-registry migrate`."""

import asyncio

import click

from modelhubd.registry.commands.options import configured
from modelhubd.registry.config import RegistryConfig


@click.command("migrate")
@configured
def command(config: RegistryConfig) -> None:
    """Bring the database to this program's form. `serve` does so too; several processes take turns."""
    asyncio.run(_migrate(config))


async def _migrate(config: RegistryConfig) -> None:
    from modelhubd.registry.migrate import newest
    from modelhubd.registry.opening import ready_database

    async with ready_database(config) as (_, name):
        click.echo(f"{name}: the database has form {newest()}")
