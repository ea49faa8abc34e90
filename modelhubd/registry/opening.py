"""The database of a registry, ready for use: for the service and for each command beside it."""

import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

from modelhubd.errors import CannotStart, ModelhubError
from modelhubd.places import private_dir
from modelhubd.registry.config import RegistryConfig
from modelhubd.registry.database import Database
from modelhubd.registry.migrate import migrate
from modelhubd.registry.seed.service import first_start

log = logging.getLogger(__name__)


def now() -> datetime:
    return datetime.now(UTC)


@contextlib.asynccontextmanager
async def ready_database(
    config: RegistryConfig, clock: Callable[[], datetime] = now
) -> AsyncIterator[tuple[Database, str]]:
    """The database in this program's form and past its first start, and the registry's name.

    Raises:
        CannotStart: the state folder or the database cannot be used.
    """
    try:
        private_dir(config.state_dir)
    except OSError as error:
        raise CannotStart(f"The registry's state folder cannot be used: {error}.") from error
    async with Database.open(config.database_url, connections=config.connections) as database:
        try:
            before, after = await migrate(database)
            if before != after:
                log.info("the database is brought from form %s to %s", before or "none", after)
            name = await first_start(database, config.name, clock)
        except CannotStart:
            raise
        except ModelhubError as error:
            raise CannotStart(f"The registry's database cannot be used: {error}") from error
        yield database, name
