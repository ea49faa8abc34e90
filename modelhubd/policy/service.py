"""The policies in force: who sets them, how they are changed, and what they make of models."""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Protocol

import msgspec

from modelhubd.entries.content import content_sha256, notes_of
from modelhubd.entries.older import at_version
from modelhubd.errors import Conflict, NotAllowed, PreconditionFailed
from modelhubd.events import Bus
from modelhubd.policy import store
from modelhubd.policy.decision import REGISTRY, Facts, Reason, Vouched, direct, offline, refusal
from modelhubd.policy.layers import KEYS, Layers, full, in_force, remedy, who
from modelhubd.storage.database import Database
from modelhubd.trust.digests import option_digest
from modelhubd.trust.statements import fault_in_signature
from modelhubd.wire.catalog import CatalogEntry, Option
from modelhubd.wire.library import Artifact
from modelhubd.wire.policy import REFUSED_BY_POLICY, ChangePolicy, Policy
from modelhubd.wire.problem import FieldError
from modelhubd.wire.registry import PublisherKey, Tombstone
from modelhubd.wire.status import ConfigValue

log = logging.getLogger(__name__)
KEPT_MAX = 20_000
_UNKNOWN = Reason(policy=None, detail="")


class Listed(Protocol):
    """An entry of the catalog, and where it comes from."""

    @property
    def entry(self) -> CatalogEntry: ...
    @property
    def source(self) -> str: ...


