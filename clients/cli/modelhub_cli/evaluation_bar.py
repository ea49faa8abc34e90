"""The progress bar of an evaluation on a terminal."""

from rich.progress import MofNCompleteColumn, TimeRemainingColumn

from modelhub_cli.output import Output
from modelhub_cli.progress import Bars
from modelhubd.wire.evaluations import Evaluation, EvaluationState


class EvaluationBar(Bars):
    """One bar: the model that answers just now, and how many answers there are."""

    def __init__(self, out: Output) -> None:
        super().__init__(out, MofNCompleteColumn(), TimeRemainingColumn())
        self._task = self._progress.add_task("", total=None)

    def show(self, evaluation: Evaluation, done: int) -> None:
        model = next((one for one in evaluation.models if one.answered < evaluation.questions), None)
        doing = model.model if model and evaluation.state is EvaluationState.RUNNING else ""
        text = doing if doing and len(evaluation.models) == 1 else evaluation.state.value
        self._progress.update(self._task, total=evaluation.total, completed=done, description=text)

    def lost(self) -> None:
        self._progress.update(self._task, description="the daemon is away, waiting for it")
