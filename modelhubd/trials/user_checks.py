"""The user's checks of a trial: read when it begins, asked of both answers of each pair."""

import functools
import shutil
from pathlib import Path

from modelhubd.places import private_dir
from modelhubd.tasks import in_thread
from modelhubd.trials.checks.reading import Checks, read_checks
from modelhubd.trials.checks.runner import Checker, usable_checks
from modelhubd.wire.evidence import CheckOutcome


class UserChecks:
    """`scratch` is a folder for what scripts are given; nothing in it outlives the daemon. Close it at the
    end."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._checker = Checker(scratch)
        self._is_ready = False

    async def prove(self, text: str) -> None:
        """Raises InvalidInput with line and place of what is wrong with a checks file; empty is none."""
        if text:
            await self._make_ready()
            await usable_checks(text, self._checker)

    async def run(self, text: str, answer: str) -> dict[str, bool]:
        """By name, whether the answer passes; without the checks that could not be done."""
        if not text:
            return {}
        await self._make_ready()
        results = await self._checker.run(_read(text).for_line(None, expects=False), answer)
        return {
            one.name: one.outcome is CheckOutcome.PASS
            for one in results
            if one.outcome is not CheckOutcome.ERROR
        }

    async def close(self) -> None:
        await self._checker.close()

    async def _make_ready(self) -> None:
        if not self._is_ready:
            self._is_ready = True
            await in_thread(lambda: _emptied(self._scratch))


def names_of(text: str) -> tuple[str, ...]:
    """Of the checks in a file that was proven; without those that need an expected answer, which nobody has
    here."""
    return tuple(one.name for one in _read(text).for_line(None, expects=False)) if text else ()


@functools.lru_cache(maxsize=16)
def _read(text: str) -> Checks:
    return read_checks(text)


def _emptied(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    private_dir(folder)
