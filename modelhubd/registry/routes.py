"""EVERY route of the registry, with the scope it takes. Each part has a section of its own."""

from collections.abc import Sequence
from typing import Any

import msgspec

from modelhubd import __version__
from modelhubd.registry.api import (
    about,
    accounts,
    audit,
    changes,
    counters,
    governance,
    metrics,
    models,
    release,
)
from modelhubd.registry.routing import ANYBODY, PUBLISH_BYTES, RegistryRoute
from modelhubd.web.openapi import openapi
from modelhubd.wire.base import Page
from modelhubd.wire.catalog import Counters
from modelhubd.wire.registry import (
    AuditPage,
    Changed,
    ChangePublisher,
    Checkpoint,
    Decide,
    DownloadReported,
    Issue,
    Me,
    NewKey,
    NewPublisher,
    NewToken,
    Popularity,
    Proof,
    Published,
    Publisher,
    PublisherKey,
    PutTemplate,
    RegistryModel,
    RegistryModelPage,
    RegistryVersion,
    RegistryVersionPage,
    Review,
    ReviewPage,
    SignedCatalog,
    Template,
    TemplateCompliance,
    TemplatePage,
    Token,
    TokenMade,
    VerificationChanged,
    Withdraw,
)
from modelhubd.wire.status import Health

PREFIX = "/api/v1"
READ = ("read",)
PUBLISH = ("publish:{publisher}",)
REVIEW = ("review",)
VERIFY = ("verify",)
ADMIN = ("admin",)


def _route(
    method: str, path: str, handler: Any, summary: str, scope: tuple[str, ...], **rest: Any
) -> RegistryRoute:
    return RegistryRoute(
        method=method,
        path=path,
        handler=handler,
        summary=summary,
        scope=scope,
        **rest,
    )


ABOUT = (
    _route("GET", "/health", about.health, "Alive, and its database too", ANYBODY, answer=Health),
    _route("GET", "/metrics", metrics.metrics, "Figures in Prometheus's text form", ANYBODY),
    _route(
        "GET",
        "/changes",
        changes.changes,
        "Where the registry stands, once that is elsewhere",
        READ,
        query=changes.ChangesQuery,
        answer=Changed,
    ),
)

ACCOUNTS = (
    _route("GET", "/me", accounts.me, "Who asks, and what for", READ, answer=Me),
    _route(
        "GET", "/tokens", accounts.tokens, "One's own tokens; an administrator sees all", READ,
        query=accounts.ListQuery, answer=Page[Token],
    ),
    _route(
        "POST", "/tokens", accounts.make_token, "A new token; its secret is shown this once", READ,
        body=NewToken, answer=TokenMade, status=201,
    ),
    _route(
        "DELETE", "/tokens/{id}", accounts.revoke_token, "Revoke one's own; an administrator any", READ,
        status=204,
    ),
    _route(
        "GET", "/publishers", accounts.publishers, "Whose names models bear", READ,
        query=accounts.ListQuery, answer=Page[Publisher],
    ),
    _route("POST", "/publishers", accounts.make_publisher, "A new publisher", ADMIN,
           body=NewPublisher, answer=Publisher, status=201),
    _route("GET", "/publishers/{publisher}", accounts.publisher, "One publisher", READ, answer=Publisher),
    _route("PATCH", "/publishers/{publisher}", accounts.change_publisher, "Suspend or activate", ADMIN,
           body=ChangePublisher, answer=Publisher),
    _route("GET", "/publishers/{publisher}/keys", accounts.keys, "Its keys", (*ADMIN, *PUBLISH),
           query=accounts.ListQuery, answer=Page[PublisherKey]),
    _route("POST", "/publishers/{publisher}/keys", accounts.add_key, "A further key", ADMIN,
           body=NewKey, answer=PublisherKey, status=201),
    _route("DELETE", "/publishers/{publisher}/keys/{key_id}", accounts.revoke_key, "Revoke a key", ADMIN,
           status=204),
)  # fmt: skip

RELEASE = (
    _route("GET", "/catalog", release.catalog, "Everything that is served; 304 by its ETag", READ,
           answer=SignedCatalog),
    _route("GET", "/tuf/{name}", release.metadata, "TUF metadata", READ, rated=False),
    _route("GET", "/tuf/targets/{name}", release.target, "The signed catalog, gzip", READ, rated=False),
)  # fmt: skip

