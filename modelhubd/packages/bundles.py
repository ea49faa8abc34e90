"""Makes, verifies and installs bundles, each as a job."""

import asyncio
import contextlib
import errno
import os
import secrets
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from msgspec import Struct

from modelhubd.catalog.registry.refusals import NotTaken
from modelhubd.entries.bundles import (
    BadBundle,
    Bundle,
    Bundled,
    is_bundle_name,
    read_manifest,
    write_manifest,
)
from modelhubd.errors import Conflict, InvalidInput, NotAllowed
from modelhubd.library.jobs import Jobs, Progress
from modelhubd.library.service import Library
from modelhubd.packages import placing, store
from modelhubd.packages.described import entry_of
from modelhubd.packages.folder import Opened, explained, open_bundle, pieces_of
from modelhubd.packages.making import Source, make_bundle, refuse_copies
from modelhubd.packages.recovery import Install, Recovery
from modelhubd.packages.standing import Standing, of_signature
from modelhubd.storage.confined import ConfinedRoot
from modelhubd.storage.database import Database
from modelhubd.storage.room import refuse_without_room
from modelhubd.tasks import in_thread, uninterrupted
from modelhubd.trust.digests import option_digest
from modelhubd.wire.base import rfc3339
from modelhubd.wire.bundles import BundleCheck, BundleItem, BundleReport, CreateBundle, OpenBundle, Outcome
from modelhubd.wire.catalog import CatalogEntry
from modelhubd.wire.jobs import Job
from modelhubd.wire.library import Artifact, ArtifactFile, Finished
from modelhubd.wire.policy import REFUSED_BY_POLICY
from modelhubd.wire.units import human_bytes

BAD = "bad_bundle"


