"""The header of a GGUF file.

Layout (little-endian): `GGUF`, version, counts of tensors and of metadata, the metadata, one record per
tensor, padding, tensor data. Counts, lengths and offsets are checked against the size of the file before
anything is done with them; arrays are stepped over, never read into lists, so that neither time nor memory
depends on what a header claims. Source: the GGUF specification of the ggml project.
"""

import hashlib
import struct
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from modelhubd.errors import BadModelFile
from modelhubd.formats import MAX_HEADER_BYTES, NeedMoreBytes
from modelhubd.formats.ggml_types import FILE_TYPES, REMOVED_TYPES, TENSOR_TYPES
from modelhubd.formats.metadata import FIXED_SIZES, STRING, Entry, Metadata
from modelhubd.formats.shape import architecture_of
from modelhubd.formats.vision import vision_of
from modelhubd.wire.architecture import ModelFacts

MAGIC = b"GGUF"
ENTRIES_MAX = 8192
TENSORS_MAX = 65_536
STRINGS_MAX = 4_000_000
"""Strings in all arrays of a file together: some sixteen times the largest vocabularies with merges."""
NAME_MAX = 65_535
ELEMENTS_MAX = 1 << 50
_ARRAY = 9
_POOLING_RANK = 4
_GATE = b"v.blk.0.ffn_gate.weight"
_GUESSED = 1024
"""Bit of a file type that whoever wrote the file had to guess."""
_THINKING = (b"enable_thinking", b"<think>", b"reasoning_effort")

_u32 = struct.Struct("<I").unpack_from
_u64 = struct.Struct("<Q").unpack_from
_counts = struct.Struct("<QQ").unpack_from
_array_head = struct.Struct("<IQ").unpack_from
_tensor_tail = struct.Struct("<IQ").unpack_from


class _Tensor(NamedTuple):
    name: bytes
    dims: tuple[int, ...]
    type: int
    offset: int

    @property
    def elements(self) -> int:
        return prod(self.dims)


@dataclass
class _Cursor:
    """A place in the bytes at hand, which end before the file does."""

    data: memoryview
    size: int
    at: int = 0

    def skip(self, count: int) -> int:
        """Step over `count` bytes and answer where they began."""
        start = self.at
        end = start + count
        if end > len(self.data):
            raise self.missing(end)
        self.at = end
        return start

    def missing(self, end: int) -> Exception:
        if end > self.size:
            return BadModelFile(f"it is cut off: its header reaches beyond its {self.size} bytes")
        if end > MAX_HEADER_BYTES:
            return BadModelFile(f"its header is longer than {MAX_HEADER_BYTES} bytes")
        return NeedMoreBytes(end)

    def u32(self) -> int:
        value: int = _u32(self.data, self.skip(4))[0]
        return value

    def u64(self) -> int:
        value: int = _u64(self.data, self.skip(8))[0]
        return value

    def name(self) -> bytes:
        length = self.u64()
        if length > NAME_MAX:
            raise BadModelFile(f"it has a name of {length} bytes")
        start = self.skip(length)
        return bytes(self.data[start : start + length])

    def strings(self, count: int) -> None:
        """Step over `count` strings. The loop that decides how long a large vocabulary takes."""
        if count > STRINGS_MAX or self.at + 8 * count > self.size:
            raise BadModelFile(f"it claims an array of {count} strings")
        data, at, read = self.data, self.at, _u64
        try:
            for _ in range(count):
                at += 8 + read(data, at)[0]
        except (struct.error, OverflowError):
            raise self.missing(at + 8) from None
        self.at = at
        self.skip(0)


def read_gguf(prefix: bytes | memoryview, file_size: int) -> ModelFacts:
    """What the file says of its model, from its first bytes and its size.

    Raises:
        NeedMoreBytes: the header is longer than `prefix`.
        BadModelFile: it cannot be a whole GGUF file; the message says why.
    """
    cursor = _Cursor(memoryview(prefix)[:file_size], file_size)
    n_tensors, n_entries = _read_start(cursor)
    metadata = _read_metadata(cursor, n_entries)
    tensors = _read_tensors(cursor, n_tensors)
    weights_bytes = _check_data(cursor, metadata, tensors)
    return _facts(metadata, tensors, weights_bytes)


def _read_start(cursor: _Cursor) -> tuple[int, int]:
    if cursor.size < 4 or bytes(cursor.data[:4]) != MAGIC[: len(cursor.data)]:
        raise BadModelFile("it is not a GGUF file: it does not begin with GGUF")
    cursor.skip(4)
    version = cursor.u32()
    if version not in (2, 3):
        if version in (2 << 24, 3 << 24):
            raise BadModelFile("it is a big-endian GGUF file, which this machine cannot run")
        raise BadModelFile(f"its GGUF version {version} is not 2 or 3")
    n_tensors, n_entries = _counts(cursor.data, cursor.skip(16))
    if n_tensors > TENSORS_MAX:
        raise BadModelFile(f"it claims {n_tensors} tensors")
    if n_entries > ENTRIES_MAX:
        raise BadModelFile(f"it claims {n_entries} metadata entries")
    return n_tensors, n_entries


def _read_metadata(cursor: _Cursor, count: int) -> Metadata:
    entries: dict[bytes, Entry] = {}
    strings = 0
    for _ in range(count):
        key = cursor.name()
        if key in entries:
            raise BadModelFile(f"its metadata has {_shown(key)} twice")
        kind = cursor.u32()
        if kind == STRING:
            length = cursor.u64()
            entries[key] = Entry(kind, cursor.skip(length), length, is_array=False)
        elif kind == _ARRAY:
            kind, length = _array_head(cursor.data, cursor.skip(12))
            start = cursor.at
            if kind == STRING:
                strings += length
                cursor.strings(length if strings <= STRINGS_MAX else strings)
            else:
                cursor.skip(length * _size_of(kind, key))
            entries[key] = Entry(kind, start, length, is_array=True)
        else:
            entries[key] = Entry(kind, cursor.skip(_size_of(kind, key)), 1, is_array=False)
    return Metadata(cursor.data, entries)


