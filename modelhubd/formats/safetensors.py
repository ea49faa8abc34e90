"""The header of a safetensors file: a length, then JSON that names each tensor's type, shape and place."""

import struct
from math import prod

import msgspec

from modelhubd.errors import BadModelFile
from modelhubd.formats import NeedMoreBytes
from modelhubd.wire.architecture import Architecture, ModelFacts

HEADER_MAX = 16 * 1024 * 1024
MEMBERS_MAX = 300_000
"""Members of all objects in the header: some seventy thousand tensors."""
DIMS_MAX = 8
ELEMENTS_MAX = 1 << 50
BITS: dict[str, int] = {
    "F64": 64,
    "F32": 32,
    "F16": 16,
    "BF16": 16,
    "I64": 64,
    "I32": 32,
    "I16": 16,
    "I8": 8,
    "U64": 64,
    "U32": 32,
    "U16": 16,
    "U8": 8,
    "BOOL": 8,
    "F8_E4M3": 8,
    "F8_E5M2": 8,
    "F8_E8M0": 8,
    "F4": 4,
}
_PACKED = frozenset(("U32", "U16", "U8", "I32"))
"""Types that hold several quantised values in one, so that elements are not parameters."""


class _Tensor(msgspec.Struct, frozen=True):
    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


def read_safetensors(prefix: bytes | memoryview, file_size: int) -> ModelFacts:
    """What the file says of its tensors. The model's shape is in `config.json` beside it, see `mlx`.

    Raises:
        NeedMoreBytes: the header is longer than `prefix`.
        BadModelFile: it cannot be a whole safetensors file; the message says why.
    """
    data = memoryview(prefix)[:file_size]
    if file_size < 8:
        raise BadModelFile("it is cut off: a safetensors file is longer than 8 bytes")
    if len(data) < 8:
        raise NeedMoreBytes(8)
    (length,) = struct.unpack_from("<Q", data)
    if length > HEADER_MAX:
        raise BadModelFile(f"it claims a header of {length} bytes: it is no safetensors file")
    if 8 + length > file_size:
        raise BadModelFile(f"it is cut off: its header reaches beyond its {file_size} bytes")
    if len(data) < 8 + length:
        raise NeedMoreBytes(8 + length)
    metadata, tensors = _decode(bytes(data[8 : 8 + length]))
    weights_bytes = _check(tensors, file_size - 8 - length)
    return ModelFacts(
        format="mlx" if metadata.get("format") == "mlx" else "safetensors",
        architecture=Architecture(),
        weights_bytes=weights_bytes,
        n_tensors=len(tensors),
        parameters=_parameters(tensors),
        quantization=_main_type(tensors),
    )


def _decode(header: bytes) -> tuple[dict[str, str], list[_Tensor]]:
    if not header.startswith(b"{"):
        raise BadModelFile("it is not a safetensors file: its header is not JSON")
    if header.count(b":") > MEMBERS_MAX:
        raise BadModelFile("it claims too many tensors")
    try:
        members = msgspec.json.decode(header, type=dict[str, msgspec.Raw])
        metadata = msgspec.json.decode(members.pop("__metadata__", b"{}"), type=dict[str, str])
        tensors = [msgspec.json.decode(raw, type=_Tensor) for raw in members.values()]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadModelFile("its header is not the JSON of a safetensors file") from None
    return metadata, tensors


def _check(tensors: list[_Tensor], room: int) -> int:
    """Bytes of all tensors, each of which must lie within the `room` behind the header."""
    total = elements = 0
    for tensor in tensors:
        begin, end = tensor.data_offsets
        if not 0 <= begin <= end:
            raise BadModelFile("it has a tensor whose data ends before it begins")
        if end > room:
            raise BadModelFile("it is cut off: a tensor reaches beyond the end of the file")
        if len(tensor.shape) > DIMS_MAX or any(size < 0 for size in tensor.shape):
            raise BadModelFile("it has a tensor with an impossible shape")
        elements += prod(tensor.shape)
        if elements > ELEMENTS_MAX:
            raise BadModelFile("its tensors claim more values than any model has")
        bits = BITS.get(tensor.dtype)
        if bits is not None and prod(tensor.shape) * bits != 8 * (end - begin):
            raise BadModelFile("it has a tensor whose data does not have the size of its shape")
        total += end - begin
    if total > room:
        raise BadModelFile("the data of its tensors overlaps")
    return total


def _parameters(tensors: list[_Tensor]) -> int | None:
    if any(tensor.dtype in _PACKED for tensor in tensors):
        return None
    return sum(prod(tensor.shape) for tensor in tensors) or None


def _main_type(tensors: list[_Tensor]) -> str | None:
    """The type that most bytes have; None for a packed one, whose width only `config.json` tells."""
    sizes: dict[str, int] = {}
    for tensor in tensors:
        sizes[tensor.dtype] = sizes.get(tensor.dtype, 0) + tensor.data_offsets[1] - tensor.data_offsets[0]
    if not sizes:
        return None
    most = max(sizes, key=lambda dtype: sizes[dtype])
    return most if most in BITS and most not in _PACKED else None
