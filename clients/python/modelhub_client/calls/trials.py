"""A candidate beside the active model."""

from modelhub_client.call import Call, api, body_of, segment
from modelhubd.wire.base import Page
from modelhubd.wire.trials import (
    Better,
    BlindPair,
    MarkPair,
    Pair,
    PromoteTrial,
    RemoveTrial,
    StartTrial,
    Trial,
    TrialDecision,
    When,
)
from modelhubd.wire.updates import Switch


def start_trial(
    active: str,
    candidate: str,
    *,
    sample: float = 1.0,
    when: When = "idle",
    keep: int = 0,
    max_pending: int = 200,
    max_pairs: int = 1000,
    checks: str = "",
    idempotency_key: str | None = None,
) -> Call[Trial]:
    """Give `candidate` what `active` is asked; both are references or library ids. `keep` is of how many
    pairs the content is kept for blind marks, `checks` the text of a checks file; with `max_pairs` pairs it
    has enough and pauses. With an `idempotency_key`
    a repeat answers what the first request did."""
    wanted = StartTrial(
        active=active,
        candidate=candidate,
        sample=sample,
        when=when,
        keep=keep,
        max_pending=max_pending,
        max_pairs=max_pairs,
        checks=checks,
    )
    return Call(
        method="POST",
        target=api("/trials"),
        answer=Trial,
        body=body_of(wanted),
        idempotency_key=idempotency_key,
    )


def trials() -> Call[Page[Trial]]:
    """Every trial, the newest first, without its evidence."""
    return Call(method="GET", target=api("/trials"), answer=Page[Trial])


def trial(trial_id: str) -> Call[Trial]:
    """One trial, with its evidence."""
    return Call(method="GET", target=api(f"/trials/{segment(trial_id)}"), answer=Trial)


def trial_decisions() -> Call[Page[TrialDecision]]:
    """What was decided, and on which figures, the newest first."""
    return Call(method="GET", target=api("/trials/decisions"), answer=Page[TrialDecision])


def trial_pairs(
    trial_id: str, *, content: bool = False, limit: int | None = None, after: str | None = None
) -> Call[Page[Pair]]:
    """Requests that both were given; with `content` also what is kept of each."""
    target = api(
        f"/trials/{segment(trial_id)}/pairs", {"content": content or None, "limit": limit, "after": after}
    )
    return Call(method="GET", target=target, answer=Page[Pair])


def blind_pair(trial_id: str) -> Call[BlindPair]:
    """Two answers in an order that only the daemon knows. `NotFound` (`nothing_to_mark`) without any left."""
    return Call(method="GET", target=api(f"/trials/{segment(trial_id)}/blind"), answer=BlindPair)


def mark_pair(trial_id: str, pair: int, better: Better) -> Call[Trial]:
    """Say which answer of a blind pair was the better one."""
    target = api(f"/trials/{segment(trial_id)}/pairs/{pair}/mark")
    return Call(method="POST", target=target, answer=Trial, body=body_of(MarkPair(better=better)))


def pause_trial(trial_id: str) -> Call[Trial]:
    """Sample nothing and ask the candidate nothing until it is resumed."""
    return Call(method="POST", target=api(f"/trials/{segment(trial_id)}/pause"), answer=Trial)


def resume_trial(trial_id: str) -> Call[Trial]:
    """Go on."""
    return Call(method="POST", target=api(f"/trials/{segment(trial_id)}/resume"), answer=Trial)


def promote_trial(trial_id: str, *, switch: Switch = "next_load", dry_run: bool = False) -> Call[Trial]:
    """Have the candidate be what the name means; `roll_back` is the way back."""
    return Call(
        method="POST",
        target=api(f"/trials/{segment(trial_id)}/promote"),
        answer=Trial,
        body=body_of(PromoteTrial(switch=switch, dry_run=dry_run)),
        timeout_s=120,
    )


def remove_trial(trial_id: str, *, remove_candidate: bool = False) -> Call[TrialDecision]:
    """End it and free what it took; with `remove_candidate` also the candidate's files."""
    return Call(
        method="POST",
        target=api(f"/trials/{segment(trial_id)}/remove"),
        answer=TrialDecision,
        body=body_of(RemoveTrial(remove_candidate=remove_candidate)),
        timeout_s=120,
    )


def delete_trial(trial_id: str) -> Call[None]:
    """End it; both models stay."""
    return Call(method="DELETE", target=api(f"/trials/{segment(trial_id)}"), answer=type(None))
