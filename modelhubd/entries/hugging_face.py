"""What the API of Hugging Face, or of a mirror with the same, says of a repository. Pure.

`GET /api/models/{repo}/revision/{revision}?blobs=true` gives the commit, the files with their sizes, and the
SHA-256 of those in large-file storage; `/{repo}/resolve/{commit}/{path}` is a file.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from msgspec import Meta

from modelhubd.trust.digests import is_sha256

ENDPOINT = "https://huggingface.co"
FILES_MAX = 10_000
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
REVISION = r"(?:refs/pr/[0-9]{1,9}|[A-Za-z0-9][A-Za-z0-9._-]{0,199})"
_COMMIT = re.compile(r"[0-9a-f]{40,64}")


class NotUnderstood(ValueError):
    """The answer is not that of such an API; the message says why."""


class _Large(msgspec.Struct, frozen=True):
    sha256: str
    size: Annotated[int, Meta(ge=0)] | None = None


class _Sibling(msgspec.Struct, frozen=True):
    rfilename: Annotated[str, Meta(max_length=1024)]
    size: Annotated[int, Meta(ge=0)] | None = None
    lfs: _Large | None = None


class _Answer(msgspec.Struct, frozen=True):
    sha: str
    siblings: Annotated[tuple[_Sibling, ...], Meta(max_length=FILES_MAX)]
    gated: bool | str | None = None
    private: bool | None = None
    cardData: dict[str, Any] | None = None  # noqa: N815  # the API's name
    pipeline_tag: str | None = None
    library_name: str | None = None


@dataclass(frozen=True, slots=True)
class Repository:
    """`owner/name` at a revision, a branch, tag or commit."""

    owner: str
    name: str
    revision: str = "main"

    def __str__(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """A repository at one commit. `digests` are those of the files in large-file storage."""

    commit: str
    names: tuple[str, ...]
    sizes: Mapping[str, int]
    digests: Mapping[str, str]
    card: Mapping[str, Any] = field(default_factory=dict)
    gated: bool = False
    library: str | None = None


def api_url(endpoint: str, repository: Repository) -> str:
    """Where the API describes a repository."""
    revision = quote(repository.revision, safe="")
    return f"{endpoint.rstrip('/')}/api/models/{repository}/revision/{revision}?blobs=true"


def file_url(endpoint: str, repository: Repository, commit: str, name: str) -> str:
    """Where a file of one commit is, whatever is committed later."""
    return f"{endpoint.rstrip('/')}/{repository}/resolve/{commit}/{quote(name)}"


def read_listing(answer: Any) -> Listing:
    """The listing that a decoded JSON answer is.

    Raises:
        NotUnderstood: it is none.
    """
    try:
        found = msgspec.convert(answer, _Answer)
    except msgspec.ValidationError as error:
        raise NotUnderstood(f"it answers as no such API does: {error}") from error
    if _COMMIT.fullmatch(found.sha) is None:
        raise NotUnderstood("it does not name the commit")
    digests = {item.rfilename: item.lfs.sha256 for item in found.siblings if item.lfs is not None}
    if any(not is_sha256(digest) for digest in digests.values()):
        raise NotUnderstood("it gives a digest that is none")
    told = {"pipeline_tag": found.pipeline_tag, "library_name": found.library_name}
    return Listing(
        commit=found.sha,
        names=tuple(item.rfilename for item in found.siblings),
        sizes={item.rfilename: size for item in found.siblings if (size := _size(item)) is not None},
        digests=digests,
        card=told | (found.cardData or {}),
        gated=bool(found.gated or found.private),
        library=found.library_name,
    )


def _size(item: _Sibling) -> int | None:
    return item.lfs.size if item.lfs is not None and item.lfs.size is not None else item.size
