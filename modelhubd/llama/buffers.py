"""What a server says that it has taken: the buffers in its log. Pure."""

import re
from collections.abc import Iterable

import msgspec

_BUFFER = re.compile(r"(\w+): +(\S+) +(model|output|KV|RS|compute) buffer size = +([0-9]{1,9}\.[0-9]+) MiB")
MIB = 1024 * 1024


class Buffers(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes by purpose, of all devices together. The output buffer counts as compute."""

    weights_bytes: int
    kv_bytes: int
    compute_bytes: int

    @property
    def total_bytes(self) -> int:
        return self.weights_bytes + self.kv_bytes + self.compute_bytes


def read_buffers(lines: Iterable[str]) -> Buffers | None:
    """The buffers that llama.cpp names while it loads; None where weights or compute buffers are not named,
    as with a log that is less detailed.

    Caches and weights may come in several parts, which add up. A compute buffer that is named again has been
    made anew. The text is a stranger's: whoever uses these figures bounds them.
    """
    parts = {"model": 0.0, "KV": 0.0, "RS": 0.0}
    compute: dict[tuple[str, str, str], float] = {}
    for line in lines:
        if (found := _BUFFER.search(line)) is None:
            continue
        function, device, kind, size = found.groups()
        if kind in parts:
            parts[kind] += float(size)
        else:
            compute[function, device, kind] = float(size)
    if not parts["model"] or not compute:
        return None
    return Buffers(
        weights_bytes=round(parts["model"] * MIB),
        kv_bytes=round((parts["KV"] + parts["RS"]) * MIB),
        compute_bytes=round(sum(compute.values()) * MIB),
    )
