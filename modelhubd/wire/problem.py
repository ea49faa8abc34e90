"""RFC 9457 problems: what every refused request answers."""

from modelhubd.wire.base import Message

PROBLEM_TYPE = "application/problem+json"


class FieldError(Message, frozen=True, kw_only=True):
    """One fault in the input. `pointer` is an RFC 6901 JSON pointer into the body, or `?name` for a query
    parameter."""

    pointer: str
    detail: str


class Problem(Message, frozen=True, kw_only=True):
    """`detail` says what cannot be done and what to do about it; `code` is what programs branch on."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: tuple[FieldError, ...] = ()
    retry_after_s: float | None = None
    server_id: str | None = None
