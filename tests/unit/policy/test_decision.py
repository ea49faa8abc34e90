"""Whether a model may be used: the product of what policies say and what is known of a model."""

import itertools

import pytest

from modelhubd.policy.decision import OFFLINE, Facts, Reason, Rules, Vouched, direct, offline, refusal

SOURCES = ("registry", "floor", "local", None)
EVERY_FACT = [
    Facts(
        model="qwen/qwen3",
        source=source,
        verified=verified,
        has_digests=digests,
        vouched=vouched,
        signature_fault=fault,
        withdrawn=withdrawn,
    )
    for source, verified, digests, vouched, fault, withdrawn in itertools.product(
        SOURCES, (True, False), (True, False), Vouched, (None, "no key made it"), (None, "unsafe")
    )
]
EVERY_RULE = [
    Rules(
        require_verified=verified,
        require_signature=signature,
        require_digest=digest,
        allowed_publishers=publishers,
        local_entries=local,
    )
    for verified, signature, digest, publishers, local in itertools.product(
        (True, False), (True, False), (True, False), ((), ("qwen",), ("google",)), (True, False)
    )
]


def is_permitted(rules: Rules, facts: Facts) -> bool:
    """The promise of api.md and registry.md, written out again."""
    wants_somebody = rules.require_verified or rules.require_signature
    return not (
        facts.withdrawn
        or (rules.allowed_publishers and "qwen" not in rules.allowed_publishers)
        or (not rules.local_entries and facts.source in ("local", None))
        or (wants_somebody and facts.vouched is not Vouched.FOR)
        or (rules.require_digest and facts.vouched is Vouched.OTHER)
        or (rules.require_verified and not (facts.source == "registry" and facts.verified))
        or (rules.require_signature and facts.signature_fault)
        or (rules.require_digest and not facts.has_digests)
    )


def test_every_policy_refuses_what_it_forbids_and_nothing_else() -> None:
    for rules, facts in itertools.product(EVERY_RULE, EVERY_FACT):
        assert (refusal(rules, facts) is None) is is_permitted(rules, facts), (rules, facts)


def test_a_reason_names_a_policy_that_is_in_force_or_a_withdrawal() -> None:
    for rules, facts in itertools.product(EVERY_RULE, EVERY_FACT):
        reason = refusal(rules, facts)
        if reason is None:
            continue
        assert reason.detail
        if reason.policy is None:
            assert facts.withdrawn is not None
        else:
            assert getattr(rules, reason.policy) != getattr(Rules(), reason.policy)


def test_without_policies_only_a_withdrawal_refuses() -> None:
    assert {refusal(Rules(), facts) for facts in EVERY_FACT if facts.withdrawn is None} == {None}
    assert Rules().silent


@pytest.mark.parametrize(
    "rules",
    [
        Rules(require_verified=True),
        Rules(require_signature=True),
        Rules(require_digest=True),
        Rules(allowed_publishers=("qwen",)),
    ],
)
def test_a_requirement_is_not_silent(rules: Rules) -> None:
    assert not rules.silent


def test_the_words_of_a_withdrawal_are_made_printable_and_short() -> None:
    reason = refusal(Rules(), Facts(model="a/b", source=None, withdrawn="\x1b[2Jbad" + "x" * 5000))
    assert reason is not None and "\x1b" not in reason.detail and len(reason.detail) < 400


def test_only_the_first_of_many_publishers_are_named() -> None:
    many = tuple(f"p{number}" for number in range(50))
    reason = refusal(Rules(allowed_publishers=many), Facts(model="qwen/q", source="floor"))
    assert reason == Reason(
        policy="allowed_publishers", detail="only models of p0, p1, p2, p3, p4, … are allowed here"
    )


def test_what_came_by_an_address_is_not_run_where_addresses_are_not_allowed() -> None:
    facts = Facts(
        model="hf.qwen/qwen3", source="direct", verified=False, has_digests=True, vouched=Vouched.FOR
    )
    found = refusal(Rules(direct_urls=False), facts)
    assert found is not None and found.policy == "direct_urls"
    assert refusal(Rules(), facts) is None


def test_offline_and_direct_urls_speak_for_themselves() -> None:
    assert (offline(Rules()), offline(Rules(offline=True))) == (None, OFFLINE)
    found = direct(Rules(direct_urls=False))
    assert direct(Rules()) is None and found is not None and found.policy == "direct_urls"
