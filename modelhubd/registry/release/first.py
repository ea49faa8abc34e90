"""The keys at the start: those that the newest root names, or new ones where there is no root yet."""

import logging
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from modelhubd.errors import CannotStart, Untrusted
from modelhubd.registry.database import Database
from modelhubd.registry.release import files, keys, store, tuf
from modelhubd.registry.release.keys import Keyring
from modelhubd.registry.release.tuf import Lifetimes
from modelhubd.tasks import in_thread
from modelhubd.wire.base import rfc3339

log = logging.getLogger(__name__)

KEYS = "keys"
OFFLINE = "offline-root"


async def ensure_root(database: Database, state_dir: Path, now: datetime, lifetimes: Lifetimes) -> Keyring:
    """The online keys, after making sure that the database has a root which names them.

    Raises:
        CannotStart: the database has a root and its keys are not here, or a folder cannot be used.
    """
    async with database.changing() as connection:
        version = files.newest_root(file.name for file in await store.listed(connection))
        if version is None:
            root = await in_thread(lambda: _first(state_dir, now, lifetimes))
            await store.put(connection, {keys.ROOT_FILE: root}, rfc3339(now))
        else:
            found = await store.content(connection, files.versioned(version, "root"))
            assert found is not None
            root = found
    keyring = await in_thread(lambda: keys.read_online_keys(state_dir / KEYS))
    if missing := tuf.missing_keys(tuf.read_root(root), keyring):
        raise CannotStart(
            f"This registry's keys for {', '.join(missing)} are not in {state_dir / KEYS}. Copy that folder "
            "from the machine that made or rotated them (a process needs it to sign), or make new ones: "
            "`modelhub-registry keys rotate`, with the root keys."
        )
    return keyring


def make_keys(
    state_dir: Path,
    offline: Path,
    *,
    count: int,
    threshold: int,
    now: datetime,
    lifetimes: Lifetimes,
    passphrases: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    """New root keys in `offline`, new online keys in the state folder, and the first root, signed, beside
    them: its bytes. Root keys that have a passphrase, by their names (`root-1` …), are encrypted.

    Raises:
        CannotStart: there are keys already, a folder cannot be used, or a passphrase is none.
    """
    folder = state_dir / KEYS
    check_places(state_dir, offline)
    roots, online = keys.root_keys(count), keys.online_keys()
    root = tuf.first_root(
        root_keys=list(keys.publics(roots).values()),
        threshold=threshold,
        online=keys.publics(online),
        signing=keys.keyring_of(roots),
        now=now,
        lifetimes=lifetimes,
    )
    keys.write_keys(offline, roots, passphrases)
    keys.write_keys(folder, online)
    keys.write_whole(folder / keys.ROOT_FILE, root)
    return root


def check_places(state_dir: Path, offline: Path) -> None:
    """See that new keys can be put there; the folder for root keys is made.

    Raises:
        CannotStart: there are keys already, or the folder cannot be used.
    """
    folder = state_dir / KEYS
    if folder.exists() and any(folder.iterdir()):
        raise CannotStart(
            f"There are keys in {folder} already. `modelhub-registry keys rotate` replaces them."
        )
    keys.make_folder(offline)


def _first(state_dir: Path, now: datetime, lifetimes: Lifetimes) -> bytes:
    prepared = state_dir / KEYS / keys.ROOT_FILE
    if prepared.exists():
        root = prepared.read_bytes()
        try:
            tuf.read_root(root)
        except Untrusted as error:
            raise CannotStart(f"{prepared} is not a root that is signed by its own keys.") from error
        return root
    offline = state_dir / OFFLINE
    root = make_keys(state_dir, offline, count=1, threshold=1, now=now, lifetimes=lifetimes)
    log.warning(
        "made this registry's keys. The ROOT KEY lies in %s: MOVE that folder to a disk that is not "
        "connected and keep a second copy elsewhere. Whoever has it can sign anything in this registry's "
        "name; without it a stolen online key cannot be replaced. See `modelhub-registry keys init --help`.",
        offline,
    )
    return root
