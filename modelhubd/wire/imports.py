"""Models from outside: what is asked for, what came of it, and what other tools hold."""

from enum import StrEnum

import msgspec

from modelhubd.wire.base import Message, Request
from modelhubd.wire.library import ScanResult


class ImportMode(StrEnum):
    LINK = "link"
    """The bytes are shared with the source: a clone where the file system has clones, else a hard link."""
    COPY = "copy"
    MOVE = "move"
    """The source is removed once all of it is in the library."""
    REFERENCE = "reference"
    """The files are used where they are."""


class ImportRequest(Request, frozen=True, kw_only=True):
    """What to import: a `path` (absolute, or `~/…`), or the id of something that `GET /library/found` lists.

    `model` (a reference) and `option` say what it is to be; without them that is recognised.
    """

    path: str | None = None
    found: str | None = None
    mode: ImportMode = ImportMode.LINK
    model: str | None = None
    option: str | None = None


class Imported(Message, frozen=True, kw_only=True):
    """An artifact that an import made."""

    library_id: str
    model: str
    version: int
    option: str
    size_bytes: int
    recognised: bool
    """Whether a catalog lists these very bytes; otherwise the entry was made of their own metadata."""
    how: str
    """`clone`, `hard_link`, `copy` or `reference`: where the bytes are now."""


class ImportResult(Message, frozen=True, kw_only=True):
    """The `result` of an import's job."""

    imported: tuple[Imported, ...]
    already: tuple[str, ...] = ()
    """References of what was in the library before."""
    left_out: dict[str, str] = msgspec.field(default_factory=dict)
    """Names of files that were not taken, and why."""
    kept: tuple[str, ...] = ()
    """Names of files that were to be moved and stayed, because they could not be removed."""


class FoundFile(Message, frozen=True, kw_only=True):
    name: str
    size_bytes: int
    sha256: str | None
    """As the tool's own layout tells it; it is checked when the file is imported."""


class FoundModel(Message, frozen=True, kw_only=True):
    """A model that another tool holds."""

    id: str
    tool: str
    """`hugging-face`, `lm-studio`, `ollama`, `llama.cpp`, `jan` or `gpt4all`."""
    name: str
    """As the tool calls it."""
    where: str
    """The folder or file, with the home folder as `~`."""
    format: str
    size_bytes: int
    files: tuple[FoundFile, ...]
    model: str | None = None
    """Reference of what the catalog lists with these digests."""
    library_id: str | None = None
    """The artifact that holds the same bytes."""
    shared: bool = False
    """The library uses these very files, so that nothing is there twice."""
    modes: tuple[ImportMode, ...] = ()
    """How it can be imported."""


class FoundTool(Message, frozen=True, kw_only=True):
    """A place that was looked at. `fault` says why not all of it was."""

    tool: str
    where: str
    models: int
    fault: str | None = None


class Doubled(Message, frozen=True, kw_only=True):
    """Bytes that are on the disk more than once. `wasted_bytes` is what one copy would save."""

    sha256: str
    size_bytes: int
    places: tuple[str, ...]
    wasted_bytes: int


class FoundAnswer(Message, frozen=True, kw_only=True):
    items: tuple[FoundModel, ...]
    tools: tuple[FoundTool, ...]
    doubled: tuple[Doubled, ...]
    wasted_bytes: int
    looked_at: str


class Scanned(ScanResult, frozen=True, kw_only=True):
    """What a scan of the models directory changed, and how many models other tools hold."""

    found: int = 0
