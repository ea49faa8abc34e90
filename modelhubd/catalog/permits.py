"""What policies and requirements make of entries: which options may be used here, and by whom."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from msgspec.structs import replace

from modelhubd.catalog import store
from modelhubd.catalog.index import Index
from modelhubd.catalog.merge import Sourced
from modelhubd.catalog.verdicts import InstalledKey, judge_options, shown_option
from modelhubd.entries.older import at_version, newest_usable
from modelhubd.entries.requirements import Programs, held_back
from modelhubd.errors import Conflict
from modelhubd.fit.verdict import best_option
from modelhubd.policy.service import Policies
from modelhubd.storage.database import Reader
from modelhubd.wire.catalog import CatalogPage, ModelDetail, ModelSummary, Option, Requires
from modelhubd.wire.device import Device
from modelhubd.wire.fit import Fit
from modelhubd.wire.library import Artifact
from modelhubd.wire.policy import App

JudgedOptions = Sequence[tuple[Option, Fit]]
SLICE = 16
"""Summaries in a row, in 1 to 2 ms."""


class Permits:
    """`programs` are the versions of what would use an entry, for the program that asks; `listed` gives the
    catalog's entry of a model id."""

    def __init__(
        self,
        policies: Policies,
        programs: Callable[[App | None], Programs],
        listed: Callable[[str], Awaitable[Sourced | None]],
    ) -> None:
        self._policies = policies
        self._listed = listed
        self._programs = programs

    async def words(self, item: Sourced, option: Option | None = None) -> str | None:
        """Why a policy refuses the entry, or one option of it; None where none does."""
        reason = await self._policies.entry_reason(item.entry, item.source, option)
        name = item.entry.id if option is None else f"{item.entry.id}:{option.id}"
        return None if reason is None else self._policies.words(name, reason)

    def held_back(self, item: Sourced, app: App | None) -> str | None:
        """Why the entry is not for the programs that would use it."""
        return held_back(item.entry.requires, self._programs(app))

    def usable(self, item: Sourced, app: App | None) -> Sourced:
        """The newest version of it that is for these programs; the one that is served where none is."""
        found = newest_usable(item.entry, self._programs(app))
        return item if found is None else Sourced(found, item.source)

    def _usable_version(self, item: Sourced, app: App | None) -> int | None:
        version = self.usable(item, app).entry.version
        return None if version == item.entry.version else version

    async def of_detail(
        self, detail: ModelDetail, item: Sourced, judged: JudgedOptions, app: App | None
    ) -> ModelDetail:
        """The detail with what may be used, and why not."""
        told = [await self.words(item, option) for option, _ in judged]
        allowed = _allowed(judged, told)
        best = best_option(allowed)
        return replace(
            detail,
            allowed=bool(allowed),
            refusal=None if allowed else await self.words(item) or told[0],
            held_back=self.held_back(item, app),
            usable_version=self._usable_version(item, app),
            best_option=None if best is None else best.id,
            fit=shown_option(allowed or judged)[1],
            options=tuple(
                replace(option, allowed=words is None, refusal=words)
                for option, words in zip(detail.options, told, strict=True)
            ),
        )

    async def of_page(
        self,
        page: CatalogPage,
        reader: Reader,
        index: Index,
        device: Device,
        installed: frozenset[InstalledKey],
        app: App | None,
    ) -> CatalogPage:
        """The same of search results, for those of which anybody has something to say."""
        places = [
            place
            for place, shown in enumerate(page.items)
            if shown.id in index.requiring or not self._policies.rules.silent
        ]
        if not places:
            return page
        found = await store.sourced_of(reader, [page.items[place].id for place in places])
        items = list(page.items)
        for number, place in enumerate(places):
            if number % SLICE == SLICE - 1:
                await asyncio.sleep(0)
            if (item := found.get(items[place].id)) is not None:
                judged = judge_options(item.entry, device, installed)
                items[place] = await self._of_summary(items[place], item, judged, app)
        return replace(page, items=tuple(items))

    async def _of_summary(
        self, summary: ModelSummary, item: Sourced, judged: JudgedOptions, app: App | None
    ) -> ModelSummary:
        told = [await self.words(item, option) for option, _ in judged]
        allowed = _allowed(judged, told)
        best = best_option(allowed)
        shown, fit = shown_option(allowed or judged)
        return replace(
            summary,
            allowed=bool(allowed),
            refusal=None if allowed else await self.words(item) or told[0],
            held_back=self.held_back(item, app),
            usable_version=self._usable_version(item, app),
            best_option=None if best is None else best.id,
            size_bytes=shown.size_bytes,
            fit=fit,
        )

    async def to_choose(
        self, item: Sourced, judged: JudgedOptions, option: str | None, *, force: bool, app: App | None
    ) -> JudgedOptions:
        """The options that a download may choose from.

        Raises:
            NotAllowed: (`refused_by_policy`) the one that is asked for, or all of them.
            Conflict: (`requirement_not_met`) the entry is not for the programs here, and nobody forces it.
        """
        asked = [pair for pair in judged if option in (None, pair[0].id)]
        reasons = [await self._policies.entry_reason(item.entry, item.source, found) for found, _ in asked]
        allowed = [pair for pair, reason in zip(asked, reasons, strict=True) if reason is None]
        if asked and not allowed:
            await self._policies.refuse_option(item.entry, item.source, asked[0][0])
        self._policies.refuse_offline(f"A download of {item.entry.id}")
        if not force:
            self._refuse_held_back(item, app, "download it")
        return allowed or judged

    async def to_load(self, artifact: Artifact, app: App | None, force: bool) -> None:
        """Let it be run.

        Raises:
            NotAllowed: `refused_by_policy`.
            Conflict: (`requirement_not_met`) it is not for the programs here, and nobody forces it.
        """
        await self._policies.refuse_artifact(artifact)
        item = None if force else await self._listed_at(artifact)
        if item is not None:
            self._refuse_held_back(item, app, "load it")

    async def to_ask(self, artifact: Artifact, app: App) -> None:
        """Let a program that names itself use what is installed.

        Raises:
            Conflict: (`requirement_not_met`) it is for others.
        """
        if (item := await self._listed_at(artifact)) is None:
            return
        why = held_back(Requires(app=item.entry.requires.app), self._programs(app))
        if why is not None:
            raise Conflict(
                f"{item.entry.id}@{item.entry.version} is not for the program that asks: {why} Ask for "
                "another model.",
                code="requirement_not_met",
            )

    async def may_ask(self, artifact: Artifact, app: App | None) -> bool:
        """Whether a program may use what is installed, as far as policies and the program go."""
        if await self._policies.artifact_reason(artifact) is not None:
            return False
        try:
            if app is not None:
                await self.to_ask(artifact, app)
        except Conflict:
            return False
        return True

    async def _listed_at(self, artifact: Artifact) -> Sourced | None:
        """What the catalog says of the version that is installed, if it still does."""
        item = await self._listed(artifact.model)
        entry = None if item is None else at_version(item.entry, artifact.version)
        return None if item is None or entry is None else Sourced(entry, item.source)

    def _refuse_held_back(self, item: Sourced, app: App | None, do: str) -> None:
        if (why := self.held_back(item, app)) is not None:
            raise Conflict(
                f"{item.entry.id}@{item.entry.version} is not for the programs here: {why} Force it to {do}"
                " nonetheless.",
                code="requirement_not_met",
            )


def _allowed(judged: JudgedOptions, told: Sequence[str | None]) -> list[tuple[Option, Fit]]:
    return [pair for pair, words in zip(judged, told, strict=True) if words is None]
