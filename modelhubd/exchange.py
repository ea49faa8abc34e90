"""What passed the gateway once, and who is told of it.

An `Exchange` says what was asked of which server, what it took and how it ended. It holds no content, unless
the listener that is told has said beforehand that it wants this one's.
"""

import secrets
from datetime import datetime
from typing import Protocol

from msgspec import Raw, Struct

from modelhubd.errors import InvalidInput
from modelhubd.trust.text import fault_in_text
from modelhubd.wire.base import Message
from modelhubd.wire.policy import App
from modelhubd.wire.records import Outcome
from modelhubd.wire.servers import Server

NODE_HEADER = "Modelhub-Node"
NODE_MAX = 100
RECORD_HEADER = "Modelhub-Record"
MOST_CONTENT = 4 * 1024 * 1024
"""Bytes of a request, and of an answer, that a listener gets at most."""
_ABSENT = Raw(b"null")


class Asked(Message, frozen=True, kw_only=True):
    """The part of a request that we read; everything else goes to the server unread. Only `model` is checked:
    what is wrong with the rest is for the server to say."""

    model: str
    stream: Raw = _ABSENT
    tools: Raw = _ABSENT
    logprobs: Raw = _ABSENT
    n_probs: Raw = _ABSENT

    @property
    def streams(self) -> bool:
        """Whether the answer is to come piece by piece."""
        return _says(self.stream)

    @property
    def has_tools(self) -> bool:
        return _says(self.tools)

    @property
    def wants_logprobs(self) -> bool:
        return _says(self.logprobs) or _says(self.n_probs)


class Figures(Struct, frozen=True, kw_only=True):
    """What an exchange took; None where nobody tells."""

    prompt_tokens: int | None = None
    """All of them, those found in the server's cache too."""
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    ttft_s: float | None = None
    """From the request's arrival to the first piece of a streamed answer; of one that is not streamed, the
    latency less the time that the server says it took to write."""
    tokens_per_s: float | None = None
    """While writing: as the server says, else by the tokens and the time after the first piece."""
    latency_s: float
    """From the request's arrival to the end, loading and waiting in between."""
    finish_reason: str | None = None
    confidence: float | None = None
    """See `modelhubd.gateway.confidence`."""


class Exchange(Struct, frozen=True, kw_only=True):
    """One request to the gateway that has ended."""

    id: str
    """Also the answer's header `Modelhub-Record`. Sorts by the time of the clock that made it."""
    route: str
    """Such as `/v1/chat/completions`."""
    streamed: bool
    server: Server | None
    """Who was asked; None where no server was reached. Its settings are those that it had."""
    model: str
    """`publisher/name`; empty where none was reached and the name asked for is none of an installed model."""
    app: App | None
    node: str | None
    """The step of a workflow that asked, by the header `Modelhub-Node`."""
    started_at: datetime
    status: int | None
    """Of the answer; None where none has begun."""
    figures: Figures
    outcome: Outcome
    code: str | None
    """Why it did not pass: a problem's code, `answered_<status>`, `cut_off` or `client_gone`."""
    request: bytes | None = None
    """The body as the client sent it, for a listener that wanted this one's content."""
    answer: bytes | None = None
    """All that was sent to the client, for a listener that wanted it; what there is of one that broke off."""
    too_long: bool = False
    """Content was wanted and is left out: there is more than `MOST_CONTENT`, or than is held at once."""


class Listener(Protocol):
    """Is told of each request to the gateway. It runs on the event loop, within the request: it decides from
    what it has in memory, in microseconds, and does its work elsewhere. What it raises is logged and harms no
    request."""

    def wants(self, route: str, asked: Asked, server: Server, app: App | None, node: str | None) -> bool:
        """Whether this one's content is to be kept for `ended`; asked when a server has been reached."""
        ...

    def ended(self, exchange: Exchange) -> None:
        """A request has ended, in whichever way; called once for each. It has content only if wanted."""
        ...


def new_id(now: datetime) -> str:
    """An id of an exchange: 12 hex digits of milliseconds since the epoch, then 8 by chance."""
    return f"{max(int(now.timestamp() * 1000), 0):012x}{secrets.token_hex(4)}"


def read_node(header: str | None) -> str | None:
    """What `Modelhub-Node` says.

    Raises:
        InvalidInput: it is longer than 100 characters or has hidden ones.
    """
    if header is None or not (node := header.strip()):
        return None
    if len(node) > NODE_MAX or fault_in_text(node) is not None:
        raise InvalidInput.at(
            NODE_HEADER, f"name the step that asks in at most {NODE_MAX} printable characters"
        )
    return node


def _says(value: Raw) -> bool:
    """Whether a JSON value is anything but null, false, 0, or empty."""
    return bytes(value) not in (b"null", b"false", b"0", b"[]", b"{}", b'""')
