"""The compatibility verdict."""

from enum import StrEnum

from modelhubd.wire.base import Message


class Verdict(StrEnum):
    """Whether it runs; `unknown` means that the facts do not allow a judgement."""

    COMPATIBLE = "compatible"
    TIGHT = "tight"
    PARTIAL = "partial"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    UNKNOWN = "unknown"


class Assumes(Message, frozen=True, kw_only=True, gc=False):
    """The settings a verdict was computed for: context length in tokens, KV-cache type."""

    ctx: int
    kv_type: str


class Fit(Message, frozen=True, kw_only=True, gc=False):
    """Whether an option runs on this device. `reason` is a sentence for people."""

    verdict: Verdict
    reason: str
    needed_bytes: int | None = None
    available_bytes: int | None = None
    assumes: Assumes | None = None
