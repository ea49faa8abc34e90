"""Whether models and templates comply, as of the snapshot that this machine has."""

from enum import StrEnum

from modelhubd.wire.base import Message, Page


class Standing(StrEnum):
    """What comes of a model here: the first of these that is not so."""

    APPROVED = "approved"
    """The registry serves it, and nothing forbids it here."""
    WITHDRAWN = "withdrawn"
    NOT_APPROVED = "not_approved"
    """The registry does not serve it."""
    REFUSED_BY_POLICY = "refused_by_policy"


class ModelStanding(Message, frozen=True, kw_only=True):
    """`approved` and `verified` are the registry's word; `allowed` is what the policies here make of it."""

    model: str
    code: Standing
    approved: bool
    verified: bool
    withdrawn: bool
    allowed: bool
    policy: str | None = None
    """The policy that forbids it."""
    reason: str | None = None
    version: int | None = None
    """The one that is served."""


class TemplateStanding(Message, frozen=True, kw_only=True):
    """A template's badge. `compliant` is the registry's: all of its models are verified. `allowed` says
    whether the policies of this machine let all of them run here."""

    id: str
    name: str
    compliant: bool
    allowed: bool
    models: tuple[ModelStanding, ...]


class AsOf(Message, frozen=True, kw_only=True):
    """The snapshot that an answer is as of."""

    source: str
    """`registry`; `floor` while there is no signed snapshot, which approves nothing."""
    revision: str
    synced_at: str | None = None
    stale: bool = False


class TemplateStandings(Page[TemplateStanding], frozen=True, kw_only=True):
    """The badges of all templates."""

    as_of: AsOf


class ModelStandings(Page[ModelStanding], frozen=True, kw_only=True):
    """The answer to a check, in the order of the question."""

    as_of: AsOf
