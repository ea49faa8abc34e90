"""Whether models and workflow templates comply, as of the snapshot that is here: asked of nobody outside."""

from collections.abc import Callable, Sequence

from modelhubd.catalog.merge import Sourced
from modelhubd.catalog.service import Catalog
from modelhubd.errors import InvalidInput
from modelhubd.policy.decision import REGISTRY, Reason
from modelhubd.policy.service import Policies
from modelhubd.trust.names import is_model_id
from modelhubd.wire.governance import (
    AsOf,
    ModelStanding,
    ModelStandings,
    Standing,
    TemplateStanding,
    TemplateStandings,
)
from modelhubd.wire.registry import CatalogTemplate

MODELS_MAX = 256
"""Asked about at once."""


class Governance:
    """Answers from the signed snapshot, whose `templates` those are; without one nothing is approved."""

    def __init__(
        self, catalog: Catalog, policies: Policies, templates: Callable[[], tuple[CatalogTemplate, ...]]
    ) -> None:
        self._catalog = catalog
        self._policies = policies
        self._templates = templates

    async def templates(self) -> TemplateStandings:
        """Every template with its badge."""
        items = []
        for template in self._templates():
            models = [await self._standing(model) for model in template.models]
            items.append(
                TemplateStanding(
                    id=template.id,
                    name=template.name,
                    compliant=all(model.verified for model in models),
                    allowed=all(model.allowed for model in models),
                    models=tuple(models),
                )
            )
        return TemplateStandings(items=tuple(items), total=len(items), as_of=await self._as_of())

    async def check(self, models: Sequence[str]) -> ModelStandings:
        """How each of these models stands.

        Raises:
            InvalidInput: at `?models`: none, too many, or one that is no model id.
        """
        if not 1 <= len(models) <= MODELS_MAX:
            raise InvalidInput.at("?models", f"name 1 to {MODELS_MAX} models, separated by commas")
        for model in models:
            if not is_model_id(model):
                raise InvalidInput.at("?models", f"{model[:130]!r} is not publisher/name")
        items = [await self._standing(model) for model in models]
        return ModelStandings(items=tuple(items), total=len(items), as_of=await self._as_of())

    async def _as_of(self) -> AsOf:
        info = await self._catalog.info()
        return AsOf(source=info.source, revision=info.revision, synced_at=info.synced_at, stale=info.stale)

    async def _standing(self, model: str) -> ModelStanding:
        found = await self._catalog.listed(model)
        reason = await self._policies.model_reason(model)
        words = None if reason is None else self._policies.words(model, reason)
        return standing_of(model, found, reason, words)


def standing_of(model: str, found: Sourced | None, reason: Reason | None, words: str | None) -> ModelStanding:
    """What the registry's word, if there is one, and the policies make of a model."""
    approved = found is not None and found.source == REGISTRY
    withdrawn = reason is not None and reason.policy is None
    if withdrawn:
        code = Standing.WITHDRAWN
    elif not approved:
        code = Standing.NOT_APPROVED
    else:
        code = Standing.APPROVED if reason is None else Standing.REFUSED_BY_POLICY
    if code is Standing.NOT_APPROVED and words is None:
        words = f"The registry does not serve {model}."
    return ModelStanding(
        model=model,
        code=code,
        approved=approved and not withdrawn,
        verified=approved and not withdrawn and found is not None and found.entry.verified,
        withdrawn=withdrawn,
        allowed=reason is None,
        policy=None if reason is None else reason.policy,
        reason=words,
        version=found.entry.version if approved and found is not None else None,
    )
