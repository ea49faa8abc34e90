"""`modelhub-registry import FILE`."""

import asyncio
from pathlib import Path

import click

from modelhubd.registry.commands.options import configured
from modelhubd.registry.config import RegistryConfig


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@configured
def command(config: RegistryConfig, file: Path) -> None:
    """Fill an empty database from an export, if all of it verifies: every content, every audit entry and the
    root, the signatures. To move from SQLite to PostgreSQL: stop the service, `export`, `import --database
    postgresql://…`, start it with that address and the same state folder, where its keys are. The root that
    both commands print has to be the same."""
    asyncio.run(_import(config, file))


async def _import(config: RegistryConfig, file: Path) -> None:
    from modelhubd.places import private_dir
    from modelhubd.registry.database import Database
    from modelhubd.registry.portable.service import import_

    private_dir(config.state_dir)
    async with Database.open(config.database_url, connections=config.connections) as database:
        moved = await import_(database, file)
    click.echo(f"{moved.name}: {moved.rows} rows", err=True)
    click.echo(f"audit log: {moved.audit_size} entries, root {moved.audit_root}")
