"""When a model can be verified."""

from modelhubd.errors import Conflict


def changes(model: str, *, is_served: bool, is_verified: bool, wanted: bool) -> bool:
    """Whether verifying a model, or taking it back, changes anything.

    Raises:
        Conflict: (`not_served`) a model that is not served cannot be verified.
    """
    if wanted and not is_served:
        raise Conflict(
            f"{model} cannot be verified: no version of it is served. Approve one first.", code="not_served"
        )
    return wanted != is_verified
