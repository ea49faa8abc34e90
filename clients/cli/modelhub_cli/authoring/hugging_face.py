"""A model in a repository of Hugging Face, or of a mirror with the same API.

`GET /api/models/{repo}/revision/{revision}?blobs=true` gives the commit, the files with their sizes, and the
SHA-256 of those in large-file storage. Small files have none there: they are fetched and hashed.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from modelhub_cli.authoring.hub_web import Web
from modelhub_cli.failures import INTEGRITY, USAGE, Failed
from modelhubd.entries.cards import Card, card_of
from modelhubd.entries.drafts import FileFacts, OptionFacts
from modelhubd.entries.grouping import Group, Grouped, NotAModel, group
from modelhubd.entries.headers import facts_of, folder_option
from modelhubd.entries.hugging_face import (
    NotUnderstood,
    Repository,
    api_url,
    file_url,
    read_listing,
)
from modelhubd.entries.quantizations import slug
from modelhubd.formats.mlx import CONFIG_MAX
from modelhubd.wire.architecture import ModelFacts
from modelhubd.wire.catalog import Format

SMALL_MAX = 64 * 1024 * 1024
"""Bytes of a file that is fetched to be hashed."""
_REFERENCE = re.compile(
    r"hf:(?P<owner>[A-Za-z0-9][A-Za-z0-9._-]{0,95})/(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,95})"
    r"(?:@(?P<revision>[A-Za-z0-9][A-Za-z0-9._/-]{0,199}))?"
)


def model_id(repository: Repository) -> str:
    """What the model is called here, unless somebody says otherwise."""
    name = re.sub(r"[-_.](?:gguf|mlx)$", "", repository.name, flags=re.IGNORECASE)
    return f"{slug(repository.owner)}/{slug(name)}"


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
        answer = self._web.json(api_url(self.endpoint, repository))
        try:
            found = read_listing(answer)
        except NotUnderstood as error:
            raise Failed(f"{self.endpoint} is no source of {repository}: {error}.", code=INTEGRITY) from error
        return RemoteModel(
            repository=repository,
            commit=found.commit,
            grouped=group(found.names),
            sizes=found.sizes,
            digests=found.digests,
            card=card_of(dict(found.card)),
            gated=found.gated,
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
        return file_url(self.endpoint, model.repository, model.commit, name)


def _known_size(model: RemoteModel, name: str) -> int:
    if name not in model.sizes:
        raise NotAModel(f"The repository does not tell the size of {name}.")
    return model.sizes[name]
