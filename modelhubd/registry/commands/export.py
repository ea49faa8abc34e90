"""`modelhub-registry export FILE`."""

import asyncio
from pathlib import Path

import click

from modelhubd.registry.commands.options import configured
from modelhubd.registry.config import RegistryConfig


@click.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--with-tokens", is_flag=True, help="Hashes of tokens too, so that they go on working.")
@configured
def command(config: RegistryConfig, file: Path, with_tokens: bool) -> None:
    """The whole registry as of one moment as one file, from which `import` makes the same registry in
    an empty database of either kind. The service may run meanwhile. Keys are not in it: copy the `keys`
    folder."""
    asyncio.run(_export(config, file, with_tokens))


async def _export(config: RegistryConfig, file: Path, with_tokens: bool) -> None:
    from modelhubd.registry.opening import now
    from modelhubd.registry.portable.backups import existing_database
    from modelhubd.registry.portable.service import export

    async with existing_database(config) as (database, _):
        moved = await export(database, file, now=now(), with_tokens=with_tokens)
    click.echo(f"{moved.name}: {moved.rows} rows", err=True)
    click.echo(f"audit log: {moved.audit_size} entries, root {moved.audit_root}")
