"""What others may ask of the disk's space."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from modelhubd.downloads.service import Downloads
from modelhubd.errors import Conflict, Refused
from modelhubd.library.service import Library
from modelhubd.llama.service import Servers
from modelhubd.space import measuring
from modelhubd.space.accounting import Seen, by_model, costs, superseded, to_prune
from modelhubd.tasks import in_thread
from modelhubd.wire.library import Artifact
from modelhubd.wire.space import KeptItem, Prune, Pruned, Usage, UsageItem, UsageKind

STAGING = ".staging/"


class Space:
    """`caches` are the daemon's own folders and files, by what they are called; `logs` is the folder of the
    servers' logs. `updated` maps what was updated to what came in its place."""

    def __init__(
        self,
        *,
        library: Library,
        downloads: Downloads,
        servers: Servers,
        updated: Callable[[], Awaitable[Mapping[str, str]]],
        caches: Mapping[str, Path],
        logs: Path,
        reserve_bytes: int,
    ) -> None:
        self._library = library
        self._downloads = downloads
        self._servers = servers
        self._updated = updated
        self._caches = caches
        self._logs = logs
        self._reserve_bytes = reserve_bytes
        self._one = asyncio.Lock()

    async def usage(self) -> Usage:
        """What each version, partial download, leftover and cache costs; bytes under several names once."""
        root = self._library.root
        items: list[UsageItem] = []
        with contextlib.suppress(OSError):
            files = await in_thread(lambda: measuring.everything(root))
            items += await self._in_models_directory(files)
        items += await self._of_caches()
        disk = await in_thread(lambda: measuring.disk_of(root))
        return Usage(
            items=tuple(items),
            models=by_model(items),
            disk_bytes=sum(item.disk_bytes for item in items),
            shared_bytes=sum(item.shared_bytes for item in items),
            prunable_bytes=sum(item.disk_bytes for item in items if item.prunable),
            free_bytes=None if disk is None else disk[0],
            disk_total_bytes=None if disk is None else disk[1],
            reserve_bytes=self._reserve_bytes,
        )

    async def prune(self, request: Prune) -> Pruned:
        """Give back what nobody needs: old versions beyond those to keep, leftovers, logs of ended servers.

        Raises:
            Conflict: (`storage_offline`) the models directory is away.
        """
        async with self._one:
            if not await self._library.storage_present():
                raise Conflict(
                    "The models directory is away: nothing can be given back. Plug its drive in.",
                    code="storage_offline",
                )
            usage = await self.usage()
            artifacts, updated = await self._library.all(), await self._updated()
            old = {one.id for one in to_prune(artifacts, request.keep_old, updated)}
            wanted = [
                item
                for item in usage.items
                if (request.old_versions and item.library_id in old)
                or (request.leftovers and item.kind is UsageKind.LEFTOVER)
                or (request.caches and item.kind is UsageKind.CACHE and item.prunable)
            ]
            kept: list[KeptItem] = []
            gone = list(wanted)
            if not request.dry_run:
                gone = [item for item in wanted if await self._removed(item, kept)]
            return Pruned(
                items=tuple(gone),
                freed_bytes=sum(item.disk_bytes for item in gone),
                kept=tuple(kept),
                dry_run=request.dry_run,
            )

    async def _removed(self, item: UsageItem, kept: list[KeptItem]) -> bool:
        try:
            if item.library_id is not None:
                await self._library.remove(item.library_id)
            elif item.kind is UsageKind.LEFTOVER:
                answer = await self._downloads.leftovers.remove([item.name])
                kept += [KeptItem(name=one.name, reason=one.reason) for one in answer.kept]
                return not answer.kept
            else:
                await in_thread(self._remove_logs)
        except Refused as refusal:
            kept.append(KeptItem(name=item.name, reason=refusal.detail))
            return False
        return True

    async def _in_models_directory(self, files: Sequence[Seen]) -> list[UsageItem]:
        paths = await self._library.paths()
        by_path = {file.path: file for file in files}
        artifacts, updated = await self._library.all(), await self._updated()
        old = {one.id for one in superseded(artifacts, updated)}
        prunable = {one.id for one in to_prune(artifacts, Prune().keep_old, updated)}
        ordered = sorted(artifacts, key=lambda one: (one.model, not one.active, -one.version, one.option))
        elsewhere = [path for one in ordered for path in paths.get(one.id, ()) if path.startswith("/")]
        by_path |= {file.path: file for file in await in_thread(lambda: measuring.outside(elsewhere))}
        owned = {one.id: _those(by_path, paths.get(one.id, ())) for one in ordered}
        mine = {path for some in paths.values() for path in some}
        staged = _staged([file for file in files if file.path.startswith(STAGING)])
        rest = [file for file in files if file.path not in mine and not file.path.startswith(STAGING)]
        found = costs(owned | staged | {file.path: [file] for file in rest})
        downloads = {row.id: row for row in await self._downloads.stored(list(staged))}
        leftovers = await self._leftovers()
        items = [
            UsageItem(
                kind=UsageKind.ARTIFACT,
                name=_name(one),
                library_id=one.id,
                model=one.model,
                version=one.version,
                option=one.option,
                active=one.active,
                old=one.id in old,
                loaded_by=one.loaded_by,
                prunable=one.id in prunable,
                size_bytes=found[one.id].size_bytes,
                disk_bytes=found[one.id].disk_bytes,
                shared_bytes=found[one.id].shared_bytes,
            )
            for one in ordered
        ]
        for name in staged:
            row = downloads.get(name)
            left = row is None or name in leftovers
            items.append(
                UsageItem(
                    kind=UsageKind.LEFTOVER if left else UsageKind.PARTIAL,
                    name=name if left or row is None else f"{row.model}@{row.version}:{row.option}",
                    model=None if left or row is None else row.model,
                    version=None if left or row is None else row.version,
                    option=None if left or row is None else row.option,
                    download=None if left else name,
                    prunable=left,
                    size_bytes=found[name].size_bytes,
                    disk_bytes=found[name].disk_bytes,
                    shared_bytes=found[name].shared_bytes,
                )
            )
        items += [
            UsageItem(
                kind=UsageKind.UNKNOWN,
                name=file.path,
                size_bytes=file.size_bytes,
                disk_bytes=found[file.path].disk_bytes,
                shared_bytes=found[file.path].shared_bytes,
            )
            for file in rest
            if file.size_bytes
        ]
        return items

    async def _leftovers(self) -> frozenset[str]:
        try:
            return frozenset(item.name for item in (await self._downloads.leftovers.find()).items)
        except Conflict:
            return frozenset()

    async def _of_caches(self) -> list[UsageItem]:
        folders = await in_thread(
            lambda: {name: measuring.beneath(path) for name, path in self._caches.items()}
        )
        logs = await in_thread(lambda: measuring.beneath(self._logs))
        in_use = self._in_use()
        ended = [file for file in logs if file.path.partition(".")[0] not in in_use]
        folders["logs of ended servers"] = ended
        folders["logs of servers"] = [file for file in logs if file not in ended]
        return [
            UsageItem(
                kind=UsageKind.CACHE,
                name=name,
                size_bytes=cost.size_bytes,
                disk_bytes=cost.disk_bytes,
                prunable=name == "logs of ended servers",
            )
            for name, cost in costs(folders).items()
            if cost.size_bytes
        ]

    def _in_use(self) -> frozenset[str]:
        return frozenset(server.id for server in self._servers.known())

    def _remove_logs(self) -> None:
        in_use = self._in_use()
        for path in self._logs.glob("*.log*"):
            if path.name.partition(".")[0] not in in_use:
                path.unlink(missing_ok=True)


def _those(files: Mapping[str, Seen], paths: Sequence[str]) -> list[Seen]:
    return [files[path] for path in paths if path in files]


def _staged(files: Sequence[Seen]) -> dict[str, list[Seen]]:
    """By the name in the staging folder."""
    found: dict[str, list[Seen]] = {}
    for file in files:
        found.setdefault(file.path.removeprefix(STAGING).partition("/")[0], []).append(file)
    return found


def _name(artifact: Artifact) -> str:
    return f"{artifact.model}@{artifact.version}:{artifact.option}"