class Bundles(Struct, frozen=True, kw_only=True):
    """`entry` gives the catalog's entry of a model, `catalog_files` what proves the registry's catalog to a
    machine that cannot ask, `promised` how many bytes are still to come for downloads; `install` is called in
    the transaction that puts a model into the library."""

    database: Database
    jobs: Jobs
    library: Library
    recovery: Recovery
    standing: Standing
    reserve_bytes: int
    promised: Callable[[], Awaitable[int]]
    entry: Callable[[str], Awaitable[CatalogEntry | None]]
    catalog_files: Callable[[], Awaitable[dict[str, bytes]]]
    install_one: Install
    clock: Callable[[], datetime]

    @property
    def _root(self) -> ConfinedRoot:
        return self.library.root

    # What may be asked

    async def create(self, request: CreateBundle) -> Job:
        """Make a bundle of installed models in a new folder.

        Raises:
            InvalidInput: a path that is not absolute, no name for the bundle, a name that means nothing.
            NotFound, Conflict: a model is not installed, or not whole, or has no digests; something is there.
        """
        path = absolute(request.path)
        name = request.name or path.name.lower()
        if not is_bundle_name(name):
            raise InvalidInput.at("/name", "give the bundle a name of lower-case letters, digits and . _ -")
        if await asyncio.to_thread(os.path.lexists, path):
            raise Conflict(
                "There is something at that path already. Name a folder that does not exist.", code="exists"
            )
        named = [await self.library.resolve(model) for model in request.models]
        artifacts = {artifact.id: artifact for artifact in named}
        described = [(await self._described(artifact), artifact) for artifact in artifacts.values()]
        try:
            manifest = write_manifest(
                name, rfc3339(self.clock()), [(entry, artifact.option) for entry, artifact in described]
            )
        except BadBundle as error:
            raise Conflict(f"These models cannot be a bundle: {error}.", code=BAD) from None
        tuf = await self._catalog_files() if request.with_catalog else {}
        bundle = read_manifest(manifest)
        taken = {
            f"{item.folder}/{name}": Source(root=ConfinedRoot(place.parent), path=place.name)
            for item, artifact in zip(bundle.items, artifacts.values(), strict=True)
            for name, place in self.library.places(artifact).items()
        }

        async def work(progress: Progress) -> BundleReport:
            progress.expect(total_bytes=bundle.size_bytes, total_files=len(bundle.files))
            promised = await self.promised()
            may_copy = partial(
                refuse_copies, self._root, bundle.size_bytes, reserve=self.reserve_bytes, promised=promised
            )
            await self.recovery.note(path, under_way=True)
            try:
                with refusing():
                    linked = await progress.in_thread(
                        lambda: make_bundle(
                            path, bundle=bundle, manifest=manifest, taken=taken, tuf=tuf, link=request.link,
                            told=progress.add, may_copy=may_copy,
                        )
                    )  # fmt: skip
            except Conflict:
                if await self.library.storage_present():
                    raise
                raise OSError(errno.ENODEV, "the models directory went away") from None
            finally:
                await uninterrupted(self.recovery.rid_of(path))
            return report_of(bundle, linked=linked)

        return self.jobs.start(kind="bundle create", work=work, model=name, holds=f"folder {path}")

    async def verify(self, request: OpenBundle) -> Job:
        """Read all of a bundle and say what of it was checked, and how it came out.

        Raises:
            InvalidInput: a path that is not absolute.
        """
        path = absolute(request.path)

        async def work(progress: Progress) -> BundleReport:
            opened = await self._opened(path)
            bundle = opened.bundle
            checks = [_manifest(bundle), of_signature(opened, self.standing.trusted_keys, _key(request))]
            catalog, taken = await self.standing.of_catalog(opened, take=False)
            checks.append(catalog)
            checks += [await self.standing.of_item(item, taken) for item in bundle.items]
            progress.expect(total_bytes=bundle.size_bytes, total_files=len(bundle.files))
            checks.append(await progress.in_thread(lambda: _files(opened, progress)))
            return report_of(bundle, checks=checks, installed=await self.library.keys())

        return self.jobs.start(kind="bundle verify", work=work, model=path.name, holds=f"folder {path}")

    async def install(self, request: OpenBundle) -> Job:
        """Verify a bundle and put its models into the library.

        Raises:
            InvalidInput: a path that is not absolute.
        """
        path = absolute(request.path)

        async def work(progress: Progress) -> BundleReport:
            opened = await self._opened(path)
            bundle = opened.bundle
            checks = [_manifest(bundle), of_signature(opened, self.standing.trusted_keys, _key(request))]
            refuse_wrong(checks)
            catalog, _ = await self.standing.of_catalog(opened, take=True)
            checks += [catalog, *[await self.standing.of_item(item, None) for item in bundle.items]]
            refuse_wrong(checks)
            present = await self.library.keys()
            wanted = [item for item in bundle.items if item.key not in present]
            progress.expect(
                total_bytes=sum(item.size_bytes for item in wanted),
                total_files=sum(len(item.files) for item in wanted),
            )
            aside, root = secrets.token_hex(8), await in_thread(self._root.pinned)
            await self._refuse_without_room(wanted)
            try:
                for item in wanted:
                    await self._install(progress, root, aside, opened, item, last=item is wanted[-1])
            finally:
                try:
                    await in_thread(lambda: placing.clean(root, aside))
                except OSError:
                    self.recovery.install_left()
            return report_of(bundle, checks=checks, installed=await self.library.keys(), before=present)

        return self.jobs.start(kind="bundle install", work=work, model=path.name, holds=f"folder {path}")

    # How it is done

    async def _opened(self, path: Path) -> Opened:
        with refusing():
            return await in_thread(lambda: _open(path))

    async def _described(self, artifact: Artifact) -> CatalogEntry:
        return entry_of(artifact, await self.entry(artifact.model))

    async def _catalog_files(self) -> dict[str, bytes]:
        try:
            return await self.catalog_files()
        except NotTaken:
            raise Conflict(
                "There is no verified catalog of a registry to put in. Set one up ([catalog] registry_url "
                "and registry_root) and sync, or make the bundle without it.",
                code="no_catalog",
            ) from None

    async def _refuse_without_room(self, wanted: Sequence[Bundled]) -> None:
        if not wanted:
            return
        if not await self.library.storage_present():
            raise Conflict("The models directory is away. Plug its drive in.", code="storage_offline")
        size = sum(item.size_bytes for item in wanted)
        promised = await self.promised()
        free = await in_thread(self._root.free_bytes)
        refuse_without_room("These models", size, reserve=self.reserve_bytes, free=free, promised=promised)

    async def _install(
        self,
        progress: Progress,
        root: ConfinedRoot,
        aside: str,
        opened: Opened,
        item: Bundled,
        *,
        last: bool,
    ) -> None:
        at = {
            file.sha256: await self.library.installed_at(file.sha256, file.size_bytes) for file in item.files
        }
        here = {digest: path for digest, path in at.items() if path is not None}
        with refusing():
            await progress.in_thread(lambda: placing.stage(root, aside, opened, item, progress.add, here))
        finished = finished_of(item, verified_at=rfc3339(self.clock()))
        # The approval may have gone while gigabytes were copied.
        refuse_wrong([await self.standing.of_item(item, None)])
        progress.final = last
        await uninterrupted(self._place(root, aside, item, finished, opened.bundle.name))

    async def _place(
        self, root: ConfinedRoot, aside: str, item: Bundled, finished: Finished, bundle: str
    ) -> None:
        async with self.database.transaction(durable=True) as tx:
            await store.put_placing(tx, store.Placing(finished=finished, bundle=bundle))
        try:
            with refusing():
                await in_thread(lambda: placing.place(root, aside, item))
        except BaseException:
            async with self.database.transaction() as tx:
                await store.drop_placing(tx, finished.directory)
            raise
        async with self.database.transaction(durable=True) as tx:
            await self.install_one(tx, finished, bundle)
            await store.drop_placing(tx, finished.directory)


