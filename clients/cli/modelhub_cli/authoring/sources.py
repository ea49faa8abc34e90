"""What a person names to be published, and the draft it becomes."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from modelhub_cli.authoring.hugging_face import HuggingFace, model_id, repository_of
from modelhub_cli.authoring.local import (
    LocalModel,
    card_beside,
    file_facts,
    find_model,
    option_facts,
    urls_below,
    urls_of_one,
)
from modelhub_cli.failures import NOT_FOUND, USAGE, Failed
from modelhub_cli.token_file import token_for
from modelhubd.entries.drafts import Draft, Wishes, entry_of
from modelhubd.entries.grouping import Grouped, NotAModel
from modelhubd.entries.hugging_face import ENDPOINT
from modelhubd.places import find_places
from modelhubd.trust.names import is_model_id
from modelhubd.trust.urls import origin_of

ENTRY_MAX = 1024 * 1024
HF = "hf:"
Begin = Callable[[int], Callable[[int], None]]
"""Told the bytes there are to be read; answers what is told of each piece that has been."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What was typed beside the source."""

    id: str | None = None
    display_name: str | None = None
    description: str | None = None
    license: str | None = None
    homepage: str | None = None
    tags: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    notes: str | None = None
    urls: tuple[str, ...] = ()
    url_bases: tuple[str, ...] = field(default=())

    @property
    def describes(self) -> bool:
        """Whether it says anything that an entry file says itself."""
        facts = self.display_name, self.description, self.license, self.homepage, self.tags, self.capabilities
        return any((*facts, self.urls, self.url_bases))


def is_entry_file(source: str) -> bool:
    """Whether `source` is an entry as JSON, rather than a model."""
    return not source.startswith(HF) and Path(source).suffix.lower() == ".json"


def draft_of(source: str, asked: Asked, begin: Begin) -> Draft:
    """The draft of an entry for a local model or a repository.

    Raises:
        Failed: there is none, or it cannot be published.
    """
    try:
        if source.startswith(HF):
            return _of_repository(source, asked, begin)
        return _of_path(Path(source), asked, begin)
    except NotAModel as error:
        raise Failed(str(error), code=USAGE) from error
    except FileNotFoundError as error:
        raise Failed(f"There is no {source}.", code=NOT_FOUND) from error
    except OSError as error:
        raise Failed(f"{source} cannot be read: {error.strerror or error}.") from error


def _of_repository(source: str, asked: Asked, begin: Begin) -> Draft:
    endpoint = os.environ.get("HF_ENDPOINT") or ENDPOINT
    try:
        origin_of(endpoint)
    except ValueError as error:
        raise Failed("$HF_ENDPOINT is not an address.", code=USAGE) from error
    if asked.urls or asked.url_bases:
        raise Failed(
            "A repository's files have addresses of their own; leave --url and --url-base out.", code=USAGE
        )
    repository = repository_of(source)
    token = os.environ.get("HF_TOKEN") or token_for(find_places(os.environ).config_dir, endpoint)
    hub = HuggingFace(endpoint, token)
    model = hub.find_model(repository)
    options = hub.option_facts(model)
    advance = begin(sum(model.sizes.get(name, 0) for name in model.names))
    draft = entry_of(
        _wishes(asked, asked.id or model_id(repository), homepage=f"{hub.endpoint}/{repository}"),
        options,
        hub.file_facts(model, advance),
        card=model.card,
        gated=model.gated,
        quantizer=repository.owner,
    )
    return _finished(draft, asked, model.grouped)


def _of_path(path: Path, asked: Asked, begin: Begin) -> Draft:
    if asked.id is None:
        raise Failed("What is it called?", next_step="Add --id publisher/name", code=USAGE)
    model = find_model(path)
    options = option_facts(model)
    urls = _urls(model, asked)
    draft = entry_of(
        _wishes(asked, asked.id),
        options,
        file_facts(model, urls, begin(model.size_bytes)),
        card=card_beside(model),
    )
    return _finished(draft, asked, model.grouped)


def _urls(model: LocalModel, asked: Asked) -> Callable[[str], tuple[str, ...]]:
    if asked.urls and asked.url_bases:
        raise Failed("Give either --url, for one file, or --url-base, for all of them.", code=USAGE)
    if asked.urls:
        if len(model.names) != 1:
            raise Failed(
                f"--url is for one file, and this model has {len(model.names)}: give --url-base.", code=USAGE
            )
        return urls_of_one({model.names[0]: asked.urls})
    return urls_below(asked.url_bases)


def _wishes(asked: Asked, model: str, *, homepage: str | None = None) -> Wishes:
    if not is_model_id(model):
        raise Failed(
            f"{model!r} is no model id.", next_step="Add --id publisher/name, in lower case", code=USAGE
        )
    return Wishes(
        id=model,
        display_name=asked.display_name,
        description=asked.description,
        license=asked.license,
        homepage=asked.homepage or homepage,
        tags=asked.tags,
        capabilities=asked.capabilities,
    )


def _finished(draft: Draft, asked: Asked, grouped: Grouped) -> Draft:
    left = tuple(f"{name} is left out: {why}" for name, why in grouped.left_out.items())
    return replace(draft, notes=asked.notes, remarks=(*draft.remarks, *left))
