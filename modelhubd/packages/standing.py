"""What can be said of a bundle on this machine: its signature, its catalog, and each of its models."""

import os
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Protocol

from msgspec import Struct

from modelhubd.catalog.registry.carried import Carried, Taken, read_carried
from modelhubd.catalog.registry.refusals import NotTaken
from modelhubd.entries.bundles import BadBundle, Bundled
from modelhubd.entries.older import at_version
from modelhubd.packages.folder import Opened, read_small
from modelhubd.tasks import in_thread
from modelhubd.trust.bundle_statements import UNKNOWN_KEY, fault_in_bundle_signature
from modelhubd.trust.digests import option_digest
from modelhubd.trust.signing import key_id
from modelhubd.wire.bundles import TUF, BundleCheck, Outcome
from modelhubd.wire.catalog import CatalogEntry

CATALOG = "catalog"
SIGNATURE = "signature"
Words = Callable[[str, int, str, str | None], Awaitable[str | None]]


class Registry(Protocol):
    """What is asked of the organisation's registry."""

    @property
    def configured(self) -> bool: ...
    @property
    def in_use(self) -> str | None:
        """The revision of the verified snapshot; None until the first."""
        ...

    async def judge(self, carried: Carried) -> Taken | None: ...
    async def take(self, carried: Carried) -> bool: ...


class Standing(Struct, frozen=True, kw_only=True):
    """`served` gives the entry that the registry's snapshot holds of a model, `vouched` the digest that it
    served for an older version's option, `words` why a policy refuses a model."""

    registry: Registry
    served: Callable[[str], Awaitable[CatalogEntry | None]]
    vouched: Callable[[str, int, str], Awaitable[str | None]]
    words: Words
    trusted_keys: Collection[bytes] = ()

    async def of_catalog(self, opened: Opened, *, take: bool) -> tuple[BundleCheck, Taken | None]:
        """What the signed catalog in the bundle comes to; with `take` it is in use from then on if it is
        newer. Without, what it would bring is answered too."""
        if not self.registry.configured:
            return _unchecked(
                "no registry is set on this machine, so no catalog vouches for the models"
            ), None
        in_use = self.registry.in_use
        if not opened.tuf:
            return self._without(in_use), None
        try:
            carried = await in_thread(lambda: _carried(opened))
            taken = None if take else await self.registry.judge(carried)
            newer = await self.registry.take(carried) if take else taken is not None
        except NotTaken as refused:
            if refused.code == "rolled_back" and in_use is not None:
                return _unchecked(f"older than the one of revision {in_use} in use here, which counts"), None
            return _wrong(CATALOG, refused.detail), None
        except (BadBundle, OSError) as error:
            return _wrong(CATALOG, f"it cannot be read: {error}"), None
        if not newer:
            return _good(
                CATALOG, f"vouched for by the trusted root; revision {in_use} in use is no older"
            ), None
        now = self.registry.in_use if taken is None else str(taken.document.head.catalog.revision)
        return _good(
            CATALOG, f"revision {now}, vouched for by the trusted root and newer than any seen"
        ), taken

    async def of_item(self, item: Bundled, taken: Taken | None) -> BundleCheck:
        """Whether the registry approves of the item, and policies allow it. `taken` is a catalog that would
        be in use if the bundle were installed."""
        digest = option_digest(item.option.files)
        if self.registry.configured and (fault := await self._fault(item, digest, taken)) is not None:
            return _wrong(item.reference, fault)
        if taken is not None:
            return _good(item.reference, "approved by the bundle's catalog; policies are asked at install")
        words = await self.words(item.entry.id, item.entry.version, item.option.id, digest)
        if words is not None:
            return BundleCheck(what=item.reference, outcome=Outcome.WRONG, detail=words)
        by = (
            "in the registry's signed catalog" if self.registry.configured else "allowed by the policies here"
        )
        return _good(item.reference, f"{by}, SHA-256 {(digest or '')[:12]}…")

    async def _fault(self, item: Bundled, digest: str | None, taken: Taken | None) -> str | None:
        model, version, option = item.key
        if taken is None:
            served = await self.served(model)
        else:
            served = next((entry for entry in taken.document.entries if entry.id == model), None)
        if (served := at_version(served, version)) is not None:
            found = next((known for known in served.options if known.id == option), None)
            if found is None:
                return "the registry's signed catalog has no such option"
            if option_digest(found.files) != digest:
                return "the registry's signed catalog promises other files under this name"
            return None
        if digest is not None and await self.vouched(model, version, option) == digest:
            return None
        return "the registry's signed catalog does not list it"

    def _without(self, in_use: str | None) -> BundleCheck:
        if in_use is not None:
            return _unchecked(f"the bundle has none; revision {in_use} in use here counts")
        return _wrong(
            CATALOG,
            "neither the bundle nor this machine has the registry's signed catalog. Make the bundle with it "
            "(modelhub bundle create --with-catalog), or let this machine reach the registry once.",
        )


def of_signature(opened: Opened, trusted: Iterable[bytes], demanded: bytes | None) -> BundleCheck:
    """Whether a key that is known here has signed the manifest; with `demanded` it must be that one."""
    if opened.envelope is None:
        if demanded is not None:
            return _wrong(SIGNATURE, "it is not signed, and must be")
        return BundleCheck(what=SIGNATURE, outcome=Outcome.UNCHECKED, detail="it is not signed")
    keys = list(trusted) if demanded is None else [demanded]
    fault = fault_in_bundle_signature(
        opened.envelope, name=opened.bundle.name, manifest_sha256=opened.bundle.sha256, keys=keys
    )
    if fault is None:
        known = {key_id(key) for key in keys}
        by = next(found.keyid for found in opened.envelope.signatures if found.keyid in known)
        return _good(SIGNATURE, f"by the key {by[:12]}…")
    if fault == UNKNOWN_KEY and demanded is None:
        return BundleCheck(what=SIGNATURE, outcome=Outcome.UNCHECKED, detail=fault)
    return _wrong(SIGNATURE, fault)


def _carried(opened: Opened) -> Carried:
    return read_carried(list(opened.tuf), lambda name, most: read_small(opened.root, f"{TUF}/{name}", most))


def me() -> int:
    """The user whose files count as safe."""
    return os.geteuid()


def _good(what: str, detail: str) -> BundleCheck:
    return BundleCheck(what=what, outcome=Outcome.GOOD, detail=detail)


def _wrong(what: str, detail: str) -> BundleCheck:
    return BundleCheck(what=what, outcome=Outcome.WRONG, detail=detail)


def _unchecked(detail: str) -> BundleCheck:
    return BundleCheck(what=CATALOG, outcome=Outcome.UNCHECKED, detail=detail)
