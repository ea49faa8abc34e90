"""The TUF client workflow against a registry, and the same check of what was kept, without a network.

Everything here blocks and belongs into a thread. python-tuf and the cryptography below it are imported in the
functions: whoever has no registry never waits for them.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec

from modelhubd.catalog.registry.document import PACKED_MAX, TARGET
from modelhubd.catalog.registry.fetching import Fetching
from modelhubd.catalog.registry.refusals import (
    ROOT,
    SNAPSHOT,
    TARGETS,
    TIMESTAMP,
    NotTaken,
    of_repository,
    of_status,
)
from modelhubd.catalog.registry.refusals import TARGET as THE_TARGET
from modelhubd.places import private_dir

if TYPE_CHECKING:
    from tuf.api.metadata import Root

ROOT_MAX = 512 * 1024
METADATA_MAX = 2 * 1024 * 1024
TIMESTAMP_MAX = 16 * 1024
ROTATIONS_MAX = 64
AUDIT_KEY = "x-modelhub-audit-key"
"""Field of the root."""
ROLES = (TIMESTAMP, SNAPSHOT, TARGETS)


class Signatures(msgspec.Struct, frozen=True, kw_only=True):
    """The metadata that vouches for one target: the roots after the trusted one, and the rest."""

    roots: tuple[bytes, ...] = ()
    timestamp: bytes
    snapshot: bytes
    targets: bytes


class Refreshed(msgspec.Struct, frozen=True, kw_only=True):
    """What a registry offers, verified. `target` is None where it is the one that is kept already."""

    signatures: Signatures
    target: bytes | None
    sha256: str
    expires_at: datetime
    root_version: int
    audit_key: str | None = None
    """The public key (hex) that the root names for the audit log, if it names one."""
    told_at: datetime | None = None
    """The registry's clock."""


def trusted_root(path: str) -> bytes:
    """The root to begin with.

    Raises:
        NotTaken: none is set, or the file is none that vouches for itself.
    """
    if not path:
        raise NotTaken("no_root")
    from tuf.api.exceptions import RepositoryError
    from tuf.api.metadata import Metadata, Root

    try:
        with Path(path).expanduser().open("rb") as file:
            data = file.read(ROOT_MAX + 1)
        root = Metadata[Root].from_bytes(data)
        if not isinstance(root.signed, Root):
            raise NotTaken("bad_root")
        root.signed.verify_delegate(Root.type, root.signed_bytes, root.signatures)
    except (OSError, RuntimeError, RepositoryError, ValueError):
        raise NotTaken("bad_root") from None
    return data


def bundled(path: str) -> tuple[dict[str, bytes], bytes | None]:
    """(metadata by role, target) beside the trusted root, as an organisation ships them. Not verified yet."""
    folder = Path(path).expanduser().parent
    found = {}
    for role in ROLES:
        data = _read(folder / f"{role}.json", METADATA_MAX)
        if data is not None:
            found[role] = data
    return found, _read(folder / TARGET, PACKED_MAX)


def refresh(
    fetching: Fetching,
    *,
    folder: Path,
    root: bytes,
    seeds: dict[str, bytes],
    kept_sha256: str | None,
    first: bool,
) -> Refreshed:
    """Look at the registry and verify all of what it offers.

    `folder` is python-tuf's own, `seeds` are the metadata that count as seen before where the folder has
    none; `first` says that nothing was ever taken from this registry.

    Raises:
        NotTaken: the reason why nothing may be taken.
    """
    from tuf.api.exceptions import DownloadError, RepositoryError
    from tuf.ngclient import Updater, UpdaterConfig

    _make_ready(folder, seeds)
    fetcher = _fetcher(fetching)
    config = UpdaterConfig(
        max_root_rotations=ROTATIONS_MAX,
        max_delegations=1,
        root_max_length=ROOT_MAX,
        timestamp_max_length=TIMESTAMP_MAX,
        snapshot_max_length=METADATA_MAX,
        targets_max_length=METADATA_MAX,
    )
    try:
        updater = Updater(
            metadata_dir=str(folder),
            metadata_base_url=fetching.url("/tuf/"),
            target_base_url=fetching.url("/tuf/targets/"),
            fetcher=fetcher,
            config=config,
            bootstrap=root,
        )
        updater.refresh()
        info = updater.get_targetinfo(TARGET)
        if info is None or "sha256" not in info.hashes:
            raise NotTaken("incomplete")
        if info.length > PACKED_MAX:
            raise NotTaken("oversized", "a catalog")
        target = None
        if info.hashes["sha256"] != kept_sha256:
            target = _download(updater, info, folder)
    except RepositoryError as error:
        raise of_repository(error, fetcher.role, first=first) from error
    except DownloadError as error:
        raise _of_download(error, fetcher.role, first) from error
    except OSError as error:
        raise NotTaken("storage", error.strerror or type(error).__name__) from error
    signatures = _signatures(folder, root)
    expires_at, version = _expiry(root, signatures)
    return Refreshed(
        signatures=signatures,
        target=target,
        sha256=info.hashes["sha256"],
        expires_at=expires_at,
        root_version=version,
        audit_key=audit_key_of(root, signatures),
        told_at=fetching.told_at,
    )


