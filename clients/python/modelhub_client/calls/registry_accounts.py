"""What a registry is asked about who may do what, and about what was done: publishers, tokens, audit."""

from collections.abc import Iterable
from typing import Literal

from modelhub_client.call import Call, QueryValue, api, body_of, segment
from modelhubd.wire.base import Page
from modelhubd.wire.registry import (
    AuditEntry,
    ChangePublisher,
    Checkpoint,
    NewKey,
    NewPublisher,
    NewToken,
    Proof,
    Publisher,
    PublisherKey,
    Token,
    TokenMade,
)


def publishers(*, limit: int | None = None, after: str | None = None) -> Call[Page[Publisher]]:
    target = api("/publishers", {"limit": limit, "after": after})
    return Call(method="GET", target=target, answer=Page[Publisher])


def publisher(name: str) -> Call[Publisher]:
    return Call(method="GET", target=_publisher(name), answer=Publisher)


def create_publisher(name: str, *, display_name: str = "") -> Call[Publisher]:
    """A publisher owns the first part of the ids of its models."""
    wanted = NewPublisher(name=name, display_name=display_name)
    return Call(method="POST", target=api("/publishers"), answer=Publisher, body=body_of(wanted))


def change_publisher(name: str, status: Literal["active", "suspended"], *, reason: str) -> Call[Publisher]:
    wanted = ChangePublisher(status=status, reason=reason)
    return Call(method="PATCH", target=_publisher(name), answer=Publisher, body=body_of(wanted))


def add_publisher_key(name: str, public_key: str) -> Call[PublisherKey]:
    """Pin a public key (32 bytes in hex) of a publisher in the signed catalog."""
    return Call(
        method="POST",
        target=api(f"/publishers/{segment(name)}/keys"),
        answer=PublisherKey,
        body=body_of(NewKey(public_key=public_key)),
    )


def revoke_publisher_key(name: str, key_id: str) -> Call[None]:
    """Nothing that this key has signed counts as signed any more."""
    target = api(f"/publishers/{segment(name)}/keys/{segment(key_id)}")
    return Call(method="DELETE", target=target, answer=type(None))


def tokens(*, limit: int | None = None, after: str | None = None) -> Call[Page[Token]]:
    """All tokens for an administrator, one's own for everybody else."""
    return Call(method="GET", target=api("/tokens", {"limit": limit, "after": after}), answer=Page[Token])


def create_token(
    principal: str, scopes: Iterable[str], *, expires_in_s: int, note: str = ""
) -> Call[TokenMade]:
    """The answer alone holds the secret, and only once."""
    wanted = NewToken(principal=principal, scopes=tuple(scopes), expires_in_s=expires_in_s, note=note)
    return Call(method="POST", target=api("/tokens"), answer=TokenMade, body=body_of(wanted))


def revoke_token(token_id: str) -> Call[None]:
    return Call(method="DELETE", target=api(f"/tokens/{segment(token_id)}"), answer=type(None))


def audit(
    *,
    actor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> Call[Page[AuditEntry]]:
    """What was done, oldest first, each entry with its leaf hash."""
    query: dict[str, QueryValue] = {
        "actor": actor, "action": action, "subject": subject, "limit": limit, "after": after
    }  # fmt: skip
    return Call(method="GET", target=api("/audit", query), answer=Page[AuditEntry])


def checkpoint() -> Call[Checkpoint]:
    """The signed head of the audit log."""
    return Call(method="GET", target=api("/audit/checkpoint"), answer=Checkpoint)


def inclusion_proof(seq: int, size: int | None = None) -> Call[Proof]:
    target = api("/audit/proof/inclusion", {"seq": seq, "size": size})
    return Call(method="GET", target=target, answer=Proof)


def consistency_proof(from_size: int, to_size: int) -> Call[Proof]:
    target = api("/audit/proof/consistency", {"from": from_size, "to": to_size})
    return Call(method="GET", target=target, answer=Proof)


def _publisher(name: str) -> str:
    return api(f"/publishers/{segment(name)}")
