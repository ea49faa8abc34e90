"""Models answering a file of questions, one after another, and what came of it."""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from modelhubd.wire.base import Message, Request
from modelhubd.wire.evidence import CheckResult, Comparison, Share
from modelhubd.wire.servers import EffectiveSetting, LoadSettings

MAX_MODELS = 8
MAX_UPLOAD_BYTES = 1024**2
"""Of a whole request: what is decoded at once holds up everybody else meanwhile."""
Seed = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class EvaluationState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self not in (EvaluationState.QUEUED, EvaluationState.RUNNING)


class Sampling(Request, frozen=True, kw_only=True):
    """How answers are written, the same for all models. At temperature 0 the most probable token is taken."""

    temperature: Annotated[float, Meta(ge=0, le=5)] = 0.0
    top_p: Annotated[float, Meta(gt=0, le=1)] = 1.0
    max_tokens: Annotated[int, Meta(ge=1, le=131_072)] = 512
    timeout_s: Annotated[float, Meta(gt=0, le=3600)] = 300.0
    """Seconds that one answer may take; one that takes longer counts as an error."""


class CreateEvaluation(Request, frozen=True, kw_only=True):
    set: str
    """JSONL: a question in each line, as `{"messages": […]}` or `{"prompt": "…"}` (one message of a user),
    with `id`, `expected` and `checks` (names of those that apply; all without) where wanted."""
    models: Annotated[tuple[str, ...], Meta(min_length=1, max_length=MAX_MODELS)]
    """Artifacts' ids or model references; the first is what the others are compared with."""
    checks: str | None = None
    """A checks file, as YAML or JSON."""
    seed: Seed = 1
    sampling: Sampling = Sampling()
    load: LoadSettings = LoadSettings()
    """Load settings, the same for all models. One slot (`parallel`) is used unless another number is
    named."""
    name: Annotated[str, Meta(max_length=200)] | None = None
    evict: bool = False
    """Whether servers of others that are idle may be unloaded to make room."""


class EvaluatedModel(Message, frozen=True, kw_only=True):
    """A model of an evaluation: what it was when the evaluation was made, and how far it has come."""

    asked: str
    """As it was named."""
    library_id: str
    model: str
    version: int
    option: str
    digest: str | None
    """Of its files, see `Artifact.digest`."""
    answered: int = 0
    errors: int = 0
    """Those of the answered that are no answers: the server refused, or took too long."""
    builds: tuple[str, ...] = ()
    """Of llama-server, that have answered; more than one after a change in the middle."""
    settings: dict[str, EffectiveSetting] = msgspec.field(default_factory=dict)
    """Load settings in force, once it was loaded."""

    @property
    def reference(self) -> str:
        return f"{self.model}@{self.version}:{self.option}"


class EvaluationError(Message, frozen=True, kw_only=True):
    """`code` is what programs branch on, as in problems."""

    code: str
    detail: str


class Evaluation(Message, frozen=True, kw_only=True):
    """State event `evaluation.changed`. Nothing of questions or answers is in it."""

    id: str
    name: str | None
    state: EvaluationState
    models: tuple[EvaluatedModel, ...]
    questions: int
    """Lines of the set; each model answers each of them."""
    checks: tuple[str, ...]
    seed: int
    sampling: Sampling
    load: LoadSettings
    evict: bool = False
    set_digest: str
    """SHA-256 of the set's text."""
    checks_digest: str | None
    """SHA-256 of the checks' text."""
    error: EvaluationError | None = None
    created_at: str
    started_at: str | None = None
    ended_at: str | None = None

    @property
    def done(self) -> int:
        return sum(model.answered for model in self.models)

    @property
    def total(self) -> int:
        return self.questions * len(self.models)


class EvaluationProgress(Message, frozen=True, kw_only=True):
    """Gauge `evaluation.progress`: answers there are, of all that there will be."""

    id: str
    done: int
    total: int


class Spread(Message, frozen=True, kw_only=True):
    """How a figure is spread over the answers; None where no answer has it."""

    count: int = 0
    mean: float | None = None
    p5: float | None = None
    median: float | None = None
    p95: float | None = None


class ModelFigures(Message, frozen=True, kw_only=True):
    """One model's figures. Times in seconds; `confidence` is the mean probability of an answer's tokens."""

    model: str
    answered: int
    errors: dict[str, int] = msgspec.field(default_factory=dict)
    checks: dict[str, Share] = msgspec.field(default_factory=dict)
    """Passes among the answers that a check could be done on."""
    check_errors: dict[str, int] = msgspec.field(default_factory=dict)
    latency_s: Spread
    first_token_s: Spread
    tokens_per_s: Spread
    prompt_tokens: Spread
    completion_tokens: Spread
    confidence: Spread


class Agreements(Message, frozen=True, kw_only=True):
    """How often two models have answered alike."""

    exact: Share
    normalised: Share
    similarity: Spread = Spread()
    """Cosine of embeddings, where an embedding model was loaded when the evaluation ended."""


class ModelPair(Message, frozen=True, kw_only=True):
    """A model beside the first one."""

    first: str
    second: str
    agreement: Agreements
    figures: tuple[Comparison, ...]


class AnswerShown(Message, frozen=True, kw_only=True):
    """One model's answer; `text` is cut where it is long."""

    model: str
    text: str
    error: str | None = None
    checks: tuple[CheckResult, ...] = ()
    latency_s: float


class QuestionShown(Message, frozen=True, kw_only=True):
    """A question with all its answers; texts are cut where they are long."""

    id: str
    question: str
    expected: str | None = None
    answers: tuple[AnswerShown, ...]


class EvaluationReport(Message, frozen=True, kw_only=True):
    """What an evaluation has come to, and all that is needed to repeat it."""

    evaluation: Evaluation
    daemon: str
    """Version of the program."""
    machine: str
    """System and architecture: another one may round otherwise."""
    models: tuple[ModelFigures, ...]
    pairs: tuple[ModelPair, ...]
    questions: tuple[QuestionShown, ...] = ()
    """As many as were asked for; those with different outcomes come first."""
