"""A record as a row, and back."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from modelhubd.exchange import Exchange
from modelhubd.records.buckets import bucket_of
from modelhubd.wire.base import rfc3339
from modelhubd.wire.records import AuditRule, Mark, Outcome, Record
from modelhubd.wire.servers import Server

HOUR_MS = 3600 * 1000


class Kept(Struct, frozen=True, kw_only=True):
    """Content of one exchange, to be written."""

    keep: str
    request: str | None
    answer: str | None
    too_long: bool
    expires_at: int


class Waiting(Struct, frozen=True, kw_only=True):
    """An exchange that has not been written yet, and the rule under which its content is kept."""

    exchange: Exchange
    rule: AuditRule | None


def millis(moment: datetime) -> int:
    """Since the epoch."""
    return round(moment.timestamp() * 1000)


def moment(ms: int) -> str:
    """RFC 3339. What no calendar has is the nearest that one has."""
    bounded = min(max(ms, -62_135_596_800_000), 253_402_300_799_000)
    return rfc3339(datetime.fromtimestamp(bounded / 1000, UTC))


def settings_digest(server: Server) -> str:
    """The first 16 hex digits of the SHA-256 of its settings' values, by name."""
    values = {name: setting.value for name, setting in server.settings.items()}
    return hashlib.sha256(msgspec.json.encode(values, order="sorted")).hexdigest()[:16]


def row_of(exchange: Exchange, option_digest: str | None) -> dict[str, Any]:
    """All columns but `seq` and the mark's."""
    server, took, app = exchange.server, exchange.figures, exchange.app
    passed = exchange.outcome is Outcome.PASS
    at = millis(exchange.started_at)
    reference = exchange.model
    if server is not None:
        reference = f"{server.model}@{server.version}:{server.option}"
    return {
        "id": exchange.id,
        "at": at,
        "hour": at // HOUR_MS,
        "route": exchange.route,
        "streamed": exchange.streamed,
        "app": "" if app is None else app.id,
        "app_version": None if app is None else app.version,
        "node": exchange.node or "",
        "model": exchange.model,
        "reference": reference,
        "version": None if server is None else server.version,
        "option": None if server is None else server.option,
        "library_id": None if server is None else server.library_id,
        "option_digest": option_digest,
        "server_build": None if server is None else server.build,
        "settings_digest": None if server is None else settings_digest(server),
        "status": exchange.status,
        "prompt_tokens": took.prompt_tokens,
        "cached_tokens": took.cached_tokens,
        "completion_tokens": took.completion_tokens,
        "ttft_s": took.ttft_s,
        "tokens_per_s": took.tokens_per_s,
        "latency_s": took.latency_s,
        "finish_reason": took.finish_reason,
        "confidence": took.confidence,
        "outcome": exchange.outcome.value,
        "code": exchange.code,
        "ttft_bucket": bucket_of(took.ttft_s) if passed else None,
        "speed_bucket": bucket_of(took.tokens_per_s) if passed else None,
        "latency_bucket": bucket_of(took.latency_s) if passed else None,
    }


def record_of(row: Mapping[str, Any]) -> Record:
    """From a row of `record` with `keep` of its content."""
    mark = None
    if row["mark"] is not None:
        mark = Mark(value=row["mark"], reason=row["mark_reason"], at=moment(row["marked_at"]))
    return Record(
        id=row["id"],
        at=moment(row["at"]),
        route=row["route"],
        streamed=bool(row["streamed"]),
        app=row["app"] or None,
        app_version=row["app_version"],
        node=row["node"] or None,
        model=row["model"] or None,
        version=row["version"],
        option=row["option"],
        library_id=row["library_id"],
        option_digest=row["option_digest"],
        server_build=row["server_build"],
        settings_digest=row["settings_digest"],
        status=row["status"],
        prompt_tokens=row["prompt_tokens"],
        cached_tokens=row["cached_tokens"],
        completion_tokens=row["completion_tokens"],
        ttft_s=row["ttft_s"],
        tokens_per_s=row["tokens_per_s"],
        latency_s=row["latency_s"],
        finish_reason=row["finish_reason"],
        confidence=row["confidence"],
        outcome=Outcome(row["outcome"]),
        code=row["code"],
        mark=mark,
        content=row["keep"],
    )
