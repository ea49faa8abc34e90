"""Content is kept where a rule says so, and nowhere else."""

import pytest

from modelhubd.errors import InvalidInput
from modelhubd.records.audit import refuse_unclear, rule_for
from modelhubd.wire.records import AuditRule

NODE = AuditRule(keep="preview", node="draft")
APP = AuditRule(keep="whole", app="editor", max_age_days=1)
MODEL = AuditRule(keep="preview", model="lab/tiny", max_age_days=30)
RULES = (NODE, APP, MODEL)


@pytest.mark.parametrize(
    ("node", "app", "model", "rule"),
    [
        (None, None, "lab/other", None),
        ("draft", None, "lab/other", NODE),
        ("Draft", None, "", None),
        (None, "editor", "lab/other", APP),
        (None, None, "lab/tiny", MODEL),
        ("draft", None, "lab/tiny", MODEL),
        ("draft", "editor", "lab/tiny", APP),
    ],
)
def test_the_rule_that_keeps_most_counts(
    node: str | None, app: str | None, model: str, rule: AuditRule | None
) -> None:
    assert rule_for(RULES, node=node, app=app, model=model) == rule
    assert rule_for((), node=node, app=app, model=model) is None


@pytest.mark.parametrize(
    "rules",
    [
        (AuditRule(keep="whole"),),
        (AuditRule(keep="whole", node="a", app="b"),),
        (NODE, AuditRule(keep="whole", node="draft")),
    ],
)
def test_a_rule_names_one_thing_that_has_none_yet(rules: tuple[AuditRule, ...]) -> None:
    with pytest.raises(InvalidInput):
        refuse_unclear(rules)


def test_clear_rules_are_taken() -> None:
    refuse_unclear(RULES)