def verify_kept(root: bytes, signatures: Signatures, target: bytes) -> tuple[str, datetime, int]:
    """(digest of the target, when its signatures expire, version of the root): all of it verified again from
    `root` on, whatever the time is.

    Raises:
        NotTaken: it is not what that root vouches for.
    """
    from tuf.api.exceptions import RepositoryError
    from tuf.api.metadata import Metadata, Snapshot, Targets, Timestamp

    role = ROOT
    try:
        present = _newest_root(root, signatures.roots)
        role = TIMESTAMP
        timestamp = Metadata[Timestamp].from_bytes(signatures.timestamp)
        present.verify_delegate(Timestamp.type, timestamp.signed_bytes, timestamp.signatures)
        role = SNAPSHOT
        timestamp.signed.snapshot_meta.verify_length_and_hashes(signatures.snapshot)
        snapshot = Metadata[Snapshot].from_bytes(signatures.snapshot)
        present.verify_delegate(Snapshot.type, snapshot.signed_bytes, snapshot.signatures)
        role = TARGETS
        snapshot.signed.meta[f"{TARGETS}.json"].verify_length_and_hashes(signatures.targets)
        targets = Metadata[Targets].from_bytes(signatures.targets)
        present.verify_delegate(Targets.type, targets.signed_bytes, targets.signatures)
        role = THE_TARGET
        info = targets.signed.targets[TARGET]
        info.verify_length_and_hashes(target)
        versions = (
            (snapshot.signed.version, timestamp.signed.snapshot_meta.version),
            (targets.signed.version, snapshot.signed.meta[f"{TARGETS}.json"].version),
        )
    except RepositoryError as error:
        raise of_repository(error, role, first=False) from error
    except KeyError:
        raise NotTaken("incomplete") from None
    if any(found != stated for found, stated in versions):
        raise NotTaken("mixed", "metadata")
    expires_at, version = _expiry(root, signatures)
    return hashlib.sha256(target).hexdigest(), expires_at, version


def _newest_root(root: bytes, later: tuple[bytes, ...]) -> "Root":
    """The last of the roots that follow one another from the trusted one on."""
    from tuf.api.exceptions import BadVersionNumberError
    from tuf.api.metadata import Metadata, Root

    present = Metadata[Root].from_bytes(root).signed
    for data in later:
        following = Metadata[Root].from_bytes(data)
        if following.signed.version <= present.version:
            continue  # the trusted root has been replaced by a newer one since
        if following.signed.version != present.version + 1:
            raise BadVersionNumberError("a root is missing")
        for judge in (present, following.signed):
            judge.verify_delegate(Root.type, following.signed_bytes, following.signatures)
        present = following.signed
    return present


def _make_ready(folder: Path, seeds: dict[str, bytes]) -> None:
    """The folder with what was seen before, where it has none or lost it: no rollback comes of that."""
    for part in (folder.parent, folder, folder / "root_history"):
        private_dir(part)
    for left in folder.glob("tmp*"):
        left.unlink(missing_ok=True)  # of a write that a kill interrupted
    for role, data in seeds.items():
        path = folder / f"{role}.json"
        present = _read(path, METADATA_MAX)
        if present is None or metadata_version(present) < metadata_version(data):
            staged = path.with_suffix(".seed")
            staged.touch(0o600)
            staged.write_bytes(data)
            staged.replace(path)


