"""A candidate beside the active model."""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from modelhubd.wire.base import Message, Request
from modelhubd.wire.evidence import Comparison, Interval, Share
from modelhubd.wire.updates import Switch

When = Literal["idle", "parallel"]
Better = Literal["first", "second", "tie", "both_bad"]
Preferred = Literal["active", "candidate", "tie", "both_bad"]
Side = Literal["active", "candidate"]
Part = Annotated[float, Meta(gt=0, le=1)]
Keep = Annotated[int, Meta(ge=0, le=10_000)]
MOST_CHECKS = 256 * 1024
MOST_PAIRS = 10_000
MaxPairs = Annotated[int, Meta(ge=1, le=MOST_PAIRS)]
MaxPending = Annotated[int, Meta(ge=1, le=10_000)]


class TrialState(StrEnum):
    RUNNING = "running"
    """Requests to the active model are sampled, and the candidate is given them."""
    PAUSED = "paused"
    """Nothing is sampled or asked; by hand, or because the candidate fails (`reason`)."""
    PROMOTED = "promoted"
    """The candidate is what the name means; its figures stay until the trial is removed, no content does."""


class TrialModel(Message, frozen=True, kw_only=True):
    """One of the two, as it was when the trial began."""

    library_id: str
    model: str
    version: int
    option: str


class TrialReason(Message, frozen=True, kw_only=True):
    """Why it is paused, or what it waits for. `code` is one of by_hand candidate_failed candidate_hangs
    candidate_too_large candidate_gone active_gone spool_failed broken enough_pairs or a load's own, or of
    what it waits for: nothing_asked not_idle not_enough_memory would_evict."""

    code: str
    detail: str


class TrialCounts(Message, frozen=True, kw_only=True):
    pairs: int = 0
    """Requests that both have been given."""
    failed: int = 0
    """Pairs among them in which the candidate gave no answer."""
    pending: int = 0
    """Sampled requests that the candidate has not been given yet."""
    pending_bytes: int = 0
    skipped: int = 0
    """Sampled and never given to the candidate: too large, too many, not to be repeated, or interrupted."""
    kept: int = 0
    """Pairs whose content is kept."""
    marked: int = 0
    """Pairs that somebody has marked."""


class CheckRates(Message, frozen=True, kw_only=True):
    """How often each passes one check of the user's."""

    check: str
    active: Share
    candidate: Share
    comparison: Comparison
    """Pairs that only one of the two passes are its wins."""


class Marks(Message, frozen=True, kw_only=True):
    """Blind marks by people, in pairs."""

    active: int = 0
    candidate: int = 0
    tie: int = 0
    both_bad: int = 0


class Evidence(Message, frozen=True, kw_only=True):
    """The figures of a trial. In each comparison `first` is the active model and `second` the candidate."""

    pairs: int
    answered: Share
    """How often the candidate gave an answer."""
    exact: Share
    """The same text."""
    normalised: Share
    """The same but for writing: case, space, quotes; or the same JSON."""
    tool_calls: Share
    """The same calls, of the pairs in which one of them called a tool."""
    similarity: float | None = None
    """Mean cosine of the two answers' embeddings, where an embedding model was loaded."""
    similarity_interval: Interval | None = None
    similarity_pairs: int = 0
    figures: tuple[Comparison, ...] = ()
    """`latency_s`, `ttft_s`, `tokens_per_s` (ratios), `completion_tokens`, `confidence`."""
    checks: tuple[CheckRates, ...] = ()
    marks: Marks = Marks()
    preference: Comparison | None = None
    """From the marks that say which one is better."""
    words: tuple[str, ...] = ()
    """What may be said by now, a sentence each, the weightiest first."""


