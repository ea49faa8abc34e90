"""What can go wrong between a client and the daemon.

ClientError
├── ModelhubUnreachable     nobody answers: the daemon is not running, or not where we look
│   ├── DaemonNotStarted                      it was to be started, and ended or did not answer
│   └── RegistryUnreachable                   the same of a registry, or its certificate is not trusted
├── UnexpectedAnswer        somebody answers, but not as a modelhubd of our API does
└── ProblemError            the daemon refused; carries the `Problem` it answered
    ├── InvalidRequest      400 413 415 422   the request itself is wrong
    ├── NotPermitted        401 403 421
    ├── NotFound            404
    ├── Conflict            409               the present state does not allow it
    │   └── Refused                           does not fit this device, or a policy forbids it
    ├── PreconditionFailed  412
    ├── TooManyRequests     429
    ├── LoadFailed          502               the llama-server did not get ready, or failed
    ├── Unavailable         503
    └── NoSpace             507
"""

from typing import Any

import msgspec

from modelhubd.wire.problem import Problem


class ClientError(Exception):
    """Root of what the clients raise on purpose."""


class ModelhubUnreachable(ClientError):
    """Nobody answers where the daemon should be."""


class DaemonNotStarted(ModelhubUnreachable):
    """`ensure_running` could not have it run; the end of its log is in the message."""


class RegistryUnreachable(ModelhubUnreachable):
    """No registry answers at its address, or none that proves to be it."""


class UnexpectedAnswer(ClientError):
    """An answer that this client cannot read: another program, or a daemon of another API version."""


class ProblemError(ClientError):
    """The daemon refused; the text of the error is the problem's detail."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem

    @property
    def status(self) -> int:
        return self.problem.status

    @property
    def code(self) -> str:
        return self.problem.code


class InvalidRequest(ProblemError):
    """A field or parameter is wrong; `problem.errors` points at it."""


class NotPermitted(ProblemError):
    """No or a wrong token, or an address that may not be used."""


class NotFound(ProblemError):
    """There is no such thing."""


class Conflict(ProblemError):
    """The state of the thing does not allow it."""


class Refused(Conflict):
    """It could be done, but should not: it does not fit this device, is for other programs, or a policy
    forbids it."""


class PreconditionFailed(ProblemError):
    """It has changed since it was read."""


class TooManyRequests(ProblemError):
    """Try again after `problem.retry_after_s` seconds."""


class LoadFailed(ProblemError):
    """A llama-server failed; `code` is its own and `problem.server_id` names it."""


class Unavailable(ProblemError):
    """The daemon cannot do it at the moment."""


class NoSpace(ProblemError):
    """The disk is too full."""


REFUSAL_CODES = frozenset(
    {
        "does_not_fit",
        "not_enough_memory",
        "refused_by_policy",
        "requirement_not_met",
        "policy_locked",
        "model_withdrawn",
    }
)

_BY_STATUS: dict[int, type[ProblemError]] = {
    400: InvalidRequest, 401: NotPermitted, 403: NotPermitted, 404: NotFound, 409: Conflict,
    412: PreconditionFailed, 413: InvalidRequest, 415: InvalidRequest, 421: NotPermitted,
    422: InvalidRequest, 429: TooManyRequests, 502: LoadFailed, 503: Unavailable, 507: NoSpace,
}  # fmt: skip


class _OpenAIError(msgspec.Struct, frozen=True, kw_only=True):
    message: str
    type: str | None = None
    code: Any = None


class _OpenAIAnswer(msgspec.Struct, frozen=True, kw_only=True):
    error: _OpenAIError


def error_of(status: int, body: bytes) -> ClientError:
    """The error that a refused request's answer stands for; the gateway's OpenAI shape is read too."""
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except msgspec.MsgspecError:
        found = _from_openai(status, body)
        if found is None:
            start = body[:200].decode("utf-8", "replace").strip()
            return UnexpectedAnswer(f"The answer has status {status} and is not modelhubd's: {start!r}.")
        problem = found
    kind = _BY_STATUS.get(problem.status, ProblemError)
    if problem.code in REFUSAL_CODES and problem.status in (403, 409):
        kind = Refused
    return kind(problem)


def _from_openai(status: int, body: bytes) -> Problem | None:
    try:
        error = msgspec.json.decode(body, type=_OpenAIAnswer).error
    except msgspec.MsgspecError:
        return None
    code = error.code if isinstance(error.code, str) else error.type
    return Problem(
        type="about:blank", title="Refused", status=status, detail=error.message, code=code or "refused"
    )
