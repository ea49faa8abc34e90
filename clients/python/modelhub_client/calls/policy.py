"""Policies, and how models and templates stand under them."""

from collections.abc import Iterable

import msgspec
from msgspec import UNSET, UnsetType

from modelhub_client.call import Call, api
from modelhubd.wire.governance import ModelStandings, TemplateStandings
from modelhubd.wire.policy import ChangePolicy, Policy


def policy() -> Call[Policy]:
    """What may be used on this machine, and who says so."""
    return Call(method="GET", target=api("/policy"), answer=Policy)


def change_policy(
    *,
    require_verified: bool | UnsetType | None = UNSET,
    require_signature: bool | UnsetType | None = UNSET,
    require_digest: bool | UnsetType | None = UNSET,
    allowed_publishers: Iterable[str] | UnsetType | None = UNSET,
    local_entries: bool | UnsetType | None = UNSET,
    direct_urls: bool | UnsetType | None = UNSET,
    offline: bool | UnsetType | None = UNSET,
    report_installs: bool | UnsetType | None = UNSET,
    revision: str | None = None,
) -> Call[Policy]:
    """Change what is given, at once in force and kept over restarts; None leaves it to the layer below. With
    `revision` (an answer's ETag) it is refused if somebody has changed them meanwhile."""
    publishers = allowed_publishers
    change = ChangePolicy(
        require_verified=require_verified,
        require_signature=require_signature,
        require_digest=require_digest,
        allowed_publishers=(
            publishers if publishers is None or isinstance(publishers, UnsetType) else tuple(publishers)
        ),
        local_entries=local_entries,
        direct_urls=direct_urls,
        offline=offline,
        report_installs=report_installs,
    )
    return Call(
        method="PUT",
        target=api("/policy"),
        answer=Policy,
        body=msgspec.json.encode(change),
        revision=revision,
    )


def governance_templates() -> Call[TemplateStandings]:
    """The workflow templates and their badges, as of the signed snapshot that the daemon has."""
    return Call(method="GET", target=api("/governance/templates"), answer=TemplateStandings)


def governance_check(models: Iterable[str]) -> Call[ModelStandings]:
    """How each of these models stands: approved, verified, withdrawn, allowed here."""
    target = api("/governance/check", {"models": ",".join(models)})
    return Call(method="GET", target=target, answer=ModelStandings)
