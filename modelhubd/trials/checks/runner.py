"""The daemon's hold on the process that runs checks."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec

import modelhubd
from modelhubd.errors import InvalidInput
from modelhubd.trials.checks.reading import MAX_TOLD, Checks, read_checks
from modelhubd.trials.checks.spec import Named, Order
from modelhubd.trials.checks.worker import GRACE_S, limit_of
from modelhubd.wire.evidence import CheckOutcome, CheckResult
from modelhubd.wire.problem import FieldError

START_S = 20.0
"""For the process to begin, on a busy machine."""
END_S = 2.0


class Checker:
    """Runs checks one after another, in a process that is started when it is needed. Close it at the end.

    `scratch` is a folder of ours, open to nobody else, for what a script is given. What a kill leaves in it
    is for its owner to remove.
    """

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def run(
        self, checks: Sequence[Named], answer: str, expected: str | None = None
    ) -> tuple[CheckResult, ...]:
        """What each check says of the answer, in their order; never raises for what a check or an answer
        does."""
        return await self._do(checks, lambda left: Order(checks=left, answer=answer, expected=expected))

    async def prove(self, checks: Checks, pointer: str = "/checks") -> Checks:
        """`checks`, if each of them can be used.

        Raises:
            InvalidInput: at `pointer`, for each that cannot: a bad pattern or schema, a script where none
            can be run.
        """
        results = await self._do(checks.checks, lambda left: Order(checks=left, prove=True))
        bad = [f"{each.name}: {each.detail}" for each in results if each.outcome is not CheckOutcome.PASS]
        if bad:
            raise InvalidInput(
                f"The checks cannot be used: {bad[0]}.",
                errors=tuple(FieldError(pointer=pointer, detail=each) for each in bad[:MAX_TOLD]),
            )
        return checks

    async def close(self) -> None:
        """End the process and wait for it."""
        async with self._turn:
            await self._end()

    async def _do(self, checks: Sequence[Named], order: "_Ordered") -> tuple[CheckResult, ...]:
        results: list[CheckResult] = []
        async with self._turn:
            try:
                while len(results) < len(checks):
                    left = tuple(checks[len(results) :])
                    results += await self._some(left, order(left))
            except BaseException:
                await asyncio.shield(self._end())
                raise
        return tuple(results)

    async def _some(self, checks: tuple[Named, ...], order: Order) -> list[CheckResult]:
        """The results of `checks` up to one that ends the process, whose result is an error."""
        process = self._process = self._process or await _start(self._scratch)
        assert process.stdin is not None
        assert process.stdout is not None
        results: list[CheckResult] = []
        with contextlib.suppress(ConnectionError):
            process.stdin.write(msgspec.json.encode(order) + b"\n")
        for named in checks:
            line = b""
            with contextlib.suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(limit_of(named.check) + GRACE_S + START_S):
                    line = await process.stdout.readline()
            if not line.endswith(b"\n"):
                await self._end()
                detail = f"it did not end within {limit_of(named.check):g} s, or brought the checks down"
                return [*results, CheckResult(name=named.name, outcome=CheckOutcome.ERROR, detail=detail)]
            results.append(msgspec.json.decode(line, type=CheckResult))
        return results

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        async with asyncio.timeout(END_S):
            await process.wait()


class _Ordered(Protocol):
    """What to order for the checks that are left."""

    def __call__(self, left: tuple[Named, ...], /) -> Order: ...


async def usable_checks(text: str, checker: Checker, pointer: str = "/checks") -> Checks:
    """A checks file that can be used, read off the event loop.

    Raises:
        InvalidInput: at `pointer`, with line and place of what is wrong.
    """
    return await checker.prove(await asyncio.to_thread(read_checks, text, pointer), pointer)


async def _start(scratch: Path) -> asyncio.subprocess.Process:
    package = str(Path(modelhubd.__file__).parent.parent)
    environ = dict(os.environ)
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, (package, environ.get("PYTHONPATH"))))
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "modelhubd.trials.checks.worker",
        str(scratch),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environ,
        cwd="/",
        start_new_session=True,
    )
