"""Models by their address: looked at where they are, and kept as entries that no search finds."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from modelhubd.catalog import store
from modelhubd.config import DownloadsConfig
from modelhubd.entries.direct import (
    HuggingFaceSource,
    NotASource,
    Source,
    UrlSource,
    merged,
    repository_entry,
    source_of,
    url_entry,
    wanted_option,
)
from modelhubd.entries.grouping import NotAModel
from modelhubd.entries.hugging_face import ENDPOINT, NotUnderstood, api_url, read_listing
from modelhubd.errors import Conflict, InvalidInput, NotAllowed, NotFound, Unavailable
from modelhubd.policy.service import Policies
from modelhubd.storage.database import Database
from modelhubd.trust.names import Reference
from modelhubd.trust.text import printable
from modelhubd.trust.urls import origin_of
from modelhubd.wire.base import rfc3339
from modelhubd.wire.catalog import CatalogEntry

ANSWER_MAX = 1_000_000


class Look(Protocol):
    """(size of what is at an address where that is known, its first bytes); all of them with `whole`."""

    def __call__(
        self, url: str, most_bytes: int, /, *, whole: bool
    ) -> Awaitable[tuple[int | None, bytes]]: ...


class Direct:
    """`look` reads at an address by the rules of downloads. Whose API is asked say `config` and `environ`."""

    def __init__(
        self,
        database: Database,
        *,
        look: Look,
        policies: Policies,
        config: DownloadsConfig,
        environ: Mapping[str, str],
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._look = look
        self._policies = policies
        self._endpoint = (config.hf_endpoint or environ.get("HF_ENDPOINT") or ENDPOINT).rstrip("/")
        self._allow_origins = config.allow_origins
        self._clock = clock
        self._one = asyncio.Lock()

    async def resolve(self, text: str) -> Reference:
        """The model, version and perhaps option that an address means; its entry is kept.

        Raises:
            NotAllowed: `refused_by_policy`, or the origin does not show it.
            InvalidInput: it is no such address.
            NotFound: there is nothing, or no model, or not that option.
            Conflict: the catalog has a model of the id that it would get.
            Unavailable: the origin cannot be asked now, or answers what it should not.
        """
        shown = printable(text)[:200]
        self._policies.refuse_direct(shown)
        self._policies.refuse_offline(shown)
        try:
            source = source_of(text, endpoint=self._endpoint, allow_origins=self._allow_origins)
        except NotASource as error:
            raise InvalidInput.at("/source", str(error)) from None
        if await store.is_listed(self._database.reader, source.model_id):
            raise Conflict(
                f"The catalog has a model {source.model_id} already. Get that one, or choose another source.",
                code="id_taken",
            )
        async with self._one:
            try:
                entry = await self._entry(source)
                before = await store.direct_entry(self._database.reader, entry.id)
                entry = merged(before, entry)
                option = wanted_option(entry, source)
            except NotAModel as error:
                raise NotFound(f"{shown}: {error}", code="no_model_there") from None
            async with self._database.transaction() as tx:
                await store.keep_direct(tx, entry, _bare(source), rfc3339(self._clock()))
        return Reference(entry.id, entry.version, option)

    async def _entry(self, source: Source) -> CatalogEntry:
        if isinstance(source, UrlSource):
            size, _ = await self._look(source.url, 16, whole=False)
            return url_entry(source, size)
        return await self._of_repository(source)

    async def _of_repository(self, source: HuggingFaceSource) -> CatalogEntry:
        repository = source.repository
        try:
            _, body = await self._look(api_url(self._endpoint, repository), ANSWER_MAX, whole=True)
        except NotFound:
            raise NotFound(
                f"{origin_of(self._endpoint)} knows no repository {repository} at {repository.revision}.",
                code="repository_not_found",
            ) from None
        except NotAllowed as refused:
            if refused.code != "not_permitted":
                raise
            origin = origin_of(self._endpoint)
            raise NotAllowed(
                f"{origin} does not show {repository}: there is none, or it is private, or its terms have to "
                f"be accepted there. A token for {origin} goes into tokens.toml in the configuration folder.",
                code="not_permitted",
            ) from None
        try:
            listing = read_listing(msgspec.json.decode(body))
        except (NotUnderstood, msgspec.DecodeError, RecursionError) as error:
            raise Unavailable(
                f"{origin_of(self._endpoint)} answers what cannot be read: {printable(str(error))[:200]}. Is "
                "it the address of Hugging Face or of a mirror ([downloads] hf_endpoint)?",
                code="wrong_content",
            ) from None
        return await asyncio.to_thread(repository_entry, source, listing, self._endpoint)


def _bare(source: Source) -> str:
    """What to say where an entry is from."""
    return source.url if isinstance(source, UrlSource) else f"hf:{source.repository}"
