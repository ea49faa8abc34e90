"""What a registry is asked: models, versions, reviews, verification, templates, counters."""

from collections.abc import Iterable
from typing import Literal

from modelhub_client.call import TIMEOUT_S, Call, QueryValue, api, body_of, segment
from modelhubd.wire.base import Page
from modelhubd.wire.catalog import Counters
from modelhubd.wire.registry import (
    Changed,
    Decide,
    DownloadReported,
    Issue,
    Me,
    Popularity,
    Published,
    PutTemplate,
    RegistryModel,
    RegistryVersion,
    Review,
    SignedCatalog,
    Template,
    TemplateCompliance,
    VerificationChanged,
    Withdraw,
)

PUBLISH_TIMEOUT_S = 120.0


def health() -> Call[dict[str, str]]:
    """Whether it answers; needs no token."""
    return Call(method="GET", target=api("/health"), answer=dict[str, str])


def me() -> Call[Me]:
    """Whose token this is and what it may do."""
    return Call(method="GET", target=api("/me"), answer=Me)


def changes(*, after: str | None = None, wait_s: int = 0) -> Call[Changed]:
    """Where the registry stands, once that is not `after`, or after `wait_s` seconds (30 at most)."""
    target = api("/changes", {"after": after, "wait_s": wait_s or None})
    return Call(method="GET", target=target, answer=Changed, timeout_s=TIMEOUT_S + wait_s)


def catalog() -> Call[SignedCatalog]:
    """Everything that is served. It is not checked here: machines take it through TUF."""
    return Call(method="GET", target=api("/catalog"), answer=SignedCatalog, conditional=True)


def root(version: int) -> Call[str]:
    """One of the roots that machines check everything by, as it was signed: 1 is the first."""
    return Call(method="GET", target=api(f"/tuf/{version}.root.json"), answer=str)


def popularity() -> Call[Popularity]:
    """Counters of all models that have any."""
    return Call(method="GET", target=api("/popularity"), answer=Popularity, conditional=True)


def model(model: str) -> Call[RegistryModel]:
    return Call(method="GET", target=api(_model(model)), answer=RegistryModel)


def models(
    *,
    q: str | None = None,
    publishers: Iterable[str] = (),
    statuses: Iterable[str] = (),
    verified: bool = False,
    limit: int | None = None,
    after: str | None = None,
) -> Call[Page[RegistryModel]]:
    """Models that the caller may see, without their entries."""
    query: dict[str, QueryValue] = {
        "q": q or None, "publisher": publishers, "status": statuses, "verified": verified, "limit": limit,
        "after": after,
    }  # fmt: skip
    return Call(method="GET", target=api("/models", query), answer=Page[RegistryModel])


def versions(
    model: str, *, limit: int | None = None, after: str | None = None
) -> Call[Page[RegistryVersion]]:
    """Versions of a model that the caller may see, newest first, without their entries."""
    target = api(f"{_model(model)}/versions", {"limit": limit, "after": after})
    return Call(method="GET", target=target, answer=Page[RegistryVersion])


def version(model: str, version: int) -> Call[RegistryVersion]:
    """One version with its entry."""
    return Call(method="GET", target=api(_version(model, version)), answer=RegistryVersion)


def issues(model: str, version: int) -> Call[tuple[Issue, ...]]:
    """What was noticed when it was published."""
    return Call(method="GET", target=api(f"{_version(model, version)}/issues"), answer=tuple[Issue, ...])


def publish(model: str, body: bytes, *, idempotency_key: str) -> Call[Published]:
    """Publish a version: the JSON of an entry without what the registry manages, with its `notes`."""
    return Call(
        method="POST",
        target=api(f"{_model(model)}/versions"),
        answer=Published,
        body=body,
        idempotency_key=idempotency_key,
        timeout_s=PUBLISH_TIMEOUT_S,
    )


def cancel(model: str, version: int) -> Call[RegistryVersion]:
    """Take a pending version of one's own back."""
    return Call(method="POST", target=api(f"{_version(model, version)}/cancel"), answer=RegistryVersion)


