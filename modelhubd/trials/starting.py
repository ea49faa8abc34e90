"""Decides whether a trial may begin, and what is worth saying of it. No I/O."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from modelhubd.errors import Conflict
from modelhubd.trials.store import Stored
from modelhubd.wire.architecture import ModelFacts
from modelhubd.wire.library import Artifact
from modelhubd.wire.trials import TrialModel, TrialState


class Contender(Struct, frozen=True, kw_only=True):
    """One of the two: what is installed of it, and what its file says."""

    artifact: Artifact
    facts: ModelFacts
    embeds: bool
    """It is an encoder: it makes embeddings, or ranks, and writes no text."""

    @property
    def name(self) -> str:
        return f"{self.artifact.model}@{self.artifact.version}:{self.artifact.option}"

    @property
    def model(self) -> TrialModel:
        one = self.artifact
        return TrialModel(library_id=one.id, model=one.model, version=one.version, option=one.option)


def refuse(active: Contender, candidate: Contender, trials: Sequence[Stored]) -> None:
    """Raises Conflict with the first reason why the candidate cannot be tried beside the active model."""
    if active.artifact.id == candidate.artifact.id:
        raise Conflict(
            f"{active.name} cannot be tried beside itself. Name another version, option or model.",
            code="same_artifact",
        )
    for trial in trials:
        if trial.state is not TrialState.PROMOTED and trial.active.model == active.artifact.model:
            raise Conflict(
                f"A trial on {active.artifact.model} is there already: {trial.id}. Promote or remove it.",
                code="trial_exists",
            )
    for has, code, what in _ABILITIES:
        if has(active) and not has(candidate):
            raise Conflict(
                f"{candidate.name} does not {what}, and {active.name} does. Choose a candidate that does.",
                code=code,
            )


def notes(active: Contender, candidate: Contender) -> tuple[str, ...]:
    """What is allowed and may surprise."""
    one, other = active.facts, candidate.facts
    said = []
    if _writes(active) and one.chat_template != other.chat_template:
        said.append(
            "The candidate has no chat template of its own: llama-server uses a general one."
            if not other.has_chat_template
            else "The candidate has another chat template: the same messages reach it written in another way."
        )
    if _embeds(active):
        said.append("Vectors of two models do not mix: with the candidate, an index has to be built anew.")
    if one.vision is not None and other.vision is None:
        said.append("The candidate cannot look at images: requests with any count as not answered.")
    mine, its = one.architecture.context_length, other.architecture.context_length
    if mine is not None and its is not None and its < mine:
        said.append(f"The candidate reads {its} tokens at most, the active model {mine}.")
    if one.thinks != other.thinks:
        who = "candidate" if other.thinks else "active model"
        said.append(f"Only the {who} thinks before it answers: times and tokens count that.")
    if active.artifact.model != candidate.artifact.model:
        said.append(
            f"The candidate is another model, with terms of its own. It cannot be promoted under the name of "
            f"{active.artifact.model}: have what asks name {candidate.artifact.model}, or set an alias."
        )
    return tuple(said)


def _writes(one: Contender) -> bool:
    return not (one.embeds or one.facts.ranks)


def _ranks(one: Contender) -> bool:
    return one.facts.ranks


def _embeds(one: Contender) -> bool:
    return one.embeds and not one.facts.ranks


_ABILITIES: tuple[tuple[Callable[[Contender], bool], str, str], ...] = (
    (_ranks, "no_ranking", "rank texts"),
    (_embeds, "no_embeddings", "make embeddings"),
    (_writes, "no_text", "write text"),
)
