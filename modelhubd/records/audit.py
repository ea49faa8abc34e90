"""Whose content is kept: rules that somebody has set, and none by themselves."""

from collections.abc import Sequence

from modelhubd.errors import InvalidInput
from modelhubd.wire.records import AuditRule

_RANK = {"preview": 1, "whole": 2}


def refuse_unclear(rules: Sequence[AuditRule]) -> None:
    """
    Raises:
        InvalidInput: a rule that names nothing or more than one thing, or a thing that has a rule already.
    """
    seen = set()
    for place, rule in enumerate(rules):
        named = [rule.node, rule.app, rule.model]
        if sum(name is not None for name in named) != 1:
            raise InvalidInput.at(f"/rules/{place}", "name exactly one of node, app and model")
        if tuple(named) in seen:
            raise InvalidInput.at(f"/rules/{place}", "there is a rule for this already")
        seen.add(tuple(named))


def rule_for(
    rules: Sequence[AuditRule], *, node: str | None, app: str | None, model: str
) -> AuditRule | None:
    """The rule that keeps most of such a request; None where nothing is kept."""
    found = [
        rule
        for rule in rules
        if (rule.node is not None and rule.node == node)
        or (rule.app is not None and rule.app == app)
        or (rule.model is not None and rule.model == model)
    ]
    return max(found, key=lambda rule: (_RANK[rule.keep], rule.max_age_days), default=None)
