"""Why a server did not start or died, read from its log and exit status.

llama-server exits with 1 for everything, so the first line that says `error`, or the lines at level `E`,
are what there is.
"""

import re
import signal
from collections.abc import Sequence

from modelhubd.wire.servers import ServerError

LOG_TAIL = 20

Cause = tuple[str, str]
"""A code, and the pattern of the lines that tell of it."""

OUT_OF_MEMORY: Cause = (
    "out_of_memory",
    r"out of memory|OutOfDeviceMemory|failed to allocate|unable to allocate|bad_alloc"
    r"|cannot allocate memory|cudaMalloc failed|insufficient memory",
)
CAUSES: tuple[Cause, ...] = (
    ("unsupported_architecture", r"unknown model architecture|unsupported model architecture"),
    OUT_OF_MEMORY,
    ("port_in_use", r"address already in use|couldn'?t bind|failed to bind"),
    (
        "bad_setting",
        r"invalid argument|error while handling argument|requires[_ ]flash[_ ]att|unknown argument"
        r"|expected value for argument|is required",
    ),
    (
        "bad_model",
        r"not within the file bounds|invalid magic|bad magic|unsupported (gguf )?version|failed to read"
        r"|wrong shape|missing tensor|invalid (gguf|string|tensor)|corrupt|is not a gguf"
        r"|error loading model|failed to load model|failed to open gguf",
    ),
)

WHAT_TO_DO = {
    "unsupported_architecture": "Use a newer llama-server, or another model.",
    "out_of_memory": "Load it with a smaller context, or unload other models first.",
    "port_in_use": "Try again.",
    "bad_setting": "Change the settings of this load.",
    "bad_model": "Verify the model, or download it again.",
    "binary_missing": "Install llama-server again, or name another one in the setting llama.binary.",
    "killed": "The system was probably short of memory: unload other models or use a smaller one.",
    "crashed": "Its log may say more; try again, or use another llama-server build.",
    "timeout": "Try again, or use a smaller model.",
}

_PREFIX = re.compile(r"^(\d+\.)+\d+ [A-Z] +(\S+ +)?[^:]{0,40}: ")
_LEVEL_E = re.compile(r"^(\d+\.)+\d+ E ")
_CHATTER = re.compile(r"^(\d+\.)+\d+ [ID] ")
_FIRST_ERROR = re.compile(r"^error\b", re.IGNORECASE)
_ABORT = re.compile(r"GGML_ASSERT\(.*\) failed|fatal error|terminate called")
LAST_LINES = 30
"""Of a log: the last words of a server that died while it served; a backtrace may follow them."""
_FOLDERS = re.compile(r"(?<![\w.])(?<!:/)/(?:[^\s'\"/][^'\"/]*/)+")
"""Of an absolute path; their names may hold spaces."""


def classify(lines: Sequence[str], returncode: int | None, *, was_ready: bool = False) -> ServerError:
    """The error of a server whose log ends with `lines`; `returncode` is negative for a signal.

    One that was ready had nothing against its model and its settings, and its earlier errors were answers to
    requests: only the last lines count then, and only memory is a cause.
    """
    if returncode == -signal.SIGKILL:
        return failure("killed", "it was killed from outside", lines)
    suspects = [line for line in lines if _FIRST_ERROR.match(line) or _LEVEL_E.match(line)]
    last_words = [line for line in lines[-LAST_LINES:] if not _CHATTER.match(line)]
    found = _cause((OUT_OF_MEMORY,), last_words) if was_ready else _cause(CAUSES, suspects or lines)
    if found is not None:
        code, line = found
        return failure(code, _PREFIX.sub("", line), lines)
    last_words = [line for line in lines[-LAST_LINES:] if _ABORT.search(line)]
    if returncode is not None and returncode < 0:
        return failure(
            "crashed", ": ".join([f"it died of {_signal_name(-returncode)}", *last_words[:1]]), lines
        )
    if suspects and not was_ready:
        return failure("crashed", _PREFIX.sub("", suspects[0]), lines)
    return failure("crashed", f"it ended with status {returncode}", lines)


def _cause(causes: Sequence[Cause], lines: Sequence[str]) -> tuple[str, str] | None:
    """The first cause that a line tells of, and that line."""
    for code, pattern in causes:
        for line in lines:
            if re.search(pattern, line, re.IGNORECASE):
                return code, line
    return None


def failure(code: str, reason: str, lines: Sequence[str] = ()) -> ServerError:
    """An error with what to do about it and the end of the log, all paths cut to their last part."""
    sentence = without_paths(reason).strip().rstrip(".")
    return ServerError(
        code=code,
        detail=f"The model could not be run: {sentence}. {WHAT_TO_DO[code]}",
        log_tail=tuple(without_paths(line) for line in lines[-LOG_TAIL:]),
    )


def without_paths(line: str) -> str:
    """`line` with every absolute path cut to its last part."""
    return _FOLDERS.sub("", line)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
