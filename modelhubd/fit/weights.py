"""How many bytes of weights an option brings into memory."""

import re
from typing import Protocol

from modelhubd.wire.catalog import OptionFile, Role

_LOADED = (Role.MODEL, Role.SHARD, Role.PROJECTOR)

BITS_PER_WEIGHT: dict[str, float] = {
    "f32": 32.0,
    "f16": 16.0,
    "bf16": 16.0,
    "q8": 8.5,
    "q6": 6.6,
    "q5": 5.7,
    "q4": 4.9,
    "q3": 3.9,
    "q2": 3.0,
    "iq4": 4.5,
    "iq3": 3.5,
    "iq2": 2.7,
    "iq1": 2.0,
    "tq2": 2.2,
    "tq1": 1.9,
    "mxfp4": 4.4,
    "nvfp4": 4.7,
    "8bit": 8.5,
    "6bit": 6.5,
    "4bit": 4.5,
    "3bit": 3.5,
}
"""Rough bits per weight by family of quantization, embeddings included."""
_FAMILY = re.compile(r"(?:mxfp4|nvfp4|bf16|f16|f32|iq[1-4]|tq[12]|q[2-8]|[3468]bit)")


class _Sized(Protocol):
    @property
    def size_bytes(self) -> int | None: ...
    @property
    def quantization(self) -> str | None: ...
    @property
    def files(self) -> tuple[OptionFile, ...]: ...


def weights_of(option: _Sized, parameters: int | None) -> tuple[int | None, bool]:
    """(bytes, exact): from the sizes of the files that are loaded, else of the whole option.

    Without sizes it is the parameters times the usual bits of the quantization, and not exact. None where
    that cannot be told either.
    """
    sizes = [file.size_bytes for file in option.files if file.role in _LOADED and not _is_text(file.name)]
    known = [size for size in sizes if size is not None]
    if sizes and len(known) == len(sizes):
        return sum(known), True
    if option.size_bytes is not None:
        return option.size_bytes, True
    match = _FAMILY.search((option.quantization or "").lower().replace("-", ""))
    if parameters is None or match is None:
        return None, False
    return round(parameters * BITS_PER_WEIGHT[match[0]] / 8), False


def _is_text(name: str) -> bool:
    """Configuration beside the weights, where a catalog gave it no role of its own."""
    return not name.lower().endswith((".gguf", ".safetensors"))
