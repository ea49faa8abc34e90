"""What a path names, if the caller may know of it. What may not be seen is answered as what is not there."""

import re

from sqlalchemy.ext.asyncio import AsyncConnection

from modelhubd.errors import NotFound
from modelhubd.registry.access import Caller
from modelhubd.registry.versions import listing_store, store
from modelhubd.registry.versions.listing_store import Eyes
from modelhubd.registry.versions.rows import VersionRow, is_visible
from modelhubd.trust.names import is_model_id
from modelhubd.wire.registry import RegistryModel

_NUMBER = re.compile("[1-9][0-9]{0,8}")


async def seen_version(connection: AsyncConnection, caller: Caller, model: str, version: str) -> VersionRow:
    """The version of that number.

    Raises:
        NotFound: there is none, or none that the caller may see.
    """
    row = None
    if is_model_id(model) and _NUMBER.fullmatch(version):
        row = await store.get(connection, model, int(version))
    if row is None or not is_visible(row.status, model=model, scopes=caller.scopes):
        raise NotFound(f"There is no such version of {named(model)} that you may see.")
    return row


async def seen_model(connection: AsyncConnection, caller: Caller, model: str) -> RegistryModel:
    """The model of that id.

    Raises:
        NotFound: there is none, or none that the caller may see.
    """
    found = None
    if is_model_id(model):
        found = await listing_store.one(connection, Eyes.of(caller.scopes), model)
    if found is None:
        raise no_model(model)
    return found


async def check_seen(connection: AsyncConnection, caller: Caller, model: str) -> None:
    """Let pass the id of a model that the caller may see.

    Raises:
        NotFound: there is none.
    """
    if not is_model_id(model) or not await listing_store.is_seen(connection, Eyes.of(caller.scopes), model):
        raise no_model(model)


def no_model(model: str) -> NotFound:
    """What is answered for a model that is not there."""
    return NotFound(f"There is no model {named(model)} that you may see.")


def named(model: str) -> str:
    """The id as an answer may repeat it."""
    return model if is_model_id(model) else "of that id"
