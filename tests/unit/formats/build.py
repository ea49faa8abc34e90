"""GGUF headers put together by hand, so that a test can make any of them wrong."""

import struct
from collections.abc import Sequence

U8, I8, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64 = 0, 1, 4, 5, 6, 7, 8, 9, 10, 11
F32_TENSOR, F16_TENSOR, Q8_0_TENSOR = 0, 1, 8
Value = tuple[int, object]


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def scalar(kind: int, value: object) -> bytes:
    if kind == STRING:
        assert isinstance(value, str | bytes)
        return text(value)
    return struct.pack(
        f"<{ {U8: 'B', I8: 'b', U32: 'I', I32: 'i', F32: 'f', BOOL: '?', U64: 'Q', I64: 'q'}[kind] }", value
    )


def entry(key: str, kind: int, value: object) -> bytes:
    return text(key) + struct.pack("<I", kind) + scalar(kind, value)


def array(key: str, kind: int, values: Sequence[object]) -> bytes:
    head = text(key) + struct.pack("<IIQ", ARRAY, kind, len(values))
    return head + b"".join(scalar(kind, value) for value in values)


def tensor(name: str, dims: Sequence[int], kind: int = F32_TENSOR, offset: int = 0) -> bytes:
    return text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset)


def header(entries: Sequence[bytes], tensors: Sequence[bytes] = (), *, version: int = 3) -> bytes:
    start = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(entries))
    return start + b"".join(entries) + b"".join(tensors)


def whole(entries: Sequence[bytes], tensors: Sequence[bytes] = (), data: int = 0) -> bytes:
    """A file: the header, padding to 32 bytes, and `data` bytes."""
    head = header(entries, tensors)
    return head + bytes(-len(head) % 32) + bytes(data)


def llama(**figures: object) -> list[bytes]:
    """Metadata of a small model of a family; keyword `a__b` is the key `<family>.a.b`."""
    family = str(figures.pop("family", "llama"))
    entries = [entry("general.architecture", STRING, family)]
    shape: dict[str, object] = {
        "block_count": 4,
        "embedding_length": 64,
        "attention__head_count": 4,
        "attention__head_count_kv": 2,
        "feed_forward_length": 128,
        "context_length": 4096,
    }
    for key, value in (shape | figures).items():
        full = f"{family}.{key.replace('__', '.')}"
        if isinstance(value, list):
            kind = BOOL if value and isinstance(value[0], bool) else I32
            entries.append(array(full, kind, value))
        elif isinstance(value, bool):
            entries.append(entry(full, BOOL, value))
        elif value is not None:
            entries.append(entry(full, U32, value))
    return entries
