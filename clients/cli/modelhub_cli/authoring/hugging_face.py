"""A model in a repository of Hugging Face, or of a mirror with the same API.

`GET /api/models/{repo}/revision/{revision}?blobs=true` gives the commit, the files with their sizes, and the
SHA-256 of those in large-file storage. Small files have none there: they are fetched and hashed.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from msgspec import Meta

from modelhub_cli.authoring.hub_web import Web
from modelhub_cli.authoring.local import folder_option
from modelhub_cli.failures import INTEGRITY, USAGE, Failed
from modelhubd.entries.cards import Card, card_of
from modelhubd.entries.drafts import FileFacts, OptionFacts
from modelhubd.entries.grouping import Group, Grouped, NotAModel, group
from modelhubd.entries.headers import facts_of
from modelhubd.entries.quantizations import slug
from modelhubd.formats.mlx import CONFIG_MAX
from modelhubd.trust.digests import is_sha256
from modelhubd.wire.architecture import ModelFacts
from modelhubd.wire.catalog import Format

ENDPOINT = "https://huggingface.co"
SMALL_MAX = 64 * 1024 * 1024
"""Bytes of a file that is fetched to be hashed."""
FILES_MAX = 10_000
_REFERENCE = re.compile(
    r"hf:(?P<owner>[A-Za-z0-9][A-Za-z0-9._-]{0,95})/(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,95})"
    r"(?:@(?P<revision>[A-Za-z0-9][A-Za-z0-9._/-]{0,199}))?"
)
_COMMIT = re.compile(r"[0-9a-f]{40,64}")


class _Large(msgspec.Struct, frozen=True):
    sha256: str
    size: Annotated[int, Meta(ge=0)] | None = None


class _Sibling(msgspec.Struct, frozen=True):
    rfilename: Annotated[str, Meta(max_length=1024)]
    size: Annotated[int, Meta(ge=0)] | None = None
    lfs: _Large | None = None


class _Repository(msgspec.Struct, frozen=True):
    sha: str
    siblings: Annotated[tuple[_Sibling, ...], Meta(max_length=FILES_MAX)]
    gated: bool | str | None = None
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

    @property
    def model_id(self) -> str:
        """What the model is called here, unless somebody says otherwise."""
        return f"{slug(self.owner)}/{slug(re.sub(r'[-_.](?:gguf|mlx)$', '', self.name, flags=re.IGNORECASE))}"


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteModel:
    """A repository at one commit, its files grouped to options."""

    repository: Repository
    commit: str
    grouped: Grouped
    sizes: Mapping[str, int]
    digests: Mapping[str, str]
    card: Card
    gated: bool

    @property
    def names(self) -> tuple[str, ...]:
        members = (member.name for found in self.grouped.groups for member in found.members)
        return tuple(dict.fromkeys(members))


def repository_of(text: str) -> Repository:
    """The repository that `hf:owner/name[@revision]` names.

    Raises:
        Failed: it names none (exit code 2).
    """
    match = _REFERENCE.fullmatch(text)
    if match is None or ".." in text:
        raise Failed(
            f"{text!r} names no repository.",
            next_step="Write hf:owner/name or hf:owner/name@revision.",
            code=USAGE,
        )
    return Repository(match["owner"], match["name"], match["revision"] or "main")


class HuggingFace:
    """Repositories at `endpoint`."""

    def __init__(self, endpoint: str, token: str | None) -> None:
        self.endpoint = endpoint.rstrip("/")
        self._web = Web(self.endpoint, token)

    def find_model(self, repository: Repository) -> RemoteModel:
        """What is in a repository, at the commit that its revision means now.

        Raises:
            Failed: it cannot be had.
            NotAModel: there is no model in it.
        """
        revision = quote(repository.revision, safe="")
        answer = self._web.json(f"{self.endpoint}/api/models/{repository}/revision/{revision}?blobs=true")
        try:
            found = msgspec.convert(answer, _Repository)
        except msgspec.ValidationError as error:
            raise Failed(f"{self.endpoint} answers as no such API does: {error}.", code=INTEGRITY) from error
        if not _COMMIT.fullmatch(found.sha):
            raise Failed(f"{self.endpoint} does not name the commit of {repository}.", code=INTEGRITY)
        sizes = {item.rfilename: size for item in found.siblings if (size := _size(item)) is not None}
        digests = {item.rfilename: item.lfs.sha256 for item in found.siblings if item.lfs is not None}
        if any(not is_sha256(digest) for digest in digests.values()):
            raise Failed(f"{self.endpoint} gives a digest that is none.", code=INTEGRITY)
        values = {"pipeline_tag": found.pipeline_tag, "library_name": found.library_name} | (
            found.cardData or {}
        )
        return RemoteModel(
            repository=repository,
            commit=found.sha,
            grouped=group(item.rfilename for item in found.siblings),
            sizes=sizes,
            digests=digests,
            card=card_of(values),
            gated=bool(found.gated),
        )

    def option_facts(self, model: RemoteModel) -> tuple[OptionFacts, ...]:
        """What the headers say. Options of one model have one shape, so that of GGUF files the smallest
        option's are read whole, and of the others only those whose quantization no name tells."""
        gguf = [found for found in model.grouped.groups if found.format is Format.GGUF]
        smallest = min(
            gguf, key=lambda found: sum(_known_size(model, name) for name in found.weights), default=None
        )
        return tuple(
            self._option(model, found, whole=found is smallest or found.format is not Format.GGUF)
            for found in model.grouped.groups
        )

    def _option(self, model: RemoteModel, found: Group, *, whole: bool) -> OptionFacts:
        if found.format is Format.GGUF:
            wanted = found.weights if whole else found.weights[: found.label is None]
            return OptionFacts(group=found, headers=tuple(self._header(model, name) for name in wanted))
        headers = tuple(self._header(model, name) for name in found.weights)
        return folder_option(found, headers, self._web.whole(self._url(model, "config.json"), CONFIG_MAX))

    def file_facts(self, model: RemoteModel, advance: Callable[[int], None]) -> dict[str, FileFacts]:
        """Size, digest and pinned address of every file.

        Raises:
            Failed: a small file cannot be fetched, or has not the size it should have.
        """
        found = {}
        for name in model.names:
            size, digest = _known_size(model, name), model.digests.get(name)
            url = self._url(model, name)
            if digest is None:
                digest = self._hash(url, name, size)
            found[name] = FileFacts(size_bytes=size, sha256=digest, urls=(url,))
            advance(size)
        return found

    def _hash(self, url: str, name: str, size: int) -> str:
        if size > SMALL_MAX:
            raise Failed(
                f"{self.endpoint} gives no digest for {name}, which is too large to be fetched for one.",
                code=INTEGRITY,
            )
        data = self._web.whole(url, SMALL_MAX)
        if len(data) != size:
            raise Failed(f"{name} has {len(data)} bytes, not the {size} it should have.", code=INTEGRITY)
        return hashlib.sha256(data).hexdigest()

    def _header(self, model: RemoteModel, name: str) -> ModelFacts:
        url = self._url(model, name)
        return facts_of(name, _known_size(model, name), lambda count: self._web.start(url, count))

    def _url(self, model: RemoteModel, name: str) -> str:
        return f"{self.endpoint}/{model.repository}/resolve/{model.commit}/{quote(name)}"


def _size(item: _Sibling) -> int | None:
    return item.lfs.size if item.lfs is not None and item.lfs.size is not None else item.size


def _known_size(model: RemoteModel, name: str) -> int:
    if name not in model.sizes:
        raise NotAModel(f"The repository does not tell the size of {name}.")
    return model.sizes[name]