def _size_of(kind: int, key: bytes) -> int:
    size = FIXED_SIZES.get(kind)
    if size is None:
        raise BadModelFile(f"its metadata {_shown(key)} has the unknown type {kind}")
    return size


def _read_tensors(cursor: _Cursor, count: int) -> list[_Tensor]:
    tensors = []
    names = set()
    elements = 0
    for _ in range(count):
        name = cursor.name()
        if name in names:
            raise BadModelFile(f"it has the tensor {_shown(name)} twice")
        names.add(name)
        n_dims = cursor.u32()
        if n_dims > 4:
            raise BadModelFile(f"its tensor {_shown(name)} has {n_dims} dimensions")
        dims = struct.unpack_from(f"<{n_dims}Q", cursor.data, cursor.skip(8 * n_dims))
        kind, offset = _tensor_tail(cursor.data, cursor.skip(12))
        tensor = _Tensor(name, dims, kind, offset)
        elements += tensor.elements
        if elements > ELEMENTS_MAX:
            raise BadModelFile(f"its tensor {_shown(name)} claims {tensor.elements} values")
        tensors.append(tensor)
    return tensors


def _check_data(cursor: _Cursor, metadata: Metadata, tensors: list[_Tensor]) -> int:
    """Bytes of all tensors, each of which must lie within the file."""
    alignment = metadata.integer(b"general.alignment")
    alignment = 32 if alignment is None else alignment
    if alignment == 0 or alignment & (alignment - 1):
        raise BadModelFile(f"its alignment {alignment} is not a power of two")
    room = cursor.size - -(-cursor.at // alignment) * alignment
    total = 0
    newer = False
    for tensor in tensors:
        if tensor.offset % alignment:
            raise BadModelFile(f"the data of its tensor {_shown(tensor.name)} is not aligned")
        size = _tensor_bytes(tensor)
        newer = newer or size is None
        total += size or 0
        if tensor.offset + (size or 0) > max(room, 0):
            raise BadModelFile(
                f"it is cut off: its tensor {_shown(tensor.name)} reaches beyond its {cursor.size} bytes"
            )
    if total > max(room, 0):
        raise BadModelFile("the data of its tensors overlaps")
    return room if newer else total


def _tensor_bytes(tensor: _Tensor) -> int | None:
    """Bytes of a tensor's data; None for a type that is newer than this program."""
    known = TENSOR_TYPES.get(tensor.type)
    if known is None:
        if tensor.type in REMOVED_TYPES or tensor.type > 1023:
            raise BadModelFile(f"its tensor {_shown(tensor.name)} has the unknown type {tensor.type}")
        return None
    name, block, block_bytes = known
    if tensor.dims and tensor.dims[0] % block:
        raise BadModelFile(f"a row of its tensor {_shown(tensor.name)} is no whole number of {name} blocks")
    return tensor.elements // block * block_bytes


def _facts(metadata: Metadata, tensors: list[_Tensor], weights_bytes: int) -> ModelFacts:
    vocabulary = metadata.length(b"tokenizer.ggml.tokens")
    if vocabulary is None:
        rows = [tensor.dims[1] for tensor in tensors if _is_embedding(tensor)]
        vocabulary = rows[0] if rows else None
    family = metadata.text(b"general.architecture") or ""
    templates = metadata.strings_under(b"tokenizer.chat_template")
    return ModelFacts(
        format="gguf",
        architecture=architecture_of(metadata, vocabulary),
        weights_bytes=weights_bytes,
        n_tensors=len(tensors),
        parameters=sum(tensor.elements for tensor in tensors) or None,
        name=metadata.text(b"general.name"),
        quantization=_quantization(metadata, tensors),
        license=metadata.text(b"general.license"),
        has_chat_template=bool(templates),
        chat_template=_digest(templates),
        thinks=any(mark in template for template in templates for mark in _THINKING),
        split_count=max(1, metadata.integer(b"split.count") or 1),
        ranks=metadata.integer(f"{family}.pooling_type".encode()) == _POOLING_RANK,
        vision=vision_of(metadata, gated=any(tensor.name == _GATE for tensor in tensors)),
    )


def _is_embedding(tensor: _Tensor) -> bool:
    return tensor.name == b"token_embd.weight" and len(tensor.dims) == 2


def _quantization(metadata: Metadata, tensors: list[_Tensor]) -> str | None:
    """What the file calls itself, else the type that most of its values have."""
    file_type = metadata.integer(b"general.file_type")
    if file_type is not None and file_type & ~_GUESSED in FILE_TYPES:
        return FILE_TYPES[file_type & ~_GUESSED]
    by_type: dict[int, int] = {}
    for tensor in tensors:
        by_type[tensor.type] = by_type.get(tensor.type, 0) + tensor.elements
    if not by_type:
        return None
    most = max(by_type, key=lambda kind: by_type[kind])
    return TENSOR_TYPES[most][0] if most in TENSOR_TYPES else None


def _shown(name: bytes) -> str:
    """A name of the file's for a sentence: printable and short."""
    text = name[:64].decode("ascii", "replace")
    return "".join(character if character.isprintable() else "?" for character in text)


def _digest(templates: list[bytes]) -> str | None:
    return hashlib.sha256(b"\0".join(sorted(templates))).hexdigest()[:16] if templates else None