class Policies:
    """Holds the policies. `rules` are those in force; use `load` once.

    `listed` gives the catalog's entry of a model id, `publisher_keys` the keys that the registry pins for a
    publisher, `tombstones` what is left of models that it has withdrawn. Each of `on_change` is awaited when
    the policies have changed.
    """

    def __init__(
        self,
        database: Database,
        bus: Bus,
        layers: Layers,
        *,
        listed: Callable[[str], Awaitable[Listed | None]],
        publisher_keys: Callable[[str], tuple[PublisherKey, ...]],
        tombstones: Callable[[], tuple[Tombstone, ...]],
    ) -> None:
        self._database = database
        self._bus = bus
        self._layers = layers
        self._listed = listed
        self._publisher_keys = publisher_keys
        self._tombstones = tombstones
        self._buried: tuple[tuple[Tombstone, ...], dict[str, str]] = ((), {})
        self._saved: dict[str, Any] = {}
        self._changing = asyncio.Lock()
        self._signatures: dict[tuple[str, int], str | None] = {}
        self._served: dict[str, Reason | None] = {}
        self._generation = 0
        """Of what verdicts are made from: one that was begun before a change is not kept."""
        self.on_change: list[Callable[[], Awaitable[None]]] = []
        self.rules, self._policy = in_force(layers, {})

    async def load(self) -> None:
        """Take up what was saved before; what cannot be is ignored."""
        saved = await store.saved(self._database.reader, [full(key) for key in KEYS])
        for key in KEYS:
            if full(key) not in saved:
                continue
            try:
                found = getattr(msgspec.convert({key: saved[full(key)]}, ChangePolicy), key)
            except msgspec.ValidationError as error:
                log.warning("the saved policy %s is ignored: %s", key, error)
            else:
                self._saved[key] = found
        self._put_in_force(self._saved)

    # What is in force

    def show(self) -> Policy:
        return self._policy

    @property
    def revision(self) -> str:
        """Of what `show` answers: its ETag without the quotes."""
        return hashlib.sha256(msgspec.json.encode(self._policy)).hexdigest()[:16]

    @property
    def offline(self) -> bool:
        """Whether nothing may be asked of anybody outside this machine."""
        return self.rules.offline

    @property
    def reports_installs(self) -> bool:
        """Whether an install may be counted at the registry now."""
        return self.rules.report_installs and not self.rules.offline

    def described(self) -> dict[str, ConfigValue]:
        """`policy.<key>` → value, source, lock, for `GET /config`."""
        return {
            full(key): ConfigValue(value=found.value, source=found.source, locked=found.locked)
            for key in KEYS
            for found in (getattr(self._policy, key),)
        }

    async def change(self, request: ChangePolicy, expected: Collection[str] | None) -> Policy:
        """Change what the request names, at once in force and kept; null leaves it to the layer below.
        `expected` names the revisions that may be changed; None is any.

        Raises:
            NotAllowed: `policy_locked`: the administrator has locked one of them; nothing is changed.
            Conflict: `decided_elsewhere`: the command line or the environment decides one of them.
            PreconditionFailed: somebody else has changed them.
        """
        asked = {key: value for key in KEYS if (value := getattr(request, key)) is not msgspec.UNSET}
        async with self._changing:
            if expected is not None and self.revision not in expected:
                raise PreconditionFailed(
                    "The policies are not as you have seen them. Somebody has changed them: read them again."
                )
            self._refuse_fixed(asked)
            before = self._policy
            kept = {key: value for key, value in (self._saved | asked).items() if value is not None}
            async with self._database.transaction(durable=True) as tx:
                await store.save(tx, {full(key): value for key, value in asked.items()})
                tx.after_commit(lambda: self._put_in_force(kept))
            if self._policy != before:
                await self._tell()
            return self._policy

    def _refuse_fixed(self, asked: Mapping[str, Any]) -> None:
        locked = [key for key in asked if self._layers.is_locked(key)]
        if fixed := locked or [key for key in asked if self._layers.fixed(key)]:
            key, by = fixed[0], f"{who(self._policy, fixed[0])}. {remedy(self._policy, fixed[0])}"
            errors = tuple(FieldError(pointer=f"/{name}", detail=who(self._policy, name)) for name in fixed)
            text = f"The policy {key} cannot be changed here: it is {by}"
            if locked:
                raise NotAllowed(text, code="policy_locked", errors=errors)
            raise Conflict(text, code="decided_elsewhere", errors=errors)

    def _put_in_force(self, saved: dict[str, Any]) -> None:
        before, self._saved = self._policy, saved
        self.rules, self._policy = in_force(self._layers, saved)
        self.forget()
        if self._policy != before:
            self._bus.publish("policy.changed", "policy", self._policy)

    async def _tell(self) -> None:
        for react in self.on_change:
            try:
                await react()
            except Exception:
                log.exception("not every part could take up the changed policies")

    # What they make of models

    def forget(self) -> None:
        """The catalog, its keys or what is installed has changed: judge everything anew."""
        self._generation += 1
        self._signatures.clear()
        self._served.clear()

    async def entry_reason(
        self, entry: CatalogEntry, source: str, option: Option | None = None
    ) -> Reason | None:
        """Why this entry, or this option of it, may not be used; None where it may."""
        return refusal(
            self.rules,
            Facts(
                model=entry.id,
                source=source,
                verified=entry.verified,
                has_digests=option is None or option.has_digests,
                signature_fault=await self._signature_fault(entry),
                withdrawn=self._withdrawn(entry.id),
            ),
        )

    async def model_reason(self, model: str) -> Reason | None:
        """The same of the catalog's entry of a model, if there is one."""
        found = await self._listed(model)
        if found is not None:
            return await self.entry_reason(found.entry, found.source)
        return refusal(self.rules, Facts(model=model, source=None, withdrawn=self._withdrawn(model)))

    async def artifact_reason(self, artifact: Artifact) -> Reason | None:
        """Why what is installed may not be run; None where it may."""
        checked = artifact.verified_at is not None
        key = (artifact.model, artifact.version, artifact.option)
        return await self._reason_of(key, artifact.digest, checked=checked)

    async def download_words(self, model: str, version: int, option: str, digest: str | None) -> str | None:
        """Why what is being downloaded may not be; `digest` is what its files promise. What the registry says
        of it is kept, for the time when it serves a newer version."""
        found = await self._listed(model)
        served = at_version(found.entry, version) if found is not None and found.source == REGISTRY else None
        if served is not None:
            await self._keep(served)
        reason = await self._reason_of((model, version, option), digest, checked=True)
        return None if reason is None else self.words(f"{model}@{version}:{option}", reason)

    async def served_before(self, digest: str) -> tuple[str, int, str] | None:
        """(model, version, option) that was served under this digest, of those that were downloaded."""
        return await store.by_digest(self._database.reader, digest)

    async def refuse_import(self, entry: CatalogEntry, source: str, option: Option) -> None:
        """Let what was found elsewhere into the library. Raises NotAllowed (`refused_by_policy`)."""
        if source in ("own", "local"):
            await self.refuse_option(entry, "local", option)
            return
        digest = option_digest(option.files)
        words = await self.download_words(entry.id, entry.version, option.id, digest)
        if words is not None:
            raise NotAllowed(words, code=REFUSED_BY_POLICY)

    async def _keep(self, entry: CatalogEntry) -> None:
        if await store.vouched(self._database.reader, entry.id, entry.version) is None:
            vouched = await asyncio.to_thread(_vouched_of, entry)
            async with self._database.transaction() as tx:
                await store.keep_vouched(tx, entry.id, entry.version, vouched)

    async def _reason_of(
        self, key: tuple[str, int, str], digest: str | None, *, checked: bool
    ) -> Reason | None:
        model, version, option = key
        found = await self._listed(model)
        served = None if found is None else at_version(found.entry, version)
        kept = await store.vouched(self._database.reader, model, version) if served is None else None
        if served is not None:
            digests: Mapping[str, str | None] | None = _digests(served)
        else:
            digests = None if kept is None else kept.digests
        return refusal(
            self.rules,
            Facts(
                model=model,
                source=None if found is None else found.source,
                verified=found is not None and found.entry.verified,
                has_digests=checked and digest is not None,
                vouched=_vouched_for(digests, option, digest, checked=checked),
                signature_fault=(
                    await self._signature_fault(served)
                    if served is not None
                    else await self._kept_signature_fault(model, version, kept)
                ),
                withdrawn=self._withdrawn(model),
            ),
        )

    async def refuse_artifact(self, artifact: Artifact) -> None:
        """Raises NotAllowed (`refused_by_policy`) where it may not be run."""
        if (reason := await self.artifact_reason(artifact)) is not None:
            raise self.problem(_named(artifact), reason)

    async def refuse_served(self, library_id: str, artifact: Callable[[str], Awaitable[Artifact]]) -> None:
        """The same for what runs already, told at once from what was found before. Raises NotAllowed."""
        if self._served.get(library_id, _UNKNOWN) is None:
            return
        generation, found = self._generation, await artifact(library_id)
        reason = await self.artifact_reason(found)
        if generation == self._generation:
            self._served[library_id] = reason
        if reason is not None:
            raise self.problem(_named(found), reason)

    async def refuse_option(self, entry: CatalogEntry, source: str, option: Option) -> None:
        """Raises NotAllowed (`refused_by_policy`) where this option may not be downloaded."""
        reason = await self.entry_reason(entry, source, option)
        if reason is not None:
            raise self.problem(f"{entry.id}@{entry.version}:{option.id}", reason)

    def refuse_offline(self, what: str) -> None:
        """Raises NotAllowed (`refused_by_policy`) for `what` while nothing may be fetched."""
        if (reason := offline(self.rules)) is not None:
            raise self.problem(what, reason)

    def refuse_direct(self, what: str) -> None:
        """Raises NotAllowed (`refused_by_policy`) for an address of one's own where none may be named."""
        if (reason := direct(self.rules)) is not None:
            raise self.problem(what, reason)

    def problem(self, what: str, reason: Reason) -> NotAllowed:
        """The refusal that says which policy it is, who has set it and what can be done."""
        return NotAllowed(self.words(what, reason), code=REFUSED_BY_POLICY)

    def words(self, what: str, reason: Reason) -> str:
        if reason.policy is None:
            return f"{what} may not be used: {reason.detail} Choose another model."
        by, step = who(self._policy, reason.policy), remedy(self._policy, reason.policy)
        return f"{what} is refused by the policy {reason.policy} ({by}): {reason.detail}. {step}"

    async def vouched_digest(self, model: str, version: int, option: str) -> str | None:
        """Of the files that the registry served as this version's option, as far as that was kept."""
        kept = await store.vouched(self._database.reader, model, version)
        return None if kept is None else kept.digests.get(option)

    def _withdrawn(self, model: str) -> str | None:
        present = self._tombstones()
        if present is not self._buried[0]:
            self._buried = (present, {stone.id: stone.reason for stone in present})
        return self._buried[1].get(model)

    async def _kept_signature_fault(self, model: str, version: int, kept: store.Vouched | None) -> str | None:
        """Of a version that is not served any more: by what was kept of it, and the keys of now."""
        if not self.rules.require_signature:
            return None
        if kept is None:
            return f"the catalog does not serve version {version}, so there is none. Update it"
        return await asyncio.to_thread(_fault, model, kept, self._keys_of(model))

    def _keys_of(self, model: str) -> tuple[PublisherKey, ...]:
        return self._publisher_keys(model.partition("/")[0])

    async def _signature_fault(self, entry: CatalogEntry) -> str | None:
        """Why its publisher's signature is none; computed once as long as the catalog stays as it is."""
        if not self.rules.require_signature:
            return None
        key = (entry.id, entry.version)
        if key in self._signatures:
            return self._signatures[key]
        generation = self._generation
        fault = await asyncio.to_thread(_fault_in, entry, self._keys_of(entry.id))
        if len(self._signatures) >= KEPT_MAX:
            self._signatures.clear()
        if generation == self._generation:
            self._signatures[key] = fault
        return fault


