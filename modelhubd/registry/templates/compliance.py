"""A template's badge, as the view `template_compliance` has it, and the models that keep it from it."""

from collections.abc import Collection


def unverified(models: Collection[str], verified: Collection[str]) -> tuple[str, ...]:
    """The models of a template that are not in the verified set, in the order of their ids."""
    return tuple(sorted(set(models) - set(verified)))


def is_compliant(models: Collection[str], verified: Collection[str]) -> bool:
    """Whether the template uses models, and every one of them is verified."""
    return bool(models) and not unverified(models, verified)
