"""A program that says what it finds of itself, and ends as it is told:

python -m tests.fakes.self_portrait [exit N | raise | signal | say TEXT]
"""

import json
import os
import resource
import signal
import sys
import threading
from typing import Any


def of_this_process() -> dict[str, Any]:
    """What a program may ask of its process; the descriptors of its own looking are not in it."""
    return {
        "argv": [os.path.basename(sys.argv[0]), *sys.argv[1:]],
        "main": sys.modules["__main__"].__name__,
        "path": sys.path[0],
        "cwd": os.getcwd(),
        "environ": dict(sorted(os.environ.items())),
        "fds": [fd for fd in range(64) if _is_open(fd)],
        "group": os.getpgrp(),
        "session": os.getsid(0),
        "umask": _umask(),
        "limits": {
            name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if "RLIMIT_" in name
        },
        "int": str(signal.getsignal(signal.SIGINT)),
        "pipe": str(signal.getsignal(signal.SIGPIPE)),
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "threads": threading.active_count(),
        "encodings": [(stream.encoding, stream.errors) for stream in (sys.stdin, sys.stdout, sys.stderr)],
        "by_line": [stream.line_buffering for stream in (sys.stdout, sys.stderr)],
        "given": sys.stdin.read(),
    }


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def main() -> None:
    match sys.argv[1:]:
        case ["exit", code]:
            sys.exit(int(code))
        case ["raise"]:
            raise ValueError("on purpose")
        case ["signal"]:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        case ["wait"]:
            signal.pause()
        case ["say", text]:
            print(text)
            print("and this", file=sys.stderr)
        case _:
            print(json.dumps(of_this_process()))


if __name__ == "__main__":
    main()
