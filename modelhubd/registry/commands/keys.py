"""`modelhub-registry keys`: makes, replaces and shows the registry's keys."""

import asyncio
from pathlib import Path

import click

from modelhubd.registry.commands.options import configured
from modelhubd.registry.config import RegistryConfig

FOLDER = click.Path(path_type=Path)
KEEPING = """
Keep them so:
  - Move the root keys to disks that are not connected to any machine: one key a disk, each at another place
    and with another person. With `--root-keys 3 --threshold 2` two of three sign, one may get lost, and one
    thief gains nothing. Keep a second copy of a single key.
  - The root keys are needed once a year (`keys rotate`, before the root runs out), and when an online key was
    stolen (`keys recover`). The service never needs them.
  - The online keys stay in the `keys` folder of the state folder, readable by the service alone. Copy that
    folder to every process of the same registry, and back it up as you would a password.
  - Give machines the first root (`keys root --first`) on a way that you trust: it is what they check
    everything else by."""


@click.group("keys")
def command() -> None:
    """The keys that sign what is served: root keys, kept offline, and online keys."""


@command.command("init")
@click.option("--offline", "offline", type=FOLDER, required=True, help="A new folder for the root keys.")
@click.option("--root-keys", type=click.IntRange(1, 16), default=1, show_default=True)
@click.option(
    "--threshold",
    type=click.IntRange(1, 16),
    default=1,
    show_default=True,
    help="How many root keys have to sign. 2 of 3 is recommended.",
)
@configured
def init(config: RegistryConfig, offline: Path, root_keys: int, threshold: int) -> None:
    """Make the keys before the first start. Without this, `serve` makes them at its first start, with one
    root key in the state folder, to be moved away."""
    from modelhubd.places import private_dir
    from modelhubd.registry.app import now
    from modelhubd.registry.release.first import make_keys
    from modelhubd.registry.release.service import lifetimes_of

    _check(root_keys, threshold)
    private_dir(config.state_dir)
    make_keys(
        config.state_dir, offline, count=root_keys, threshold=threshold, now=now(),
        lifetimes=lifetimes_of(config),
    )  # fmt: skip
    click.echo(f"Made {root_keys} root key(s) in {offline}, of which {threshold} sign.", err=True)
    click.echo(KEEPING, err=True)


@command.command("rotate")
@click.option(
    "--root-key",
    "root_folders",
    type=FOLDER,
    multiple=True,
    required=True,
    help="A folder or file with root keys; once for each.",
)
@click.option("--new-root", type=FOLDER, help="Replace the root keys too: a new folder for the new ones.")
@click.option(
    "--root-keys", type=click.IntRange(1, 16), default=1, show_default=True, help="Of the new root."
)
@click.option(
    "--threshold", type=click.IntRange(1, 16), default=1, show_default=True, help="Of the new root."
)
@configured
def rotate(
    config: RegistryConfig,
    root_folders: tuple[Path, ...],
    new_root: Path | None,
    root_keys: int,
    threshold: int,
) -> None:
    """Replace every online key and make the root good for another year. The service may run meanwhile: it
    takes the new keys up at once; other machines of it need the `keys` folder copied. The keys that counted
    until now stay there once more, for a backup that is restored; older ones are removed."""
    asyncio.run(_rotate(config, root_folders, new_root, root_keys, threshold, None, 0, 0))


@command.command("recover")
@click.option(
    "--root-key",
    "root_folders",
    type=FOLDER,
    multiple=True,
    required=True,
    help="A folder or file with root keys; once for each.",
)
@click.option("--new-root", type=FOLDER, help="Replace the root keys too: a new folder for the new ones.")
@click.option(
    "--root-keys", type=click.IntRange(1, 16), default=1, show_default=True, help="Of the new root."
)
@click.option(
    "--threshold", type=click.IntRange(1, 16), default=1, show_default=True, help="Of the new root."
)
@click.option(
    "--beyond-version",
    type=click.IntRange(0),
    default=0,
    help="Highest version number seen in metadata that the thief signed.",
)
@click.option(
    "--beyond-revision",
    type=click.IntRange(0, 2**62),
    default=0,
    help="Highest revision seen in a catalog that the thief signed.",
)
@configured
def recover(
    config: RegistryConfig, root_folders: tuple[Path, ...], new_root: Path | None, root_keys: int,
    threshold: int, beyond_version: int, beyond_revision: int,
) -> None:  # fmt: skip
    """An online key was stolen: revoke and remove all of them and sign everything again with new ones, with
    version numbers beyond what the thief signed. Clean the machine first. Clients drop what the thief signed
    at their next sync; what the thief told them before is told again by your own catalog."""
    asyncio.run(
        _rotate(
            config, root_folders, new_root, root_keys, threshold, STOLEN, beyond_version,
            beyond_revision,
        )
    )  # fmt: skip


@command.command("root")
@click.option("--first", is_flag=True, help="The first one, which machines are given; else the newest.")
@configured
def root(config: RegistryConfig, first: bool) -> None:
    """The root on standard output: public, and what machines check everything by."""
    click.echo(asyncio.run(_root(config, first)))


STOLEN = "a key was stolen"


def _check(count: int, threshold: int) -> None:
    if threshold > count:
        raise click.UsageError(f"--threshold {threshold} of --root-keys {count} can never sign.")


async def _rotate(
    config: RegistryConfig,
    root_folders: tuple[Path, ...],
    new_root: Path | None,
    count: int,
    threshold: int,
    stolen: str | None,
    beyond_version: int,
    beyond_revision: int,
) -> None:
    from modelhubd.registry.app import now
    from modelhubd.registry.portable.backups import existing_database
    from modelhubd.registry.release.rotation import NewRoot, Rotation, rotate
    from modelhubd.registry.release.service import lifetimes_of

    _check(count, threshold)
    rotation = Rotation(
        root_folders=root_folders,
        reason=stolen or "planned",
        stolen=stolen is not None,
        new_root=NewRoot(folder=new_root, count=count, threshold=threshold) if new_root else None,
        beyond_version=beyond_version,
        beyond_revision=beyond_revision,
    )
    async with existing_database(config) as (database, name):
        version = await rotate(
            database, config.state_dir, rotation, now=now(), lifetimes=lifetimes_of(config)
        )
    click.echo(f"{name}: root {version} is in force, with new online keys in the state folder.", err=True)
    click.echo("Copy the `keys` folder to every other process of this registry.", err=True)
    if new_root is not None:
        click.echo(f"The new root keys are in {new_root}; the old ones sign nothing any more.", err=True)


async def _root(config: RegistryConfig, first: bool) -> str:
    from modelhubd.errors import CannotStart
    from modelhubd.registry.portable.backups import existing_database
    from modelhubd.registry.release import files, store

    async with existing_database(config) as (database, _), database.reading() as connection:
        newest = files.newest_root(file.name for file in await store.listed(connection))
        version = 1 if first else newest
        found = None if version is None else await store.content(connection, files.versioned(version, "root"))
    if found is None:
        raise CannotStart("This registry has no root yet: start it once, or run `keys init` and start it.")
    return found.decode()
