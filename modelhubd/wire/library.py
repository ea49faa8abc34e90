"""What is installed."""

from enum import StrEnum

from modelhubd.wire.base import Message, Request


class ArtifactState(StrEnum):
    OK = "ok"
    MISSING = "missing"
    DAMAGED = "damaged"
    OFFLINE = "offline"


class ArtifactFile(Message, frozen=True, kw_only=True, gc=False):
    name: str
    role: str
    size_bytes: int
    sha256: str | None
    verified_at: str | None = None
    """When all of its bytes were right last; None where that is not known, or no digest was promised."""
    damaged: tuple[tuple[int, int], ...] = ()
    """Ranges `[start, end)` of bytes that are wrong, as its last reading found them."""
    outside: bool = False
    """Whether it lies outside the models directory: it is used where it is, and never changed or deleted."""
    where: str | None = None
    """Of one outside: its path, with the home folder as `~`."""


class Artifact(Message, frozen=True, kw_only=True, gc=False):
    """An installed option of a model version."""

    id: str
    model: str
    version: int
    option: str
    format: str
    quantization: str | None
    source: str
    """`download`, `scan` (found in the models directory), `import` or `bundle`."""
    state: ArtifactState
    size_bytes: int
    digest: str | None
    files: tuple[ArtifactFile, ...]
    verified_at: str | None
    installed_at: str
    active: bool
    """Whether the bare model id means this artifact."""
    loaded_by: tuple[str, ...] = ()
    """Ids of the servers that run it."""
    withdrawn: str | None = None
    """Why the registry has withdrawn the model; None while it has not."""
    managed: str | None = None
    """The source that answers for it, as `bundle:<name>` or `package:<name>`: no hand can remove it."""


class SetActive(Request, frozen=True, kw_only=True):
    library_id: str


class ScanResult(Message, frozen=True, kw_only=True):
    added: int
    changed: int
    missing: int
    unknown_files: tuple[str, ...]
    """Files in the models directory that belong to no artifact, relative to it."""


class Finished(Message, frozen=True, kw_only=True):
    """A verified download on its way into the library. `directory` is relative to the models directory."""

    model: str
    version: int
    option: str
    format: str
    quantization: str | None
    digest: str | None
    directory: str
    files: tuple[ArtifactFile, ...]
    verified_at: str | None
    """None where the catalog names no digest."""


class Held(Message, frozen=True, kw_only=True):
    """A file of an artifact that is to be repaired, and what of it is right."""

    name: str
    size_bytes: int
    sha256: str | None
    good: tuple[tuple[int, int], ...]
    """Ranges `[start, end)`; all of it where the file is whole."""
    identity: str | None
    """Which file it is that the repaired one takes the place of; None where there is none."""

    @property
    def whole(self) -> bool:
        return self.good == ((0, self.size_bytes),) or (self.size_bytes == 0 and self.identity is not None)


class FileVerdict(Message, frozen=True, kw_only=True):
    """What a reading found of one file. `sha256` is the one that it has; None where it is not there."""

    name: str
    state: ArtifactState
    sha256: str | None
    promised: bool
    """Whether somebody has promised a digest; without one, the file is compared with its first reading."""
    damaged: tuple[tuple[int, int], ...] = ()


class VerifyResult(Message, frozen=True, kw_only=True):
    """Result of a job `verify`."""

    state: ArtifactState
    files: tuple[FileVerdict, ...]


class RepairResult(Message, frozen=True, kw_only=True):
    """Result of a job `repair`: the download that fetches what is wrong; None where nothing is."""

    download: str | None
    missing_bytes: int


class RemovedArtifact(Message, frozen=True, kw_only=True):
    """What was removed. `left_files` were not the artifact's: they stay, named relative to its folder."""

    id: str
    left_files: tuple[str, ...] = ()
