"""Models answering a file of questions, and what came of it."""

from collections.abc import Iterable
from typing import Literal

from modelhub_client.call import Call, QueryValue, api, body_of, segment
from modelhubd.wire.base import Page
from modelhubd.wire.evaluations import CreateEvaluation, Evaluation, EvaluationReport, Sampling
from modelhubd.wire.servers import LoadSettings

REPORT_S = 300.0
"""For a report of many answers."""


def create_evaluation(
    set_text: str,
    models: Iterable[str],
    *,
    checks: str | None = None,
    seed: int = 1,
    sampling: Sampling | None = None,
    load: LoadSettings | None = None,
    name: str | None = None,
    evict: bool = False,
    idempotency_key: str | None = None,
) -> Call[Evaluation]:
    """Have models answer the questions of a JSONL text, one model after the other, in the background; the
    others are compared with the first. `checks` is the text of a checks file. With `evict` idle servers of
    others may be unloaded to make room."""
    wanted = CreateEvaluation(
        set=set_text,
        models=tuple(models),
        checks=checks,
        seed=seed,
        sampling=sampling or Sampling(),
        load=load or LoadSettings(),
        name=name,
        evict=evict,
    )
    return Call(
        method="POST",
        target=api("/evaluations"),
        answer=Evaluation,
        body=body_of(wanted),
        timeout_s=120.0,
        idempotency_key=idempotency_key,
    )


def evaluations(*, limit: int | None = None, after: str | None = None) -> Call[Page[Evaluation]]:
    """The newest last."""
    target = api("/evaluations", {"limit": limit, "after": after})
    return Call(method="GET", target=target, answer=Page[Evaluation])


def evaluation(evaluation_id: str) -> Call[Evaluation]:
    return Call(method="GET", target=api(f"/evaluations/{segment(evaluation_id)}"), answer=Evaluation)


def evaluation_report(evaluation_id: str, *, questions: int | None = None) -> Call[EvaluationReport]:
    """What it has come to so far, with so many of the questions and their answers; 0 for figures alone."""
    target = api(f"/evaluations/{segment(evaluation_id)}/report", {"questions": questions})
    return Call(method="GET", target=target, answer=EvaluationReport, timeout_s=REPORT_S)


def evaluation_report_text(
    evaluation_id: str, form: Literal["json", "md", "html"], *, questions: int | None = None
) -> Call[str]:
    """The same as a text: JSON, Markdown, or a web page of its own."""
    query: dict[str, QueryValue] = {"format": form, "questions": questions}
    target = api(f"/evaluations/{segment(evaluation_id)}/report", query)
    return Call(method="GET", target=target, answer=str, accept="*/*", timeout_s=REPORT_S)


def cancel_evaluation(evaluation_id: str) -> Call[Evaluation]:
    """Stop it; what it has stays, and it can be resumed."""
    target = api(f"/evaluations/{segment(evaluation_id)}/cancel")
    return Call(method="POST", target=target, answer=Evaluation, timeout_s=60.0)


def resume_evaluation(evaluation_id: str) -> Call[Evaluation]:
    """Go on with what is not answered."""
    target = api(f"/evaluations/{segment(evaluation_id)}/resume")
    return Call(method="POST", target=target, answer=Evaluation)


def remove_evaluation(evaluation_id: str) -> Call[None]:
    """Forget one that has ended, with its questions and answers."""
    return Call(method="DELETE", target=api(f"/evaluations/{segment(evaluation_id)}"), answer=type(None))
