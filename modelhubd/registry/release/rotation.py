"""New keys: planned, or because one was stolen. All of it is one transaction, audited.

Clients follow because the old root's keys sign the new root. Metadata that a thief signed, with however high
a version, counts for nothing from then on: it is signed by keys that the new root does not name, and so
clients drop it (the TUF specification's recovery from a fast-forward attack).
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from modelhubd.errors import CannotStart
from modelhubd.registry.access import OPERATOR
from modelhubd.registry.audit import service as audit
from modelhubd.registry.database import Database
from modelhubd.registry.release import building, files, keys, store, tuf
from modelhubd.registry.release.first import KEYS
from modelhubd.registry.release.tuf import Lifetimes
from modelhubd.tasks import in_thread
from modelhubd.wire.base import rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRoot:
    """Root keys to be made in `folder`, of which `threshold` have to sign from then on. Those that have one
    of the `passphrases`, by their names (`root-1` …), are encrypted."""

    folder: Path
    count: int
    threshold: int
    passphrases: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """What is to be done. `root_folders` hold the root keys, `passphrases` open those that are encrypted;
    every version number of what is signed then is higher than `beyond_version`, and the catalog's revision
    higher than `beyond_revision`.

    Of the old online keys those that counted until now stay in the keys folder, for a database that is
    restored from a backup of before; where they were `stolen`, none does."""

    root_folders: tuple[Path, ...]
    reason: str
    new_root: NewRoot | None = None
    stolen: bool = False
    beyond_version: int = 0
    beyond_revision: int = 0
    passphrases: tuple[str, ...] = field(default=(), repr=False)


async def rotate(
    database: Database, state_dir: Path, rotation: Rotation, *, now: datetime, lifetimes: Lifetimes
) -> int:
    """Replace every online key, and the root keys where asked; sign everything again: the new root's version.

    Raises:
        CannotStart: there are no keys yet, or a folder cannot be used.
        Untrusted: too few root keys are in the folders.
        Unavailable: the database is away.
    """
    signing = await in_thread(lambda: keys.read_keys(rotation.root_folders, rotation.passphrases))
    online = keys.online_keys()
    fresh = keys.root_keys(rotation.new_root.count) if rotation.new_root else {}
    async with database.changing() as connection:
        base = await building.read_base(connection)
        if base is None:
            raise CannotStart("This registry has no keys yet. `modelhub-registry keys init` makes them.")
        before = base.root
        root = await in_thread(
            lambda: tuf.next_root(
                before,
                root_keys=list(keys.publics(fresh).values()) or None,
                threshold=rotation.new_root.threshold if rotation.new_root else None,
                online=keys.publics(online),
                signing=keys.keyring_of(fresh, signing),
                now=now,
                lifetimes=lifetimes,
            )
        )
        version = base.root_version + 1
        await audit.append(
            connection,
            actor=OPERATOR,
            action="keys.rotated",
            subject=base.head.name,
            detail={
                "keys": {role: public.hex() for role, public in keys.publics(online).items()},
                "new_root_keys": rotation.new_root is not None,
                "reason": rotation.reason,
                "root_version": version,
            },
            at=now,
        )
        await store.set_revision(connection, max(base.head.revision, rotation.beyond_revision) + 1)
        head = await store.head(connection)
        wanted = await building.read_wanted(
            connection, head, now, whole=True, beyond=rotation.beyond_version, again=True
        )
        base = dataclasses.replace(base, head=head, root=root, root_version=version)
        written = await in_thread(
            lambda: building.made(base, wanted, keys.keyring_of(online), now, lifetimes)
        )
        written[files.versioned(version, "root")] = root
        await in_thread(lambda: _write(state_dir, rotation.new_root, online, fresh))
        await store.put(connection, written, rfc3339(now))
        await store.set_released(connection, head.revision)
    kept = {public.hex() for public in keys.publics(online).values()}
    if not rotation.stolen:
        kept |= set(tuf.public_keys(tuf.read_root(before)).values())
    await in_thread(lambda: keys.forget_keys(state_dir / KEYS, kept))
    return version


def _write(
    state_dir: Path, new_root: NewRoot | None, online: dict[str, bytes], fresh: dict[str, bytes]
) -> None:
    if new_root is not None:
        keys.write_keys(new_root.folder, fresh, new_root.passphrases)
    keys.write_keys(state_dir / KEYS, online)
