"""Gathers what the decision needs, and what it comes to."""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from modelhubd.catalog.merge import Sourced
from modelhubd.catalog.service import Catalog
from modelhubd.catalog.verdicts import judge_options
from modelhubd.downloads.service import Downloads
from modelhubd.entries.older import newest_usable
from modelhubd.entries.requirements import Programs, unmet
from modelhubd.library.service import Library
from modelhubd.policy.decision import Reason
from modelhubd.policy.service import Policies
from modelhubd.storage.database import Database
from modelhubd.updates import store
from modelhubd.updates.decision import CONSIDERED, Facts, Plan, updates_of
from modelhubd.wire.catalog import CatalogEntry
from modelhubd.wire.device import Device
from modelhubd.wire.library import Artifact, ArtifactState
from modelhubd.wire.policy import App
from modelhubd.wire.updates import HeldBack, Update, UpdateError


class Seen(Struct, frozen=True, kw_only=True):
    """Everything as of one look."""

    updates: tuple[Update, ...]
    """By model."""
    artifacts: Mapping[str, Artifact]
    """By library id."""
    entries: Mapping[str, Sourced]
    """By model."""
    plans: Sequence[Plan]


class Looking:
    """`programs` are the versions of what would use an entry, for the program that asks."""

    def __init__(
        self,
        database: Database,
        *,
        library: Library,
        catalog: Catalog,
        downloads: Callable[[], Downloads],
        policies: Policies,
        device: Callable[[], Device],
        programs: Callable[[App | None], Programs],
    ) -> None:
        self._database = database
        self._library = library
        self._catalog = catalog
        self._downloads = downloads
        self._policies = policies
        self._device = device
        self._programs = programs

    async def look(self, app: App | None = None) -> Seen:
        """What is newer than what is installed, for the program that asks."""
        reader = self._database.reader
        by_model: dict[str, list[Artifact]] = {}
        artifacts = await self._library.all()
        for artifact in artifacts:
            by_model.setdefault(artifact.model, []).append(artifact)
        entries = await self._catalog.listed_of(list(by_model))
        kept, plans = await store.kept(reader), await store.all_plans(reader)
        under_way = await self._downloads().listing.under_way()
        digests = _digests(artifacts)
        found: list[Update] = []
        for model in sorted(by_model):
            downloads = {
                (version, option): number
                for (one, version, option), number in under_way.items()
                if one == model
            }
            facts = Facts(
                artifacts=by_model[model],
                entry=None,
                held_options={},
                kept=kept.get(model, {}),
                plans=[plan for plan in plans if plan.model == model],
                downloads=downloads,
                digests=digests,
            )
            if (item := entries.get(model)) is not None:
                facts = await self._with_entry(facts, item, app)
            found += updates_of(facts)
        return Seen(
            updates=await self._with_faults(found, plans),
            artifacts={artifact.id: artifact for artifact in artifacts},
            entries=entries,
            plans=plans,
        )

    async def _with_entry(self, facts: Facts, item: Sourced, app: App | None) -> Facts:
        entry = item.entry
        if all(artifact.version >= entry.version for artifact in facts.artifacts):
            return replace(facts, entry=entry)  # nothing is newer: the rest would say so too
        programs = self._programs(app)
        usable = newest_usable(entry, programs)
        newest = max((one.version for one in facts.artifacts if one.state in CONSIDERED), default=0)
        if usable is not None and newest < usable.version < entry.version:
            facts = replace(
                facts, newer_version=entry.version, newer_held_back=_requirements(entry, programs)
            )
            entry = usable
        judged = judge_options(entry, self._device(), frozenset())
        refused: dict[str, HeldBack] = {}
        for option, _ in judged:
            if (reason := await self._policies.entry_reason(entry, item.source, option)) is not None:
                refused[option.id] = self._by_policy(f"{entry.id}@{entry.version}:{option.id}", reason)
        return replace(
            facts,
            entry=entry,
            judged=judged,
            held_back=_requirements(entry, programs),
            held_options=refused,
        )

    def _by_policy(self, what: str, reason: Reason) -> HeldBack:
        if reason.policy is None:
            return HeldBack(code="withdrawn", by="registry", detail=self._policies.words(what, reason))
        source = getattr(self._policies.show(), reason.policy).source
        detail = self._policies.words(what, reason)
        return HeldBack(code="policy", by=reason.policy, source=source, detail=detail)

    async def _with_faults(self, updates: Sequence[Update], plans: Sequence[Plan]) -> tuple[Update, ...]:
        """Those whose download has failed say why."""
        by_place = {(plan.model, plan.to_version, plan.to_option): plan for plan in plans}
        asked = {
            update.id: plan.download
            for update in updates
            if update.option is not None
            and (plan := by_place.get((update.model, update.version, update.option))) is not None
            and plan.download is not None
        }
        rows = {row.id: row for row in await self._downloads().listing.stored(sorted(set(asked.values())))}
        told = []
        for update in updates:
            row = rows.get(asked.get(update.id, ""))
            if row is not None and row.error_code is not None and update.new_id is None:
                error = UpdateError(code=row.error_code, detail=row.error_detail or "")
                update = replace(update, error=error)
            told.append(update)
        return tuple(told)


def _digests(artifacts: Sequence[Artifact]) -> frozenset[str]:
    return frozenset(
        file.sha256
        for artifact in artifacts
        if artifact.state is ArtifactState.OK and artifact.verified_at is not None
        for file in artifact.files
        if file.sha256 is not None
    )


def _requirements(entry: CatalogEntry, programs: Programs) -> tuple[HeldBack, ...]:
    return tuple(
        HeldBack(code="app_pin" if one.is_app else one.program, by=one.program, detail=one.detail)
        for one in unmet(entry.requires, programs)
    )
