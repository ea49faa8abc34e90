"""Which load settings cannot be together, whatever the model."""

from collections.abc import Iterator

import msgspec

from modelhubd.wire.servers import LoadDefaults, ModelSettings

FULL_PRECISION = ("f32", "f16", "bf16")
WARM_UP = 2
"""Tokens that llama-server starts with: it ends where context or batch have no room for them."""


class Clash(msgspec.Struct, frozen=True, kw_only=True):
    """Why settings cannot be, and the fields it takes: the one to point at first."""

    fields: tuple[str, ...]
    reason: str


def clashes(settings: LoadDefaults | ModelSettings) -> Iterator[Clash]:
    """What llama-server would refuse or die of, as seen with b11434; unset fields clash with nothing."""
    if settings.flash_attention == "off" and settings.kv_type_v not in (None, *FULL_PRECISION):
        yield Clash(
            fields=("kv_type_v", "flash_attention"),
            reason=f"{settings.kv_type_v} needs flash attention. Leave flash_attention on auto, or use f16.",
        )
    if settings.ctx is not None and 0 < settings.ctx < WARM_UP:
        yield Clash(
            fields=("ctx",),
            reason=f"No question fits into it. Use {WARM_UP} or more, or 0 for the model's own.",
        )
    if isinstance(settings, LoadDefaults) and settings.batch is not None:
        least = max(settings.parallel or 1, WARM_UP)
        if settings.batch < least:
            yield Clash(
                fields=("batch", "parallel"),
                reason=f"llama-server needs {WARM_UP} or more, and as many as there are requests at a"
                f" time. Use {least} or more.",
            )
