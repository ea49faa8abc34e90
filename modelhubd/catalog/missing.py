"""What is said of a model that cannot be had. No I/O."""

from collections.abc import Sequence

from modelhubd.catalog.merge import Sourced
from modelhubd.entries.older import at_version, offered
from modelhubd.errors import NotFound
from modelhubd.trust.text import printable


def withdrawn_words(model: str, reason: str) -> str:
    """That it is withdrawn, why, and what to do."""
    return f"{model} has been withdrawn by the registry: {reason} Choose another model."


def no_model(model: str, withdrawn: str | None, nearest: Sequence[str]) -> NotFound:
    """The error for an id that the catalog does not list: why it was withdrawn, if it was, else the `nearest`
    ids."""
    if withdrawn is not None:
        return NotFound(withdrawn_words(model, withdrawn), code="model_withdrawn")
    hint = f"Did you mean {' or '.join(nearest)}?" if nearest else "Search the catalog for what there is."
    return NotFound(
        f"There is no model {printable(model)[:130]} in the catalog. {hint}", code="model_not_found"
    )


def version_of(item: Sourced, version: int) -> Sourced:
    """This version of it, where the catalog has it. Raises NotFound, which names those that it has."""
    if (entry := at_version(item.entry, version)) is not None:
        return Sourced(entry, item.source)
    numbers = [f"{one.version}" for one in offered(item.entry)]
    raise NotFound(
        f"{item.entry.id} has no version {version} in the catalog. It offers version {', '.join(numbers)}.",
        code="version_not_found",
    )
