"""`modelhub-registry backup FOLDER`."""

import asyncio
from pathlib import Path

import click

from modelhubd.registry.commands.options import configured
from modelhubd.registry.config import RegistryConfig


@click.command("backup")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@configured
def command(config: RegistryConfig, folder: Path) -> None:
    """The database and the online keys into a new FOLDER, while the service may run. Keep it as you would a
    password. On PostgreSQL this writes an export; for large ones and point-in-time recovery use PostgreSQL's
    own `pg_dump --format=custom` or base backups, and copy the `keys` folder beside them."""
    asyncio.run(_backup(config, folder))


async def _backup(config: RegistryConfig, folder: Path) -> None:
    from modelhubd.registry.opening import now
    from modelhubd.registry.portable.backups import backup

    written = await backup(config, folder, now=now())
    click.echo(f"Wrote {written}.", err=True)
