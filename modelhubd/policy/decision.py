"""Decides whether a model may be used here. No I/O."""

from enum import Enum

from msgspec import Struct

from modelhubd.trust.text import printable

REGISTRY = "registry"
"""Source of the entries that a signed snapshot holds."""


class Rules(Struct, frozen=True, kw_only=True):
    """The policies in force; see `wire.policy.Policy`."""

    require_verified: bool = False
    require_signature: bool = False
    require_digest: bool = False
    allowed_publishers: tuple[str, ...] = ()
    local_entries: bool = True
    direct_urls: bool = True
    offline: bool = False
    report_installs: bool = True

    @property
    def silent(self) -> bool:
        """Whether there is no entry of a catalog that they would refuse."""
        return not (
            self.require_verified or self.require_signature or self.require_digest or self.allowed_publishers
        )


class Vouched(Enum):
    FOR = "for"
    UNKNOWN = "unknown"
    """Nobody has ever compared it, or nothing is known of that version."""
    OTHER = "other"
    """It is something else."""


class Facts(Struct, frozen=True, kw_only=True):
    """What of a model matters for a decision."""

    model: str
    source: str | None
    """Where its entry comes from: `registry`, `floor`, `local`, or `direct` for an address of one's own; None
    where there is none."""
    verified: bool = False
    """As its entry says."""
    has_digests: bool = True
    """Of the option in question, and what is installed was checked against them."""
    vouched: Vouched = Vouched.FOR
    """Whether what is installed is what the catalog lists, or listed, under this name and version."""
    signature_fault: str | None = None
    """Why its publisher's signature is none; None where it is good, or nobody asks for one."""
    withdrawn: str | None = None
    """Why the registry has withdrawn it."""


class Reason(Struct, frozen=True, kw_only=True):
    """Why a model may not be used: the policy that says so (None: no policy allows it), and its words."""

    policy: str | None
    detail: str


def refusal(rules: Rules, facts: Facts) -> Reason | None:
    """The first reason, the most final first; None where the model may be used."""
    publisher = facts.model.partition("/")[0]
    if facts.withdrawn is not None:
        said = printable(facts.withdrawn)[:300]
        return Reason(policy=None, detail=f"the registry has withdrawn it: {said}")
    if rules.allowed_publishers and publisher not in rules.allowed_publishers:
        some = ", ".join(rules.allowed_publishers[:5])
        more = ", …" if len(rules.allowed_publishers) > 5 else ""
        return Reason(policy="allowed_publishers", detail=f"only models of {some}{more} are allowed here")
    if not rules.local_entries and facts.source == "local":
        return Reason(
            policy="local_entries", detail="it is an entry of one's own, and these do not count here"
        )
    if not rules.local_entries and facts.source is None:
        return Reason(policy="local_entries", detail="the catalog does not list it")
    if not rules.direct_urls and facts.source == "direct":
        return Reason(policy="direct_urls", detail="only what the catalog lists may be used here")
    if (unvouched := _unvouched(rules, facts.vouched)) is not None:
        return unvouched
    if rules.require_verified and not (facts.verified and facts.source == REGISTRY):
        return Reason(policy="require_verified", detail="no administrator of the registry has verified it")
    if rules.require_signature and facts.signature_fault is not None:
        return Reason(
            policy="require_signature", detail=f"its publisher's signature: {facts.signature_fault}"
        )
    if rules.require_digest and not facts.has_digests:
        return Reason(policy="require_digest", detail="not all of its files have a SHA-256 to check them by")
    return None


def _unvouched(rules: Rules, vouched: Vouched) -> Reason | None:
    """Why bytes that nobody vouches for may not be used, where a policy wants somebody to."""
    wants = ["require_signature", "require_verified"]
    detail = "nobody has compared what is installed with what the catalog lists: update it, or get it again"
    if vouched is Vouched.OTHER:
        wants.append("require_digest")
        detail = "what is installed is not what the catalog lists under this name"
    policy = next((policy for policy in wants if getattr(rules, policy)), None)
    return None if vouched is Vouched.FOR or policy is None else Reason(policy=policy, detail=detail)


OFFLINE = Reason(policy="offline", detail="this machine is kept offline")


def offline(rules: Rules) -> Reason | None:
    """Why nothing may be fetched now."""
    return OFFLINE if rules.offline else None


def direct(rules: Rules) -> Reason | None:
    """Why no address may be named; None where it may."""
    if rules.direct_urls:
        return None
    return Reason(policy="direct_urls", detail="only what the catalog lists may be downloaded here")