def metadata_version(data: bytes) -> int:
    """As written, unverified; -1 where it cannot be read."""

    class Signed(msgspec.Struct):
        version: int

    class Envelope(msgspec.Struct):
        signed: Signed

    try:
        return msgspec.json.decode(data, type=Envelope).signed.version
    except (msgspec.MsgspecError, RecursionError):
        return -1


def _signatures(folder: Path, root: bytes) -> Signatures:
    """What python-tuf has just verified and written."""
    newest = metadata_version(_read(folder / "root.json", ROOT_MAX) or root)
    history = folder / "root_history"
    versions = range(metadata_version(root) + 1, newest + 1)
    roots = [_read(history / f"{version}.root.json", ROOT_MAX) or b"" for version in versions]
    found = {role: _read(folder / f"{role}.json", METADATA_MAX) or b"" for role in ROLES}
    return msgspec.convert({"roots": roots, **found}, Signatures)


def _expiry(root: bytes, signatures: Signatures) -> tuple[datetime, int]:
    """(when the first of these expires, version of the newest root). They are verified."""
    from tuf.api.metadata import Metadata

    rest = (signatures.timestamp, signatures.snapshot, signatures.targets)
    newest = max((root, *signatures.roots), key=metadata_version)
    expiries = [Metadata[Any].from_bytes(data).signed.expires for data in (newest, *rest)]
    return min(expiries).replace(tzinfo=UTC), metadata_version(newest)


def audit_key_of(root: bytes, signatures: Signatures) -> str | None:
    """What the newest of these verified roots names as the audit log's public key (hex)."""
    from tuf.api.metadata import Metadata, Root

    newest = Metadata[Root].from_bytes(max((root, *signatures.roots), key=metadata_version)).signed
    named = newest.unrecognized_fields.get(AUDIT_KEY)
    return named if isinstance(named, str) else None


def _download(updater: Any, info: Any, folder: Path) -> bytes:
    path = folder.parent / TARGET
    try:
        updater.download_target(info, str(path))
        return path.read_bytes()
    finally:
        path.unlink(missing_ok=True)


def _read(path: Path, most: int) -> bytes | None:
    """The file, if it is there and no longer than it may be."""
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError:
        return None
    return data if len(data) <= most else None


def _of_download(error: Exception, role: str, first: bool) -> NotTaken:
    cause = error.__cause__
    if isinstance(cause, NotTaken):
        return cause
    return of_repository(error, role, first=first)


def _fetcher(fetching: Fetching) -> Any:
    """A fetcher for python-tuf; `role` is what it was asked for last."""
    from tuf.api.exceptions import DownloadError, DownloadHTTPError
    from tuf.ngclient import FetcherInterface

    class Fetcher(FetcherInterface):
        def __init__(self) -> None:
            self.role = ROOT

        def _fetch(self, url: str) -> Iterator[bytes]:
            raise DownloadError(f"nothing is fetched without a bound: {url}")

        @contextmanager
        def download_file(self, url: str, max_length: int) -> Iterator[IO[bytes]]:
            self.role = _role_of(url)
            try:
                answer = fetching.ask("GET", url, max_length)
                if answer.status in (403, 404) and self.role == ROOT:
                    # Stores of files answer 403 for what is not there, and the timestamp comes next.
                    raise DownloadHTTPError("there is no newer root", answer.status)
                if answer.status != 200:
                    raise of_status(answer.status, answer.retry_after_s)
                if self.role != THE_TARGET and answer.is_page:
                    raise NotTaken("not_a_registry")
            except NotTaken as refused:
                if refused.code == "oversized":
                    refused = _oversized(self.role)
                raise DownloadError(refused.detail) from refused
            yield BytesIO(answer.body)

    return Fetcher()


def _oversized(role: str) -> NotTaken:
    from modelhubd.catalog.registry.refusals import SHOWN

    return NotTaken("oversized", f"its {SHOWN[role]}")


def _role_of(url: str) -> str:
    name = url.rpartition("/")[2]
    return next((role for role in (ROOT, *ROLES) if name.endswith(f"{role}.json")), THE_TARGET)


def forget(folder: Path, told: Callable[[OSError], None]) -> None:
    """Remove python-tuf's folder, as it belongs to another registry."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        pass
    except OSError as error:
        told(error)
