"""Decides which version is the one before. No I/O."""

from collections.abc import Mapping, Sequence

from modelhubd.errors import Conflict, NotFound
from modelhubd.updates.decision import Plan
from modelhubd.updates.states import Event, State, allows
from modelhubd.wire.library import Artifact, ArtifactState


def before_of(
    model: str, artifacts: Mapping[str, Artifact], plans: Sequence[Plan]
) -> tuple[Plan, Artifact, Artifact]:
    """(the update to undo, what is active, what will be). Without an update on the books the newest older
    version is the one before, that of the same option if there is one.

    Raises:
        NotFound: nothing of the model is installed.
        Conflict: `nothing_to_roll_back` or `version_gone`.
    """
    now = next((one for one in artifacts.values() if one.active), None)
    if now is None:
        raise NotFound(f"{model} is not installed.", code="not_installed")
    for plan in plans:
        if (plan.to_version, plan.to_option) == (now.version, now.option) and allows(
            plan.state, Event.ROLL_BACK
        ):
            old = artifacts.get(plan.from_id)
            if old is None or old.state is not ArtifactState.OK:
                name = f"{model}@{plan.from_version}:{plan.from_option}"
                raise Conflict(
                    f"The version before, {name}, is not here, or not whole, any more. It can be had again "
                    "only where the catalog still serves it.",
                    code="version_gone",
                )
            return plan, now, old
    older = [one for one in artifacts.values() if one.version < now.version and one.state is ArtifactState.OK]
    if not older:
        raise Conflict(
            f"No version of {model} before {now.version} is here. Old versions are kept until they are "
            "removed (modelhub rm --old, modelhub prune).",
            code="nothing_to_roll_back",
        )
    old = max(older, key=lambda one: (one.version, one.option == now.option, one.option))
    plan = Plan(
        model=model,
        from_id=old.id,
        from_version=old.version,
        from_option=old.option,
        to_version=now.version,
        to_option=now.option,
        state=State.DONE,
        was_active=True,
    )
    return plan, now, old
