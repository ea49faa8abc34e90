"""`modelhub-registry keys`: makes, replaces and shows the registry's keys."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelhubd.registry.commands.options import configured
from modelhubd.registry.commands.passphrases import PASSPHRASE_FILE, known_passphrases, new_passphrases
from modelhubd.registry.config import RegistryConfig

if TYPE_CHECKING:
    from modelhubd.registry.release.rotation import Rotation

FOLDER = click.Path(path_type=Path)
KEEPING = """
Keep them so:
  - Move the root keys to disks that are not connected to any machine: one key a disk, each at another place
    and with another person. With `--root-keys 3 --threshold 2` two of three sign, one may get lost, and one
    thief gains nothing. Keep a second copy of a single key. With `--encrypt` a disk is worth nothing without
    its passphrase: keep that apart from it, on paper too, as nobody can tell it to you again.
  - The root keys are needed once a year (`keys rotate`, before the root runs out), and when an online key was
    stolen (`keys recover`). The service never needs them.
  - The online keys stay in the `keys` folder of the state folder, readable by the service alone. Copy that
    folder to every process of the same registry, and back it up as you would a password.
  - Give machines the first root (`keys root --first`) on a way that you trust: it is what they check
    everything else by."""


REPLACING = (
    click.option(
        "--root-key",
        "root_folders",
        type=FOLDER,
        multiple=True,
        required=True,
        help="A folder or file with root keys; once for each.",
    ),
    click.option("--new-root", type=FOLDER, help="Replace the root keys too: a new folder for the new ones."),
    click.option(
        "--root-keys", type=click.IntRange(1, 16), default=1, show_default=True, help="Of the new root."
    ),
    click.option(
        "--threshold", type=click.IntRange(1, 16), default=1, show_default=True, help="Of the new root."
    ),
    click.option("--encrypt", is_flag=True, help="Ask for a passphrase for each new root key."),
    click.option(
        "--new-passphrase-file",
        "new_passphrase_files",
        type=PASSPHRASE_FILE,
        multiple=True,
        help="Encrypt the new root keys with the first line of this file: one for all, or one for each.",
    ),
    click.option(
        "--passphrase-file",
        "passphrase_files",
        type=PASSPHRASE_FILE,
        multiple=True,
        help="What opens encrypted root keys, in a file's first line; once for each. Else it is asked for.",
    ),
)


def replacing(run: Callable[..., None]) -> Callable[..., None]:
    """The options of a command that replaces keys."""
    for option in reversed(REPLACING):
        run = option(run)
    return run


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
@click.option("--encrypt", is_flag=True, help="Ask for a passphrase for each root key.")
@click.option(
    "--passphrase-file",
    "passphrase_files",
    type=PASSPHRASE_FILE,
    multiple=True,
    help="Encrypt with the first line of this file: one for all root keys, or one for each, in order.",
)
@configured
def init(
    config: RegistryConfig, offline: Path, root_keys: int, threshold: int, encrypt: bool,
    passphrase_files: tuple[Path, ...],
) -> None:  # fmt: skip
    """Make the keys before the first start. Without this, `serve` makes them at its first start, with one
    root key in the state folder, to be moved away."""
    from modelhubd.places import private_dir
    from modelhubd.registry.opening import now
    from modelhubd.registry.release.first import check_places, make_keys
    from modelhubd.registry.release.service import lifetimes_of

    _check(root_keys, threshold)
    check_places(config.state_dir, offline)
    passphrases = new_passphrases(root_keys, encrypt, passphrase_files)
    private_dir(config.state_dir)
    make_keys(
        config.state_dir, offline, count=root_keys, threshold=threshold, now=now(),
        lifetimes=lifetimes_of(config), passphrases=passphrases,
    )  # fmt: skip
    click.echo(f"Made {root_keys} root key(s) in {offline}, of which {threshold} sign.", err=True)
    if not passphrases:
        click.echo("They are not encrypted; with --encrypt a lost disk is no lost key.", err=True)
    click.echo(KEEPING, err=True)


@command.command("rotate")
@replacing
@configured
def rotate(config: RegistryConfig, **options: Any) -> None:
    """Replace every online key and make the root good for another year. The service may run meanwhile: it
    takes the new keys up at once; other machines of it need the `keys` folder copied. The keys that counted
    until now stay there once more, for a backup that is restored; older ones are removed."""
    _rotate(config, stolen=False, **options)


@command.command("recover")
@replacing
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
def recover(config: RegistryConfig, **options: Any) -> None:
    """An online key was stolen: revoke and remove all of them and sign everything again with new ones, with
    version numbers beyond what the thief signed. Clean the machine first. Clients drop what the thief signed
    at their next sync; what the thief told them before is told again by your own catalog."""
    _rotate(config, stolen=True, **options)


@command.command("root")
@click.option("--first", is_flag=True, help="The first one, which machines are given; else the newest.")
@configured
def root(config: RegistryConfig, first: bool) -> None:
    """The root on standard output: public, and what machines check everything by."""
    click.echo(asyncio.run(_root(config, first)))


def _check(count: int, threshold: int) -> None:
    if threshold > count:
        raise click.UsageError(f"--threshold {threshold} of --root-keys {count} can never sign.")


def _rotate(
    config: RegistryConfig,
    *,
    stolen: bool,
    root_folders: tuple[Path, ...],
    new_root: Path | None,
    root_keys: int,
    threshold: int,
    encrypt: bool,
    new_passphrase_files: tuple[Path, ...],
    passphrase_files: tuple[Path, ...],
    beyond_version: int = 0,
    beyond_revision: int = 0,
) -> None:
    from modelhubd.registry.release.rotation import NewRoot, Rotation

    _check(root_keys, threshold)
    if new_root is None and (encrypt or new_passphrase_files):
        raise click.UsageError("Only new root keys can be encrypted: name their folder with --new-root.")
    known = known_passphrases(root_folders, passphrase_files)
    fresh = new_passphrases(root_keys, encrypt, new_passphrase_files)
    rotation = Rotation(
        root_folders=root_folders,
        reason="a key was stolen" if stolen else "planned",
        stolen=stolen,
        new_root=NewRoot(folder=new_root, count=root_keys, threshold=threshold, passphrases=fresh)
        if new_root
        else None,
        beyond_version=beyond_version,
        beyond_revision=beyond_revision,
        passphrases=known,
    )
    asyncio.run(_replace(config, rotation))
    if new_root is not None:
        click.echo(f"The new root keys are in {new_root}; the old ones sign nothing any more.", err=True)


async def _replace(config: RegistryConfig, rotation: "Rotation") -> None:
    from modelhubd.registry.opening import now
    from modelhubd.registry.portable.backups import existing_database
    from modelhubd.registry.release.rotation import rotate
    from modelhubd.registry.release.service import lifetimes_of

    async with existing_database(config) as (database, name):
        version = await rotate(
            database, config.state_dir, rotation, now=now(), lifetimes=lifetimes_of(config)
        )
    click.echo(f"{name}: root {version} is in force, with new online keys in the state folder.", err=True)
    click.echo("Copy the `keys` folder to every other process of this registry.", err=True)


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
