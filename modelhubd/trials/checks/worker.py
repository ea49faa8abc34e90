"""The process that runs checks: `python -m modelhubd.trials.checks.worker SCRATCH`.

An order is a line of JSON on standard input; for each of its checks a line leaves on standard output at
once. A pattern can keep the interpreter busy for ever, and nothing in it can stop that: the alarm ends the
whole process, and who ordered sees which check was not answered. It ends with its input, too.
"""

import os
import signal
import sys

import msgspec

from modelhubd.trials.checks.deciding import decide, turned, unusable
from modelhubd.trials.checks.scripts import TIMEOUT_S, refused, run_script
from modelhubd.trials.checks.spec import Check, Order
from modelhubd.wire.evidence import CheckOutcome, CheckResult

CHECK_S = 2.0
"""For a check that is no script."""
GRACE_S = 2.0
"""More than a script's own limit: it is ended by that."""
NICENESS = 10


def limit_of(check: Check) -> float:
    """Seconds after which the process that does this check ends itself."""
    return CHECK_S if check.script is None else (check.timeout_s or TIMEOUT_S) + GRACE_S


def check_answer(check: Check, answer: str, expected: str | None, scratch: str) -> tuple[CheckOutcome, str]:
    if check.script is None:
        return decide(check, answer, expected)
    outcome, detail = run_script(check.script, answer, expected, check.timeout_s or TIMEOUT_S, scratch)
    return turned(outcome, detail) if check.negated else (outcome, detail)


def prove(check: Check) -> tuple[CheckOutcome, str]:
    reason = refused() if check.script is not None else unusable(check)
    return (CheckOutcome.ERROR, reason) if reason else (CheckOutcome.PASS, "")


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    results = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # nothing that prints by accident may end up among the results
    for line in sys.stdin.buffer:
        order = msgspec.json.decode(line, type=Order)
        for named in order.checks:
            signal.setitimer(signal.ITIMER_REAL, limit_of(named.check))
            outcome, detail = (
                prove(named.check)
                if order.prove
                else check_answer(named.check, order.answer, order.expected, sys.argv[1])
            )
            signal.setitimer(signal.ITIMER_REAL, 0)
            result = CheckResult(name=named.name, outcome=outcome, detail=detail)
            results.write(msgspec.json.encode(result) + b"\n")


if __name__ == "__main__":
    main()
