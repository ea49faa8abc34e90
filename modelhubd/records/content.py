"""What is kept of requests and answers where an audit rule says so."""

import json
from typing import Any

from modelhubd.trust.text import printable


def whole(body: bytes) -> str:
    """All of it, as text."""
    return body.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def preview_of_request(body: bytes, length: int) -> str:
    """The beginning of the last thing that was said to the model, on one line."""
    asked = _parsed(body)
    if not isinstance(asked, dict):
        return ""
    said: Any = asked.get("messages") or asked.get("input") or asked.get("prompt") or asked.get("query")
    if isinstance(said, list) and said:
        said = said[-1]
    return _shortened(_text(said), length)


def preview_of_answer(body: bytes, length: int) -> str:
    """The beginning of what was answered, on one line; of a stream, its pieces together."""
    if body.lstrip().startswith(b"{"):
        return _shortened(_text(_parsed(body)), length)
    found, size = [], 0
    for line in body.splitlines():
        if line.startswith(b"data: {"):
            piece = _piece(_parsed(line[6:]))
            found.append(piece)
            size += len(piece)
            if size > 4 * length:
                break
    return _shortened("".join(found), length)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _piece(chunk: Any) -> str:
    """The text that a piece of a stream adds, in OpenAI's, Anthropic's and the Responses API's form."""
    if not isinstance(chunk, dict):
        return ""
    delta = chunk.get("delta")
    if isinstance(delta, str):
        return delta
    if isinstance(delta, dict):
        return _text(delta)
    return _text(chunk.get("choices"))


def _text(value: Any, depth: int = 0) -> str:
    """The text in what was said, wherever these forms put it."""
    if isinstance(value, str):
        return value
    if depth > 6:
        return ""
    if isinstance(value, list):
        return "".join(_text(one, depth + 1) for one in value)
    if isinstance(value, dict):
        for key in ("message", "delta", "content", "text", "choices", "output"):
            if text := _text(value.get(key), depth + 1):
                return text
    return ""


def _shortened(text: str, length: int) -> str:
    shown = printable(text[: 4 * length])
    return shown if len(shown) <= length else shown[: length - 1] + "…"
