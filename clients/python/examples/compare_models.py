"""Have two installed models answer the same questions, and say what is known of them.

python compare_models.py FIRST SECOND
"""

import json
import sys

from modelhub_client import Client, InvalidRequest, NotFound, ensure_running
from modelhubd.wire.evaluations import EvaluationState
from modelhubd.wire.servers import LoadSettings

QUESTIONS = (
    {"id": "capital", "prompt": "What is the capital of France? One word.", "expected": "Paris"},
    {"id": "sum", "prompt": "How much is 2 + 2? One number.", "expected": "4"},
)
CHECKS = """
checks:
  right: {expected: normalised}
  short: {regex: '^.{0,60}$'}
"""


def main(first: str, second: str) -> int:
    """The exit code."""
    ensure_running()  # finds the daemon or starts it
    client = Client(app="example/1.0")
    questions = "".join(json.dumps(question) + "\n" for question in QUESTIONS)
    try:
        made = client.create_evaluation(
            questions, [first, second], checks=CHECKS, load=LoadSettings(ctx=512, threads=1), name="example"
        )
    except NotFound as error:
        print(f"{error} Get it with search_and_download.py.")
        return 3
    except InvalidRequest as error:  # each fault of a set or of checks names its line
        print("\n".join(f"{fault.pointer}: {fault.detail}" for fault in error.problem.errors))
        return 2
    ended = made
    for event in client.events(["evaluations"]):  # begins with a snapshot, so that nothing is missed
        ended = client.evaluation(made.id)
        if ended.state.ended:
            break
        if event.type == "evaluation.progress":
            print(f"{event.data.done} of {event.data.total} answers")
    if ended.state is not EvaluationState.COMPLETED:
        print(ended.error.detail if ended.error else ended.state.value)
        return 1
    report = client.evaluation_report(made.id)
    for model in report.models:
        right = model.checks["right"]
        print(f"{model.model}: {right.count} of {right.of} right, {model.latency_s.median:.2f} s")
    for figure in report.pairs[0].figures:
        more = "" if figure.needed is None else f", {figure.needed} more pairs would tell"
        print(f"{figure.figure}: {figure.verdict.value}{more}")
    client.remove_evaluation(made.id)  # with its questions and answers
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) == 3 else __doc__)