def _named(artifact: Artifact) -> str:
    return f"{artifact.model}@{artifact.version}:{artifact.option}"


def _vouched_of(entry: CatalogEntry) -> store.Vouched:
    return store.Vouched(
        content_sha256=content_sha256(entry, notes_of(entry)),
        envelopes=entry.envelopes,
        digests=_digests(entry),
    )


def _digests(entry: CatalogEntry) -> dict[str, str | None]:
    return {option.id: option_digest(option.files) for option in entry.options}


def _vouched_for(
    digests: Mapping[str, str | None] | None, option: str, digest: str | None, *, checked: bool
) -> Vouched:
    """Whether files of this digest are this option; `checked` says that they were read and compared."""
    if digests is None:
        return Vouched.UNKNOWN
    if option not in digests or digests[option] != digest:
        return Vouched.OTHER
    return Vouched.FOR if checked or digest is None else Vouched.UNKNOWN


def _fault_in(entry: CatalogEntry, keys: tuple[PublisherKey, ...]) -> str | None:
    return _fault(entry.id, _vouched_of(entry), keys)


def _fault(model: str, vouched: store.Vouched, keys: tuple[PublisherKey, ...]) -> str | None:
    return fault_in_signature(
        vouched.envelopes,
        model=model,
        publisher=model.partition("/")[0],
        content_sha256=vouched.content_sha256,
        keys=keys,
    )
