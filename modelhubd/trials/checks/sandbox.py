"""Become a program that has no network (Linux).

``python -I -S sandbox.py SECONDS PROGRAM ARGUMENT…`` limits itself, has the kernel refuse every system call
that opens a socket, and becomes the program. It imports nothing of ours. Where the kernel cannot do it,
nothing is run.

A filter of system calls (seccomp) needs no privilege, so it works for any user, for root and in containers,
where namespaces of one's own are often forbidden; and unlike a network namespace it shuts out Unix sockets
too, one of which is the daemon's.
"""

import ctypes
import os
import platform
import resource
import signal
import sys

CANNOT = 126
"""Exit status if the program is not run."""

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 1, 38, 22
SECCOMP_MODE_FILTER = 2
LOAD, JUMP_IF_EQUAL, JUMP_IF_AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | 1  # EPERM
AT_NUMBER, AT_ARCHITECTURE = 0, 4
OTHER_ABI = 0x40000000
"""System calls of x86-64's x32, under other numbers."""

# socket, io_uring_setup, _enter, _register: no network. ptrace, process_vm_readv, _writev, pidfd_getfd: nor
# through another process. setsid, setpgid: all that it starts stays in one group, and ends with it.
FORBIDDEN = {
    "x86_64": (0xC000003E, (41, 425, 426, 427, 101, 310, 311, 438, 112, 109)),
    "aarch64": (0xC00000B7, (198, 425, 426, 427, 117, 270, 271, 438, 157, 154)),
}
"""By machine: how the kernel calls its architecture, and the numbers of what is refused."""

MAX_MEMORY = 1024**3
MAX_FILE = 16 * 1024**2
MAX_OPEN = 256


class Instruction(ctypes.Structure):
    """One of the filter's, as in linux/filter.h."""

    _fields_ = (
        ("code", ctypes.c_ushort),
        ("if_true", ctypes.c_ubyte),
        ("if_false", ctypes.c_ubyte),
        ("value", ctypes.c_uint),
    )


class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("first", ctypes.POINTER(Instruction)))


def instructions(machine: str) -> list[tuple[int, int, int, int]]:
    """The filter: (code, skipped if true, skipped if false, value) of each instruction."""
    architecture, numbers = FORBIDDEN[machine]
    checks = [
        (JUMP_IF_EQUAL, len(numbers) - at, 0, number) for at, number in enumerate(numbers)
    ]  # to the last instruction
    return [
        (LOAD, 0, 0, AT_ARCHITECTURE),
        (JUMP_IF_EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, AT_NUMBER),
        (JUMP_IF_AT_LEAST, len(numbers) + 1, 0, OTHER_ABI),
        *checks,
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
    ]


def forbid_sockets() -> None:
    """From here on, for this process and all that it becomes and starts.

    Raises:
        OSError: the kernel does not do it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    listed = instructions(platform.machine())
    program = Program(len(listed), (Instruction * len(listed))(*(Instruction(*each) for each in listed)))
    for option, *arguments in (
        (PR_SET_NO_NEW_PRIVS, 1, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program)),
    ):
        if libc.prctl(option, *arguments, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "seccomp")


def main() -> None:
    seconds, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform != "linux" or platform.machine() not in FORBIDDEN:
        sys.exit(CANNOT)
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        for what, most in (
            (resource.RLIMIT_CPU, seconds),
            (resource.RLIMIT_DATA, MAX_MEMORY),
            (resource.RLIMIT_FSIZE, MAX_FILE),
            (resource.RLIMIT_NOFILE, MAX_OPEN),
            (resource.RLIMIT_CORE, 0),
        ):
            resource.setrlimit(what, (most, most))
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        forbid_sockets()
        os.execv(program[0], program)  # noqa: S606  # becoming the given program is the purpose
    except (OSError, ValueError):
        os._exit(CANNOT)


if __name__ == "__main__":
    main()
