"""Which of several faults decides. No I/O."""

from collections.abc import Sequence

from modelhubd.downloads.plan import TransferEnded
from modelhubd.downloads.surroundings import Superseded


def worst(faults: Sequence[BaseException]) -> BaseException:
    """Of what ended several files the one that decides: a verb, then what does not pass."""

    def weight(error: BaseException) -> int:
        if isinstance(error, BaseExceptionGroup):
            return weight(worst(error.exceptions))
        if isinstance(error, TransferEnded):
            return 1 if error.fault.passing else 2
        return 3 if isinstance(error, Superseded) else 0

    found = max(faults, key=weight)
    return worst(found.exceptions) if isinstance(found, BaseExceptionGroup) else found
