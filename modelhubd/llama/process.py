"""One operating-system process: started so that it dies with us, read until it ends, stopped for certain."""

import asyncio
import contextlib
import errno
import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from modelhubd.llama import trampoline
from modelhubd.tasks import TaskOwner

LOWEST = 19
"""Of priorities, as `nice` counts them."""
TERM_S = 2.0
HANG_UP_S = 0.25
"""After the first SIGTERM: newer builds, bound to their stdin, wait for its end before they go. Not at once,
or the two ways out meet and the server may crash on its way."""
SECOND_TERM_S = 1.0
KILL_S = 5.0
CHUNK = 64 * 1024
LAST_READS = 16
"""More than a pipe holds."""


class Process:
    """A running child. Made by `start`.

    Its pipes are ours and not asyncio's, which would hold back the news of its end while something that it
    has forked still has them open.
    """

    def __init__(self, child: asyncio.subprocess.Process, stdin: int, output: int) -> None:
        self.pid = child.pid
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """Done with the exit status once it has ended and what it wrote was read."""
        self._child = child
        self._stdin: int | None = stdin
        self._output = output

    @classmethod
    async def start(
        cls,
        program: Sequence[str],
        environment: Mapping[str, str],
        tasks: TaskOwner,
        on_output: Callable[[bytes], None],
    ) -> "Process":
        """Start `program` in a session of its own, at `/`, closed to other users, with its output to
        `on_output`.

        Raises:
            OSError: it cannot be executed.
        """
        if shutil.which(program[0]) is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
            stdin, our_stdin = _pipe(theirs, ours)
            our_output, output = _pipe(ours, theirs)
            os.set_blocking(our_output, False)
            child = await asyncio.create_subprocess_exec(
                *bound_to_parent(program),
                stdin=stdin,
                stdout=output,
                stderr=output,
                env=dict(environment),
                cwd="/",
                umask=0o077,
                start_new_session=True,
            )
            ours.pop_all()
        process = cls(child, our_stdin, our_output)
        tasks.start(process._watch(on_output), name=f"process {child.pid}")
        await asyncio.sleep(0)  # a task that is cancelled before its first step never gets to its `finally`
        return process

    async def stop(self) -> int:
        """End it: SIGTERM and soon the end of its stdin, 2 s later SIGTERM again, 1 s later SIGKILL to its
        session. Gives the status."""
        for act, patience_s in (
            (self._terminate, HANG_UP_S),
            (self._hang_up, TERM_S - HANG_UP_S),
            (self._terminate, SECOND_TERM_S),
        ):
            act()
            done, _ = await asyncio.wait([self.ended], timeout=patience_s)
            if done:
                break
        self.kill_group()
        async with asyncio.timeout(KILL_S):
            return await asyncio.shield(self.ended)

    def step_back(self) -> None:
        """Have it and all that it starts run only while nobody else needs the processor."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.setpriority(os.PRIO_PGRP, self.pid, LOWEST)

    def kill_group(self) -> None:
        """SIGKILL whatever is left of its session, unless all has ended: the number may then be another's."""
        if self.ended.done():
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _terminate(self) -> None:
        if not self.ended.done():  # not through Popen, which would reap the child behind asyncio's back
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def _hang_up(self) -> None:
        if self._stdin is not None:
            os.close(self._stdin)
            self._stdin = None

    async def _watch(self, on_output: Callable[[bytes], None]) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._output, self._read, on_output)
        status = -signal.SIGKILL
        try:
            status = await self._child.wait()
            for _ in range(LAST_READS):  # what it has forked may go on writing for ever
                if not self._read(on_output):
                    break
        finally:
            self.kill_group()  # what it has forked, too
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(KILL_S):
                    status = await self._child.wait()
            loop.remove_reader(self._output)
            os.close(self._output)
            self._hang_up()
            self.ended.set_result(status)

    def _read(self, on_output: Callable[[bytes], None]) -> bool:
        """Read once; whether there was something."""
        try:
            data = os.read(self._output, CHUNK)
        except BlockingIOError:
            return False
        if data:
            on_output(data)
        else:
            asyncio.get_running_loop().remove_reader(self._output)
        return bool(data)


def bound_to_parent(program: Sequence[str]) -> list[str]:
    """How to run `program` so that it dies with this process; but for Linux its closed stdin sees to that."""
    if sys.platform != "linux":
        return list(program)
    return [sys.executable, "-I", "-S", str(Path(trampoline.__file__)), str(os.getpid()), *program]


def _pipe(readers: contextlib.ExitStack, writers: contextlib.ExitStack) -> tuple[int, int]:
    """A pipe's (reading, writing) end, each closed by its stack."""
    reading, writing = os.pipe()
    readers.callback(os.close, reading)
    writers.callback(os.close, writing)
    return reading, writing
