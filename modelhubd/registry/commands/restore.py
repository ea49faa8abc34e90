"""`modelhub-registry restore FOLDER`."""

import asyncio
from pathlib import Path

import click

from modelhubd.registry.commands.options import configured
from modelhubd.registry.config import RegistryConfig


@click.command("restore")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@configured
def command(config: RegistryConfig, folder: Path) -> None:
    """Make the backup in FOLDER this registry, after all of it has been verified; refused where there is one
    already. What was done after the backup is lost, and machines that saw it will say that the audit log lost
    entries: that is so. They take the catalog nevertheless, as its version numbers follow the clock."""
    asyncio.run(_restore(config, folder))


async def _restore(config: RegistryConfig, folder: Path) -> None:
    from modelhubd.places import private_dir
    from modelhubd.registry.portable.backups import restore

    private_dir(config.state_dir)
    moved = await restore(config, folder)
    click.echo(f"{moved.name}: restored and verified", err=True)
    click.echo(f"audit log: {moved.audit_size} entries, root {moved.audit_root}")