class Trial(Message, frozen=True, kw_only=True):
    """A candidate that is given what the active model is asked. The answers that anybody sees are the active
    model's alone."""

    id: str
    state: TrialState
    reason: TrialReason | None = None
    """Why it is paused."""
    waits_for: TrialReason | None = None
    """What the next replay waits for, while it runs."""
    active: TrialModel
    candidate: TrialModel
    sample: float
    """Share of the requests that are sampled, over 0 to 1."""
    when: When
    keep: int
    max_pending: int
    max_pairs: int = 1000
    """It pauses once it has so many; resumed it takes as many again."""
    checks: tuple[str, ...] = ()
    """Names of the user's checks."""
    from_update: bool = False
    """Whether an update began it (`updates.trial_first`): its candidate was installed for it."""
    notes: tuple[str, ...] = ()
    """What is allowed and worth knowing, such as another chat template."""
    counts: TrialCounts = TrialCounts()
    created_at: str
    changed_at: str
    ended_at: str | None = None
    evidence: Evidence | None = None
    """Only where one trial is asked for."""


class StartTrial(Request, frozen=True, kw_only=True):
    active: str
    """Library id or `publisher/name[@version][:option]`: who answers."""
    candidate: str
    """The same: who is tried beside it. Of the same model or of another."""
    sample: Part = 1.0
    when: When = "idle"
    """`parallel`: beside the active one whenever memory allows and nobody is being answered. `idle`: only
    while nobody needs the machine for models at all."""
    keep: Keep = 0
    """Pairs whose content (question and both answers) is kept for blind marks, the newest; encrypted, until
    the trial ends. 0 keeps none."""
    max_pending: MaxPending = 200
    """Sampled requests that may wait for the candidate; what comes beyond is not sampled."""
    max_pairs: MaxPairs = 1000
    """With so many it has enough: it pauses, asks nothing more, and what still waits is deleted. Resumed it
    takes as many again, 10000 at most."""
    checks: Annotated[str, Meta(max_length=MOST_CHECKS)] = ""
    """The text of a checks file, as for `modelhub eval run --checks`: both answers of each pair are checked.
    Those that need an expected answer are left out."""


class PairSide(Message, frozen=True, kw_only=True):
    """What one model made of a request. None is unknown."""

    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    ttft_s: float | None = None
    """To the first token; only of streams."""
    tokens_per_s: float | None = None
    latency_s: float | None = None
    finish_reason: str | None = None
    confidence: float | None = None
    """Mean probability of its tokens, where the request asked for them."""
    error: TrialReason | None = None
    checks: dict[str, bool] = msgspec.field(default_factory=dict)
    """By name of the check, whether it passed."""


class PairContent(Message, frozen=True, kw_only=True):
    question: str
    active: str
    candidate: str


class Pair(Message, frozen=True, kw_only=True):
    """One request that both were given."""

    n: int
    route: str
    """Such as `/v1/chat/completions`."""
    at: str
    active: PairSide
    candidate: PairSide
    exact: bool | None = None
    normalised: bool | None = None
    similarity: float | None = None
    tool_calls: bool | None = None
    """Whether both called the same tools alike; None where neither called any."""
    mark: Preferred | None = None
    has_content: bool = False
    content: PairContent | None = None
    """Only where asked for and kept; not while a blind mark of it is open."""


class BlindPair(Message, frozen=True, kw_only=True):
    """Two answers in random order; only the daemon knows which is whose. Mark it with
    `POST /trials/{id}/pairs/{pair}/mark`."""

    pair: int
    question: str
    first: str
    second: str
    left: int
    """Pairs that can be marked, this one among them."""


class MarkPair(Request, frozen=True, kw_only=True):
    better: Better


class PromoteTrial(Request, frozen=True, kw_only=True):
    switch: Switch = "next_load"
    """`now`: who uses the old one is given the candidate once that is ready."""
    dry_run: bool = False


class RemoveTrial(Request, frozen=True, kw_only=True):
    remove_candidate: bool = False
    """Also the candidate's files, unless its model's name means it."""


class TrialDecision(Message, frozen=True, kw_only=True):
    """What was decided, and on what. Kept on this machine after the trial is gone."""

    trial: str
    decision: Literal["promoted", "removed"]
    at: str
    by: str
    """The program that asked, or `owner`."""
    active: TrialModel
    candidate: TrialModel
    counts: TrialCounts
    evidence: Evidence
