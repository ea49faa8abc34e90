"""Following an evaluation to its end, and showing how far it is."""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from modelhub_cli.output import Output
from modelhub_client.events import DISCONNECTED, Event, Snapshot
from modelhubd.wire.evaluations import Evaluation, EvaluationProgress, EvaluationState
from modelhubd.wire.events import Removed

if TYPE_CHECKING:
    from modelhub_client import Client

STEP = 10


class View(Protocol):
    """Shows an evaluation while it is followed."""

    def show(self, evaluation: Evaluation, done: int) -> None:
        """A new state, or so many answers."""

    def lost(self) -> None:
        """The daemon is away; it is waited for."""


class Followed:
    """What is known of an evaluation, from the events so far. No I/O."""

    def __init__(self, evaluation: Evaluation, view: View) -> None:
        self.known = evaluation
        self._view = view
        view.show(evaluation, evaluation.done)

    def take(self, event: Event) -> bool:
        """Learn from an event; whether the daemon has to be asked how things are."""
        match event.data:
            case Evaluation(id=self.known.id):
                self.update(event.data)
            case EvaluationProgress(id=self.known.id):
                self._view.show(self.known, event.data.done)
            case Removed(id=self.known.id):
                self.update(replace(self.known, state=EvaluationState.CANCELLED))
            case Snapshot():
                return True
            case _:
                if event.type == DISCONNECTED:
                    self._view.lost()
        return False

    def update(self, evaluation: Evaluation) -> None:
        self.known = evaluation
        self._view.show(evaluation, evaluation.done)


def follow(daemon: "Client", out: Output, evaluation: Evaluation) -> Evaluation:
    """The evaluation once it has ended."""
    with _view(out) as view:
        followed = Followed(evaluation, view)
        if not followed.known.state.ended:
            for event in daemon.events(["evaluations"], wait=True):
                if followed.take(event):
                    followed.update(daemon.evaluation(evaluation.id))
                if followed.known.state.ended:
                    break
    return followed.known


def percent(evaluation: Evaluation, done: int) -> int:
    """Whole percent of the answers."""
    return done * 100 // max(1, evaluation.total)


class Lines:
    """A line when the state changes, and one per ten percent."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._told: tuple[EvaluationState, int] | None = None

    def show(self, evaluation: Evaluation, done: int) -> None:
        now = evaluation.state, percent(evaluation, done) // STEP * STEP
        if now != self._told:
            self._told = now
            self.tell(evaluation, done)

    def tell(self, evaluation: Evaluation, done: int) -> None:
        self._out.say(f"{evaluation.id}: {evaluation.state.value}, {done} of {evaluation.total} answers")

    def lost(self) -> None:
        self._out.say("The daemon is away; waiting for it to come back …")


class JsonLines(Lines):
    """The whole evaluation as a line of JSON instead."""

    def tell(self, evaluation: Evaluation, done: int) -> None:
        self._out.value(evaluation)


class Silent:
    """Nothing, for `-q`."""

    def show(self, evaluation: Evaluation, done: int) -> None: ...

    def lost(self) -> None: ...


def _view(out: Output) -> AbstractContextManager[View]:
    if out.json:
        return nullcontext(JsonLines(out))
    if out.quiet:
        return nullcontext(Silent())
    if not out.draws:
        return nullcontext(Lines(out))
    from modelhub_cli.evaluation_bar import EvaluationBar

    return EvaluationBar(out)
