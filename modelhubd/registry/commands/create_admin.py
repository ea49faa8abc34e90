"""`modelhub-registry create-admin NAME`."""

import asyncio

import click

from modelhubd.registry.commands.options import configured
from modelhubd.registry.config import RegistryConfig


@click.command("create-admin")
@click.argument("principal", metavar="NAME")
@configured
def command(config: RegistryConfig, principal: str) -> None:
    """A token with the scope `admin` for NAME, on standard output. It is shown this once, and lives 30 days:
    make yourself another one with it. The service may run meanwhile, or not."""
    click.echo(asyncio.run(_create(config, principal)))


async def _create(config: RegistryConfig, name: str) -> str:
    from modelhubd.registry.accounts.service import make_admin
    from modelhubd.registry.opening import now, ready_database

    async with ready_database(config) as (database, _):
        made = await make_admin(database, name, now())
    click.echo(f"Token {made.info.id} of {name}, good until {made.info.expires_at}:", err=True)
    return made.token
