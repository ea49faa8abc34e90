"""The form of an export: gzip around lines of JSON, each `[table, row]`.

The first line is the manifest: the registry, how many rows of each table follow, size and root of its audit
log. The last is `["end", sha256]` over all bytes before it. Rows come table by table, in an order in which
each finds what it refers to. Binary columns are base64. No secret is in it; hashes of tokens only where they
are asked for.
"""

import base64
import binascii
import gzip
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from modelhubd.errors import CannotStart
from modelhubd.wire.base import Message

T = TypeVar("T")
FORMAT = "modelhub-registry-export"
FORMAT_VERSION = 1
TABLES = (
    "principal", "token", "publisher", "publisher_key", "model", "version", "served", "verification",
    "tombstone", "issue", "template", "template_model", "counter", "star", "audit", "release_file",
)  # fmt: skip
"""What is exported, in this order. The hashes of subtrees are computed again, answers to repeated requests
are let go."""
BINARY = {("release_file", "content")}
LINE_MAX = 512 * 1024 * 1024
END = "end"


class Manifest(Message, frozen=True, kw_only=True):
    """The first line."""

    format: str
    format_version: int
    form: str
    """Of the database."""
    name: str
    revision: int
    released: int
    exported_at: str
    rows: dict[str, int]
    audit_size: int
    audit_root: str


class Writer:
    """Writes an export to a file that is visible under its name only once it is whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = path.with_name(f".{path.name}.partial")
        self._digest = hashlib.sha256()
        try:
            descriptor = os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise CannotStart(f"{path} cannot be written: {error.strerror}.") from error
        self._file = os.fdopen(descriptor, "wb")
        self._packed = gzip.GzipFile(filename="", mode="wb", fileobj=self._file, mtime=0)

    def begin(self, manifest: Manifest) -> None:
        """Write the first line."""
        self._line(msgspec.json.encode(manifest))

    def rows(self, table: str, rows: list[dict[str, Any]]) -> None:
        """Write rows of a table."""
        for row in rows:
            told = {
                name: base64.b64encode(value).decode() if (table, name) in BINARY else value
                for name, value in row.items()
            }
            self._line(
                json.dumps([table, told], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
            )

    def end(self) -> None:
        """Write the last line, and give the file its name."""
        self._packed.write(json.dumps([END, self._digest.hexdigest()]).encode() + b"\n")
        self._packed.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._partial.replace(self._path)

    def abandon(self) -> None:
        """Leave no trace."""
        self._file.close()
        self._partial.unlink(missing_ok=True)

    def _line(self, line: bytes) -> None:
        self._digest.update(line + b"\n")
        self._packed.write(line + b"\n")


class Reader:
    """Reads an export. `rows` ends without an error only if every byte is as it was written."""

    def __init__(self, path: Path) -> None:
        self._digest = hashlib.sha256()
        try:
            self._file = gzip.open(path, "rb")  # noqa: SIM115  # closed by `close`
        except OSError as error:
            raise CannotStart(f"{path} cannot be read: {error.strerror}.") from error
        self.manifest = self._guarded(self._manifest)

    def close(self) -> None:
        self._file.close()

    def rows(self, most: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """(table, at most so many of its rows), in the order of the file.

        Raises:
            CannotStart: the file is cut, changed, or none of ours.
        """
        table, batch = "", list[dict[str, Any]]()
        while (line := self._guarded(self._next)) is not None:
            name, row = line
            if batch and (name != table or len(batch) >= most):
                yield table, batch
                batch = []
            table = name
            batch.append(row)
        if batch:
            yield table, batch

    def _guarded(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except (OSError, EOFError, ValueError, TypeError, binascii.Error, msgspec.DecodeError) as error:
            raise CannotStart(
                f"The export cannot be used ({error}): it is cut, changed or of another form. Export again."
            ) from error

    def _manifest(self) -> Manifest:
        found = msgspec.json.decode(self._line(), type=Manifest)
        if found.format != FORMAT or found.format_version != FORMAT_VERSION:
            raise ValueError("not an export of a form that this program knows")
        return found

    def _next(self) -> tuple[str, dict[str, Any]] | None:
        expected = self._digest.hexdigest()
        name, value = json.loads(self._line())
        if name == END:
            if value != expected or self._file.read(1):
                raise ValueError("its digest is another one")
            return None
        if name not in TABLES or not isinstance(value, dict):
            raise ValueError(f"a row of a table {name!r}")
        return name, _binary(name, value)

    def _line(self) -> bytes:
        line = self._file.readline(LINE_MAX)
        if not line.endswith(b"\n"):
            raise ValueError("it ends too early")
        self._digest.update(line)
        return line


def _binary(table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: base64.b64decode(value, validate=True) if (table, name) in BINARY else value
        for name, value in row.items()
    }
