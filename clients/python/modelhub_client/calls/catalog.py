"""What can be had."""

from collections.abc import Iterable
from typing import Literal

from modelhub_client.call import TIMEOUT_S, Call, api, body_of, model_path
from modelhubd.wire.base import Page
from modelhubd.wire.catalog import CatalogInfo, CatalogPage, ModelDetail, VersionNote
from modelhubd.wire.library import Artifact, SetActive

SYNC_S = 150.0
"""The daemon waits two minutes for a registry."""

Sort = Literal["relevance", "name", "params", "size", "downloads", "updated"]


def search(
    q: str | None = None,
    *,
    formats: Iterable[str] = (),
    capabilities: Iterable[str] = (),
    licenses: Iterable[str] = (),
    publishers: Iterable[str] = (),
    tags: Iterable[str] = (),
    compatible: bool = False,
    verified: bool = False,
    installed: bool = False,
    sort: Sort | None = None,
    limit: int | None = None,
    after: str | None = None,
) -> Call[CatalogPage]:
    """Models that match, each with its fit for this device. Values of one filter widen, filters narrow."""
    query = api(
        "/catalog/models",
        {
            "q": q or None, "format": formats, "capability": capabilities, "license": licenses,
            "publisher": publishers, "tag": tags, "compatible": compatible, "verified": verified,
            "installed": installed, "sort": sort, "limit": limit, "after": after,
        },
    )  # fmt: skip
    return Call(method="GET", target=query, answer=CatalogPage)


def model(model: str, *, ctx: int | None = None) -> Call[ModelDetail]:
    """The whole entry of `publisher/name`, each option judged for this device, with `ctx` tokens of context
    if given."""
    return Call(method="GET", target=api(model_path(model), {"ctx": ctx}), answer=ModelDetail)


def versions(model: str, *, limit: int | None = None, after: str | None = None) -> Call[Page[VersionNote]]:
    """The version history, newest first."""
    target = api(f"{model_path(model)}/versions", {"limit": limit, "after": after})
    return Call(method="GET", target=target, answer=Page[VersionNote])


def set_active(model: str, library_id: str) -> Call[Artifact]:
    """Let the bare model id mean this installed artifact."""
    return Call(
        method="PUT",
        target=api(f"{model_path(model)}/active"),
        answer=Artifact,
        body=body_of(SetActive(library_id=library_id)),
    )


def catalog_info() -> Call[CatalogInfo]:
    """Where the catalog comes from, how old it is, and which entries are faulty."""
    return Call(method="GET", target=api("/catalog"), answer=CatalogInfo)


def sync_catalog(*, wait: bool = False) -> Call[CatalogInfo]:
    """Read the catalog's sources again, and look at the registry where one is set; with `wait` the answer
    comes when that has ended."""
    target = api("/catalog/sync", {"wait": "done" if wait else None})
    return Call(method="POST", target=target, answer=CatalogInfo, timeout_s=SYNC_S if wait else TIMEOUT_S)


def acknowledge_audit() -> Call[CatalogInfo]:
    """End the alarm over the registry's audit log, and take the log as it is now."""
    target = api("/catalog/audit/acknowledge")
    return Call(method="POST", target=target, answer=CatalogInfo, timeout_s=SYNC_S)


def star(model: str) -> Call[None]:
    """Star the model at the registry."""
    return Call(method="PUT", target=api(f"{model_path(model)}/star"), answer=type(None))


def unstar(model: str) -> Call[None]:
    """Take the star away."""
    return Call(method="DELETE", target=api(f"{model_path(model)}/star"), answer=type(None))