AUDIT = (
    _route("GET", "/audit", audit.entries, "Who did what, oldest first", ADMIN,
           query=audit.AuditQuery, answer=AuditPage),
    _route("GET", "/audit/checkpoint", audit.checkpoint, "The log's size and root, signed", READ,
           answer=Checkpoint),
    _route("GET", "/audit/proof/inclusion", audit.inclusion, "That an entry is in the log", READ,
           query=audit.InclusionQuery, answer=Proof),
    _route("GET", "/audit/proof/consistency", audit.consistency, "That the log has only grown", READ,
           query=audit.ConsistencyQuery, answer=Proof),
)  # fmt: skip

MODEL = "/models/{publisher}/{name}"
VERSION = MODEL + "/versions/{version}"

MODELS = (
    _route("GET", "/models", models.models, "The models that one may see", READ,
           query=models.ModelsQuery, answer=RegistryModelPage),
    _route("GET", MODEL, models.model, "A model, with the entry that is served", READ, answer=RegistryModel),
    _route("GET", MODEL + "/versions", models.versions, "Its versions, newest first", READ,
           query=models.VersionsQuery, answer=RegistryVersionPage),
    _route("POST", MODEL + "/versions", models.publish, "Publish a version for review", PUBLISH,
           answer=Published, status=201, creates=True, max_body_bytes=PUBLISH_BYTES),
    _route("GET", VERSION, models.version, "A version with its entry", READ, answer=RegistryVersion),
    _route("GET", VERSION + "/issues", models.issues, "What was noticed when it was published", READ,
           answer=tuple[Issue, ...]),
    _route("POST", VERSION + "/cancel", models.cancel, "Take back what nobody has decided on", PUBLISH,
           answer=RegistryVersion),
    _route("GET", "/reviews", models.reviews, "What waits for a decision, with what it changes", REVIEW,
           query=models.ReviewsQuery, answer=ReviewPage),
    _route("GET", VERSION + "/review", models.review, "One version, with what it would change", REVIEW,
           answer=Review),
    _route("POST", VERSION + "/decision", models.decide, "Approve or reject", REVIEW,
           body=Decide, answer=RegistryVersion),
    _route("POST", VERSION + "/withdraw", models.withdraw, "Serve an approved version no more", ADMIN,
           body=Withdraw, answer=RegistryVersion),
)  # fmt: skip

GOVERNANCE = (
    _route("PUT", MODEL + "/verification", governance.verify, "Vouch for a model", VERIFY,
           answer=VerificationChanged),
    _route("DELETE", MODEL + "/verification", governance.unverify, "Vouch for it no more", VERIFY,
           answer=VerificationChanged),
    _route("GET", "/templates", governance.every_template, "Templates with their badges", READ,
           query=governance.TemplatesQuery, answer=TemplatePage),
    _route("GET", "/templates/{id}", governance.template, "One template", READ, answer=Template),
    _route("PUT", "/templates/{id}", governance.put_template, "Make or replace a template", ADMIN,
           body=PutTemplate, answer=Template),
    _route("DELETE", "/templates/{id}", governance.delete_template, "Forget a template", ADMIN, status=204),
    _route("GET", "/templates/{id}/compliance", governance.compliance, "Its badge and what it follows from",
           READ, answer=TemplateCompliance),
)  # fmt: skip

COUNTERS = (
    _route("POST", MODEL + "/downloads", counters.downloaded, "Report a download", READ,
           answer=DownloadReported, status=202, creates=True),
    _route("PUT", MODEL + "/star", counters.star, "Star a model", READ, status=204),
    _route("DELETE", MODEL + "/star", counters.unstar, "Take the star back", READ, status=204),
    _route("GET", "/popularity", counters.popularity, "Counters of all models; 304 by its ETag", READ,
           answer=Popularity),
    _route("POST", MODEL + "/counters/reset", counters.reset, "Set a model's counters to zero", ADMIN,
           answer=Counters),
)  # fmt: skip

ROUTES: tuple[RegistryRoute, ...] = (
    *ABOUT, *ACCOUNTS, *RELEASE, *AUDIT, *MODELS, *GOVERNANCE, *COUNTERS,
)  # fmt: skip


def all_routes(routes: Sequence[RegistryRoute] = ROUTES) -> tuple[RegistryRoute, ...]:
    """The table with the route that answers its own reference."""

    def reference() -> bytes:
        return msgspec.json.encode(
            openapi(whole, title="modelhub-registry", version=__version__, prefix=PREFIX)
        )

    about_itself = _route("GET", "/openapi.json", about.document(reference), "This reference", READ)
    whole = (*routes, about_itself)
    return whole
