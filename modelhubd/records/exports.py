"""Exports: previewed first, then written to a file on this machine, and only when asked."""

import asyncio
import hashlib
import io
import os
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from modelhubd.errors import NoSpace, NotFound
from modelhubd.places import private_dir
from modelhubd.records import export_store
from modelhubd.records.anonymous import GROUP_FIELDS, ROW_FIELDS, Source, anonymous
from modelhubd.records.figures import time_of
from modelhubd.records.keeping import Keeping
from modelhubd.tasks import freed, gently, in_thread
from modelhubd.wire.records import Exported, ExportPreview, ExportRequest, PreviewPart, WriteExport

MOST_ROWS = 20_000
"""Records that an export is made of: the newest."""
SHOWN_BYTES = 128 * 1024
KEPT_S = 600.0
FORMAT = "modelhub-records/1"


class Previewed(Struct, frozen=True, kw_only=True):
    """What was shown, byte by byte, and until when it may be written, on the steady clock."""

    id: str
    content: bytes
    sha256: str
    until: float


class Made(Struct, frozen=True, kw_only=True):
    """The file's content and what it holds."""

    content: bytes
    sha256: str
    groups: int
    rows: int
    merged: int
    left_out: int


class Exports:
    """One preview is kept at a time, in memory. `is_from` says whether a model's entry is of a
    source: only ids of public catalogs may stand in a file. `flush` has what waits written."""

    def __init__(
        self,
        keeping: Keeping,
        folder: Path,
        *,
        is_from: Callable[[str, str], Awaitable[bool]],
        flush: Callable[[], Awaitable[None]],
        clock: Callable[[], datetime],
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keeping = keeping
        self._folder = folder
        self._is_from = is_from
        self._flush = flush
        self._clock = clock
        self._steady = steady
        self._kept: Previewed | None = None

    async def preview(self, asked: ExportRequest) -> ExportPreview:
        """Exactly what would be written; nothing is.

        Raises:
            InvalidInput: a time that is none.
            Unavailable: the records cannot be read just now.
        """
        since, until = time_of(asked.since, "/since"), time_of(asked.until, "/until")
        await self._flush()
        with gently():
            sources: list[Source] = []
            async with self._keeping.using(reading=True) as database:
                async for some in export_store.sources(database.reader, since, until, MOST_ROWS + 1):
                    sources += some
            too_many = len(sources) > MOST_ROWS
            del sources[MOST_ROWS:]
            named = set()
            if asked.name_models:
                models = {source.model for source in sources}
                named = {model for model in models if await self._is_public(model)}
            today = f"{self._clock():%Y-%m-%d}"
            made = await in_thread(lambda: _made(sources, asked, frozenset(named), today))
        self._kept = Previewed(
            id=secrets.token_hex(8), content=made.content, sha256=made.sha256, until=self._steady() + KEPT_S
        )
        shown = _part(made.content, 0)
        return ExportPreview(
            id=self._kept.id,
            text=shown.text,
            whole=shown.next is None,
            size_bytes=len(made.content),
            sha256=made.sha256,
            groups=made.groups,
            rows=made.rows,
            merged=made.merged,
            left_out=made.left_out > 0 or too_many,
            fields=ROW_FIELDS if asked.rows else GROUP_FIELDS,
        )

    async def _is_public(self, model: str) -> bool:
        """Whether its id is one that others know, and no name of this machine's own."""
        return await self._is_from("registry", model) or await self._is_from("floor", model)

    def part(self, preview: str, offset: int) -> PreviewPart:
        """What the preview holds from this byte on. Raises NotFound, as `write` does."""
        return _part(self._previewed(preview).content, offset)

    async def write(self, asked: WriteExport) -> Exported:
        """Write what the preview showed, to a file of its own that its owner alone may read.

        Raises:
            NotFound: `preview_not_found`: there is no such preview any more.
            NoSpace: the file cannot be written.
        """
        kept = self._previewed(asked.preview)
        name = f"records-{self._clock():%Y%m%d}-{kept.id[:8]}.json"
        try:
            await asyncio.to_thread(_write, self._folder / name, kept.content)
        except OSError as error:
            raise NoSpace(
                f"The export cannot be written: {error.strerror}. Make room and try again."
            ) from error
        self._kept = None
        return Exported(name=name, size_bytes=len(kept.content), sha256=kept.sha256)

    def _previewed(self, preview: str) -> Previewed:
        kept = self._kept
        if kept is None or kept.id != preview or self._steady() > kept.until:
            raise NotFound(
                "There is no such preview any more: one is kept, for ten minutes. Make it again, look at it,"
                " then write it.",
                code="preview_not_found",
            )
        return kept


def _part(content: bytes, offset: int) -> PreviewPart:
    """At most `SHOWN_BYTES`, to the end of a line."""
    piece = content[offset : offset + SHOWN_BYTES]
    more = offset + len(piece) < len(content)
    if more:
        piece = piece[: piece.rfind(b"\n") + 1] or piece
    end = offset + len(piece)
    return PreviewPart(text=piece.decode("utf-8", "replace"), offset=offset, next=end if more else None)


def _made(sources: list[Source], asked: ExportRequest, named: frozenset[str], today: str) -> Made:
    """Computes for a while, and lets others run meanwhile. `sources` is empty then."""
    found = anonymous(
        sources, k=asked.k, salt=secrets.token_bytes(32), named=named.__contains__, rows=asked.rows
    )
    freed(sources)
    file = io.BytesIO()  # its value is taken without a copy
    file.write(msgspec.json.encode({"format": FORMAT, "made": today, "k": asked.k})[:-1])
    file.write(b',\n"groups":[\n')
    _write_lines(file, found.groups)
    file.write(b'\n],\n"rows":[\n')
    _write_lines(file, found.rows)
    file.write(b"\n]}\n")
    content = file.getvalue()
    made = Made(
        content=content,
        sha256=hashlib.sha256(content).hexdigest(),
        groups=len(found.groups),
        rows=len(found.rows),
        merged=found.merged,
        left_out=found.left_out,
    )
    freed(found.rows)
    return made


def _write_lines(file: io.BytesIO, items: Iterable[dict[str, Any]]) -> None:
    """Each on its own: during one call for all of them nobody else could run."""
    between = b""
    for item in items:
        file.write(between + msgspec.json.encode(item))
        between = b",\n"


def _write(path: Path, content: bytes) -> None:
    private_dir(path.parent)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
