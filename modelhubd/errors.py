"""Every error raised on purpose.

    ModelhubError
    ├── Refused                  somebody asked for what cannot be done; `web.problems` gives it a status
    │   ├── BadRequest  Unauthenticated  NotAllowed  NotFound  Conflict  PreconditionFailed  TooLarge
    │   ├── UnsupportedMediaType  Misdirected  InvalidInput  TooManyRequests
    │   └── LoadFailed  Unavailable  NoSpace
    ├── CannotStart              the daemon refuses to start and says why
    ├── BadModelFile             a model file's header is not what it claims to be
    └── Untrusted                something signed that is not signed by whom it should be

Each message says what cannot be done and what to do about it. What is answered to a caller holds no absolute
path and no user name; what is said to whoever starts the daemon (`CannotStart`) may name a path.
"""

from modelhubd.wire.problem import FieldError


class ModelhubError(Exception):
    """Root of what the daemon raises on purpose."""


class Refused(ModelhubError):
    """A request that cannot be done. `code` is stable and is what programs branch on."""

    default_code = "refused"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        errors: tuple[FieldError, ...] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.default_code
        self.errors = errors
        self.retry_after_s = retry_after_s


class BadRequest(Refused):
    default_code = "bad_request"


class Unauthenticated(Refused):
    default_code = "unauthenticated"


class NotAllowed(Refused):
    default_code = "not_allowed"


class NotFound(Refused):
    default_code = "not_found"


class Conflict(Refused):
    default_code = "conflict"


class PreconditionFailed(Refused):
    default_code = "precondition_failed"


class TooLarge(Refused):
    default_code = "too_large"


class UnsupportedMediaType(Refused):
    default_code = "unsupported_media_type"


class Misdirected(Refused):
    default_code = "misdirected"


class InvalidInput(Refused):
    default_code = "invalid_input"

    @classmethod
    def at(cls, pointer: str, detail: str) -> "InvalidInput":
        """One fault at one place of the input."""
        return cls(f"{pointer or 'The body'}: {detail}", errors=(FieldError(pointer=pointer, detail=detail),))


class TooManyRequests(Refused):
    default_code = "too_many_requests"


class LoadFailed(Refused):
    """A llama-server that did not get ready; `code` is the server's own error code."""

    default_code = "crashed"

    def __init__(self, detail: str, *, code: str, server_id: str, retry_after_s: float | None = None) -> None:
        super().__init__(detail, code=code, retry_after_s=retry_after_s)
        self.server_id = server_id


class Unavailable(Refused):
    default_code = "unavailable"


class NoSpace(Refused):
    default_code = "disk_full"


class CannotStart(ModelhubError):
    """The daemon cannot start: wrong configuration, another instance, a database it must not touch."""


class BadModelFile(ModelhubError):
    """A model file whose header cannot be what it claims; the message is the reason."""


class Untrusted(ModelhubError):
    """A note, catalog or proof that does not come from whom it claims, or cannot be checked; says why."""
