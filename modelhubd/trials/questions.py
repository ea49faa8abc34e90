"""What of a sampled request may be given to another model, and how it is shown to people."""

import json
from collections.abc import Iterator
from typing import Any

REPLAYED = frozenset({
    "/v1/chat/completions", "/v1/completions", "/v1/messages", "/v1/responses", "/v1/embeddings",
    "/v1/rerank", "/v1/reranking",
})  # fmt: skip
"""Routes that ask a model for an answer."""
EMBEDDING = frozenset({"/v1/embeddings"})
RANKING = frozenset({"/v1/rerank", "/v1/reranking"})
MAX_REQUEST_BYTES = 4 * 1024**2
"""Larger ones (images come inline) are not sampled."""
MAX_ANSWER_BYTES = 4 * 1024**2
SHOWN = 20_000
"""Characters of a question that people are shown."""
_FETCHED = ("http://", "https://", "file://")
_ADDRESSES = ("url", "image_url", "file_url", "audio_url", "video_url")


def why_not_replayed(request: bytes) -> str | None:
    """Why a request cannot be asked again without doing something a second time; None where it can.

    A server fetches images by their address, and a response that is stored, or goes on from a stored one, is
    not the same twice. Tools are no reason: what a model calls is only ever written down here.
    """
    try:
        body = json.loads(request)
    except (ValueError, RecursionError):
        return "it is not JSON"
    if not isinstance(body, dict):
        return "it is not JSON"
    if body.get("previous_response_id") is not None or body.get("store") is True:
        return "it stores its answer, or goes on from a stored one"
    for name, value in _members(body):
        if name in _ADDRESSES and isinstance(value, str) and value.strip().lower().startswith(_FETCHED):
            return "it has something fetched from an address"
    return None


def question_of(request: bytes) -> str:
    """What people are shown of a request: its messages, each with who says it, or its prompt."""
    try:
        body = json.loads(request)
        said = body.get("messages") or body.get("input") or body.get("prompt") or body.get("query") or ""
        system = body.get("system") or body.get("instructions")
    except (ValueError, RecursionError, AttributeError):
        return request.decode("utf-8", "replace")[:SHOWN]
    lines = [f"system: {_text(system)}"] if system else []
    if isinstance(said, str):
        lines.append(said)
    elif isinstance(said, list):
        lines += [
            f"{one.get('role', 'user')}: {_text(one.get('content'))}" if isinstance(one, dict) else str(one)
            for one in said
        ]
    text = "\n\n".join(lines)
    return text if len(text) <= SHOWN else f"{text[: SHOWN // 2]}\n…\n{text[-SHOWN // 2 :]}"


def _text(content: Any) -> str:
    if isinstance(content, list):
        parts = [
            part.get("text") or f"[{part.get('type', 'something')}]"
            for part in content
            if isinstance(part, dict)
        ]
        return "\n".join(map(str, parts))
    return "" if content is None else str(content)


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    """Every member of every object in a JSON value; not deeper than `json` reads."""
    open_values = [value]
    while open_values:
        one = open_values.pop()
        if isinstance(one, dict):
            yield from one.items()
            open_values += one.values()
        elif isinstance(one, list):
            open_values += one
