"""Run a program that dies with the process that started it (Linux).

``python -I -S trampoline.py PARENT PROGRAM ARGUMENT…`` asks the kernel for SIGKILL at the death of the
parent, makes sure that the parent is still there, and becomes the program. It imports nothing of ours.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, program = int(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)
    try:
        os.execv(program[0], program)  # noqa: S606  # becoming the given program is the purpose
    except OSError as error:
        sys.exit(f"error: the program cannot be run: {error.strerror}")


if __name__ == "__main__":
    main()