def reviews(
    *, status: str | None = None, limit: int | None = None, after: str | None = None
) -> Call[Page[Review]]:
    """The queue, oldest first."""
    target = api("/reviews", {"status": status, "limit": limit, "after": after})
    return Call(method="GET", target=target, answer=Page[Review])


def review(model: str, version: int) -> Call[Review]:
    """One version in any status, with what it changes of what is served now."""
    return Call(method="GET", target=api(f"{_version(model, version)}/review"), answer=Review)


def decide(
    model: str,
    version: int,
    decision: Literal["approve", "reject"],
    *,
    content_sha256: str,
    reason: str | None = None,
) -> Call[RegistryVersion]:
    """Approve or reject what has this content; refused (`Conflict`) where it is another by now."""
    return Call(
        method="POST",
        target=api(f"{_version(model, version)}/decision"),
        answer=RegistryVersion,
        body=body_of(Decide(decision=decision, content_sha256=content_sha256, reason=reason)),
        timeout_s=PUBLISH_TIMEOUT_S,
    )


def withdraw(model: str, version: int, *, reason: str) -> Call[RegistryVersion]:
    """Take an approved version out of service."""
    return Call(
        method="POST",
        target=api(f"{_version(model, version)}/withdraw"),
        answer=RegistryVersion,
        body=body_of(Withdraw(reason=reason)),
        timeout_s=PUBLISH_TIMEOUT_S,
    )


def verify(model: str) -> Call[VerificationChanged]:
    """Mark a served model as verified; tells which templates changed."""
    return Call(method="PUT", target=api(f"{_model(model)}/verification"), answer=VerificationChanged)


def unverify(model: str) -> Call[VerificationChanged]:
    return Call(method="DELETE", target=api(f"{_model(model)}/verification"), answer=VerificationChanged)


def templates(*, limit: int | None = None, after: str | None = None) -> Call[Page[Template]]:
    return Call(
        method="GET", target=api("/templates", {"limit": limit, "after": after}), answer=Page[Template]
    )


def template(template_id: str) -> Call[Template]:
    return Call(method="GET", target=_template(template_id), answer=Template)


def compliance(template_id: str) -> Call[TemplateCompliance]:
    """A template's badge and what it follows from."""
    return Call(
        method="GET", target=api(f"/templates/{segment(template_id)}/compliance"), answer=TemplateCompliance
    )


def put_template(
    template_id: str, *, name: str, models: Iterable[str], description: str = ""
) -> Call[Template]:
    wanted = PutTemplate(name=name, description=description, models=tuple(models))
    return Call(method="PUT", target=_template(template_id), answer=Template, body=body_of(wanted))


def delete_template(template_id: str) -> Call[None]:
    return Call(method="DELETE", target=_template(template_id), answer=type(None))


def count_download(model: str, *, idempotency_key: str | None = None) -> Call[DownloadReported]:
    """Tell that the model was installed somewhere; the same key tells of the same installation."""
    return Call(
        method="POST",
        target=api(f"{_model(model)}/downloads"),
        answer=DownloadReported,
        idempotency_key=idempotency_key,
    )


def star(model: str) -> Call[None]:
    """One per person, however often it is said."""
    return Call(method="PUT", target=api(f"{_model(model)}/star"), answer=type(None))


def unstar(model: str) -> Call[None]:
    return Call(method="DELETE", target=api(f"{_model(model)}/star"), answer=type(None))


def reset_counters(model: str) -> Call[Counters]:
    """Downloads and stars back to nothing."""
    return Call(method="POST", target=api(f"{_model(model)}/counters/reset"), answer=Counters)


def _model(model: str) -> str:
    publisher, _, name = model.partition("/")
    return f"/models/{segment(publisher)}/{segment(name)}"


def _version(model: str, version: int) -> str:
    return f"{_model(model)}/versions/{version}"


def _template(template_id: str) -> str:
    return api(f"/templates/{segment(template_id)}")
