"""Keeps what is served signed: after every change, and before it grows old."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime, timedelta

from modelhubd.errors import CannotStart, Unavailable, Untrusted
from modelhubd.registry.audit import service as audit
from modelhubd.registry.config import RegistryConfig
from modelhubd.registry.database import Database
from modelhubd.registry.release import building, keys, store, tuf
from modelhubd.registry.release.first import KEYS, ensure_root
from modelhubd.registry.release.keys import Keyring
from modelhubd.registry.release.served import Served
from modelhubd.registry.release.tuf import Lifetimes
from modelhubd.tasks import TaskOwner, in_thread
from modelhubd.trust.notes import Checkpoint
from modelhubd.wire import registry as wire
from modelhubd.wire.base import rfc3339

log = logging.getLogger(__name__)

BUILD_LOCK = 0x6D6F64656C726C73
"""`modelrls` in ASCII: the advisory lock of the process that builds."""
POLL_S = 2.0
"""How often a process looks for a change that another one left unsigned, and for age."""
RELEASE_S = 10.0
"""How long a change waits for its release."""
UNSIGNED: ContextVar[int | None] = ContextVar("unsigned", default=None)
"""The revision that was not signed yet when the change of this request had waited for it."""
RETRY_S = (0.5, 30.0)
"""Before a failed build is tried again: the first time, and at most."""
ANOTHER_S = 0.05
"""Before looking whether another process has finished its build."""
ROOT_WARNING = timedelta(days=30)
"""How long before the root runs out that is said, once a day."""


def lifetimes_of(config: RegistryConfig) -> Lifetimes:
    """How long metadata is to be good."""
    return Lifetimes(
        timestamp=timedelta(seconds=config.timestamp_s),
        renewed=timedelta(seconds=min(config.timestamp_renewal_s, config.timestamp_s // 2)),
        snapshot=timedelta(seconds=config.metadata_s),
        targets=timedelta(seconds=config.metadata_s),
        root=timedelta(seconds=config.root_s),
    )


class Releases:
    """The release of one registry, built by one process at a time over all of them.

    `start` it before anything else asks. `fault` says why the last build failed; None if it did not.
    A change waits `within_s` seconds for its release.
    """

    def __init__(
        self,
        database: Database,
        *,
        config: RegistryConfig,
        name: str,
        tasks: TaskOwner,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._state_dir = config.state_dir
        self._name = name
        self._clock = clock
        self._tasks = tasks
        self._lifetimes = lifetimes_of(config)
        self._kept = timedelta(seconds=config.superseded_s)
        self._keyring = Keyring({})
        self._keys_of: int | None = None
        self._before = building.Before()
        self._root_expires: datetime | None = None
        self._warned_at: datetime | None = None
        self._asked = asyncio.Event()
        self._turn = asyncio.Event()
        self._revision = -1
        self.fault: str | None = None
        self.within_s = RELEASE_S
        self.served = Served(database)

    async def start(self) -> None:
        """Make sure that there are keys, and keep building from now on.

        Raises:
            CannotStart: the keys are not those that the registry's root names.
            Unavailable: the database is away.
        """
        self._keyring = await ensure_root(self._database, self._state_dir, self._clock(), self._lifetimes)
        self._asked.set()
        self._tasks.start(self._keep_building(), name="releases")

    async def released(self) -> bool:
        """Wait until a signed release covers everything that is committed now; False if that takes longer
        than `within_s` (it is logged, tried on, and told to who asked: `UNSIGNED`)."""
        revision = 0
        try:
            head = store.head_of((await self._database.glance(store.HEAD))[0])
            revision = head.revision
            if head.released >= head.revision:
                self.served.forget()
                return True
            async with asyncio.timeout(self.within_s):
                while self._revision < head.revision:
                    turn = self._turn
                    self._asked.set()
                    await turn.wait()
                return True
        except (TimeoutError, Unavailable):
            log.warning("a change is committed and not signed yet: %s", self.fault or "the build takes long")
            UNSIGNED.set(revision)
            return False

    async def checkpoint(self) -> wire.Checkpoint:
        """The audit log as it is now, signed.

        Raises:
            Unavailable: the key is not at hand, or the database is away.
        """
        async with self._database.reading(quick=True) as connection:
            base = await building.read_base(connection)
            size = await audit.size(connection)
            root_hash = await audit.root(connection, size)
        if base is None:
            raise Unavailable("This registry has no keys yet.", retry_after_s=1)
        point = Checkpoint(origin=self._name, size=size, root=root_hash)
        await self._refresh_keys(base)
        try:
            note, key = await in_thread(
                lambda: building.note_of(point, tuf.read_root(base.root), self._keyring)
            )
        except CannotStart as error:
            raise Unavailable("This process does not have the audit log's key.", retry_after_s=30) from error
        return wire.Checkpoint(size=size, root_hash=root_hash.hex(), note=note, key=key)

    async def _keep_building(self) -> None:
        failures = 0
        while True:
            wait = POLL_S if not failures else min(RETRY_S[0] * 2 ** (failures - 1), RETRY_S[1])
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._asked.wait()
            self._asked.clear()
            try:
                await self._build()
            except Exception as error:
                failures = min(failures + 1, 16)
                self.fault = (
                    str(error) if isinstance(error, Untrusted | Unavailable) else type(error).__name__
                )
                known = isinstance(error, Untrusted | Unavailable | CannotStart)
                log.error("the release could not be signed: %s", error, exc_info=None if known else error)
            else:
                failures, self.fault = 0, None

    async def _build(self) -> None:
        """Build until what was committed when this began is released, by whatever process."""
        while True:
            async with self._database.reading(quick=True) as connection:
                head = await store.head(connection)
                base = await building.read_base(connection)
            if base is not None:
                await self._refresh_keys(base)
            async with self._database.alone(BUILD_LOCK) as mine:
                revision = await self._build_once() if mine else None
            if revision is not None and revision >= head.revision:
                self._warn(self._clock())
                self._tell(revision)
                return
            await asyncio.sleep(ANOTHER_S)

    async def _build_once(self) -> int | None:
        now = self._clock()
        return await building.build(
            self._database, self._keyring, now, self._lifetimes, rfc3339(now - self._kept), self._before
        )

    def _tell(self, revision: int) -> None:
        self._revision = max(self._revision, revision)
        self.served.forget()
        self._turn.set()
        self._turn = asyncio.Event()

    async def _refresh_keys(self, base: building.Base) -> None:
        """Read the keys again when the root has changed."""
        if self._keys_of != base.root_version:
            self._keyring = await in_thread(lambda: keys.read_online_keys(self._state_dir / KEYS))
            self._root_expires = tuf.read_root(base.root).expires
            self._keys_of = base.root_version

    def _warn(self, now: datetime) -> None:
        """Say that the root runs out soon: with it, machines take nothing new from this registry."""
        expires = self._root_expires
        lately = self._warned_at is not None and now - self._warned_at < timedelta(days=1)
        if expires is not None and expires - now < ROOT_WARNING and not lately:
            self._warned_at = now
            log.warning(
                "the root runs out on %s: from then on machines take nothing new from this registry. Run "
                "`modelhub-registry keys rotate` with the root keys before.",
                expires.date(),
            )