def absolute(text: str) -> Path:
    """
    Raises:
        InvalidInput: at `/path`, where it is no absolute path.
    """
    path = Path(os.path.normpath(text))
    if not path.is_absolute() or "\0" in text or path == path.parent:
        raise InvalidInput.at("/path", "not an absolute path of a folder")
    return path


def finished_of(item: Bundled, *, verified_at: str) -> Finished:
    """The item as the library takes it."""
    return Finished(
        model=item.entry.id,
        version=item.entry.version,
        option=item.option.id,
        format=item.option.format.value,
        quantization=item.option.quantization,
        digest=option_digest(item.option.files),
        directory=item.folder,
        files=tuple(
            ArtifactFile(name=file.name, role=file.role, size_bytes=file.size_bytes, sha256=file.sha256)
            for file in item.files
        ),
        verified_at=verified_at,
    )


def report_of(
    bundle: Bundle,
    *,
    checks: Sequence[BundleCheck] = (),
    installed: frozenset[tuple[str, int, str]] = frozenset(),
    before: frozenset[tuple[str, int, str]] = frozenset(),
    linked: bool = False,
) -> BundleReport:
    return BundleReport(
        name=bundle.name,
        manifest_sha256=bundle.sha256,
        size_bytes=bundle.size_bytes,
        items=tuple(
            BundleItem(
                model=item.entry.id,
                version=item.entry.version,
                option=item.option.id,
                size_bytes=item.size_bytes,
                installed=item.key in installed,
                before=item.key in before,
            )
            for item in bundle.items
        ),
        checks=tuple(checks),
        linked=linked,
    )


def refuse_wrong(checks: Sequence[BundleCheck]) -> None:
    """Raises the refusal for the first check that came out wrong."""
    for check in checks:
        if check.outcome is not Outcome.WRONG:
            continue
        if "/" not in check.what:
            code = "bad_catalog" if check.what == "catalog" else BAD
            raise Conflict(f"The bundle is refused: {check.what}: {check.detail}", code=code)
        if REFUSAL in check.detail:
            raise NotAllowed(check.detail, code=REFUSED_BY_POLICY)
        raise NotAllowed(f"{check.what} is refused: {check.detail}.", code="not_approved")


REFUSAL = " is refused by the policy "


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """What is wrong with a bundle or its folder, as a refusal."""
    try:
        yield
    except BadBundle as error:
        raise Conflict(f"The bundle is refused: {error}.", code=BAD) from error
    except FileExistsError as error:
        raise Conflict(
            f"Something is in the way at {error.filename or 'the final name'}. Move it away, or look "
            "at what it is (modelhub scan).",
            code="exists",
        ) from error


def _open(path: Path) -> Opened:
    with explained("it"):
        return open_bundle(path)


def _key(request: OpenBundle) -> bytes | None:
    return None if request.key is None else bytes.fromhex(request.key)


def _manifest(bundle: Bundle) -> BundleCheck:
    detail = (
        f"models: {len(bundle.items)}, files: {len(bundle.files)}, {human_bytes(bundle.size_bytes)}; its own "
        f"SHA-256 is {bundle.sha256}"
    )
    return BundleCheck(what="manifest", outcome=Outcome.GOOD, detail=detail)


def _files(opened: Opened, progress: Progress) -> BundleCheck:
    """Reads every file."""
    for file in opened.bundle.files:
        try:
            with explained("it"):
                for piece in pieces_of(opened.root, file.path, file):
                    progress.add(len(piece))
        except BadBundle as error:
            return BundleCheck(what="files", outcome=Outcome.WRONG, detail=str(error))
        progress.add(0, 1)
    detail = f"{len(opened.bundle.files)} read whole; each has the size and SHA-256 of the manifest"
    return BundleCheck(what="files", outcome=Outcome.GOOD, detail=detail)
