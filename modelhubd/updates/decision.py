"""Decides what there is to update, and what stands in the way. No I/O."""

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct

from modelhubd.fit.verdict import best_option, least_bad
from modelhubd.trust.digests import option_digest
from modelhubd.updates.changes import changes_between, notes_after
from modelhubd.updates.states import State
from modelhubd.wire.catalog import CatalogEntry, Option
from modelhubd.wire.fit import Fit, Verdict
from modelhubd.wire.library import Artifact, ArtifactState
from modelhubd.wire.updates import HeldBack, Update, UpdateError, UpdateKind, UpdateState

PRESENT = (ArtifactState.OK, ArtifactState.OFFLINE)
CONSIDERED = (ArtifactState.OK, ArtifactState.OFFLINE, ArtifactState.DAMAGED)
"""What is gone is not updated; somebody may have put it away."""
UNFIT = (Verdict.TOO_LARGE, Verdict.UNSUPPORTED)
OVERRIDABLE = frozenset({"app_pin", "daemon", "llama_server", "does_not_fit", "rolled_back"})
"""Reasons that somebody may override by name; what a policy or a withdrawal says is not among them."""


class Plan(Struct, frozen=True, kw_only=True):
    """An update that somebody asked for, as its row has it."""

    model: str
    from_id: str
    from_version: int
    from_option: str
    to_version: int
    to_option: str
    state: State
    download: str | None = None
    switch_now: bool = False
    trial: bool = False
    """Whether it is tried beside the old version first, and takes its place when somebody says so."""
    was_active: bool = False
    settings_before: str | None = None
    """Load settings of the old option when the new one took its place, as JSON."""
    settings_after: str | None = None
    """Those of the new one when it was rolled back."""
    error_code: str | None = None
    error_detail: str | None = None


class Facts(Struct, frozen=True, kw_only=True):
    """Of one model: what is installed, what the catalog serves, and what is said about it."""

    artifacts: Sequence[Artifact]
    entry: CatalogEntry | None
    judged: Sequence[tuple[Option, Fit]] = ()
    held_back: tuple[HeldBack, ...] = ()
    """Of the entry as a whole: requirements, policies."""
    held_options: Mapping[str, HeldBack]
    """Option id → the policy that refuses it."""
    kept: Mapping[int, CatalogEntry]
    """Version → its entry as it was when it was installed."""
    plans: Sequence[Plan] = ()
    downloads: Mapping[tuple[int, str], str]
    """(version, option) → id of the download under way."""
    digests: Collection[str] = ()
    """SHA-256 of every whole file that is here."""


def updates_of(facts: Facts) -> tuple[Update, ...]:
    """What is newer than the installed artifacts of one model, at most one for each to be replaced."""
    here = [artifact for artifact in facts.artifacts if artifact.state in CONSIDERED]
    if facts.entry is None:
        return tuple(_withdrawn(artifact) for artifact in here if artifact.withdrawn is not None)
    entry = facts.entry
    found: dict[str, Update] = {}
    for artifact in sorted(here, key=lambda one: (not one.active, -one.version, one.option)):
        if artifact.version > entry.version:
            continue
        if artifact.version == entry.version:
            if (other := _other_content(artifact, entry)) is not None:
                found[artifact.id] = other
            continue
        option = successor(artifact, facts.judged, facts.held_options)
        key = "" if option is None else option.id
        if key not in found:
            found[key] = _update(artifact, option, entry, facts) or _NOTHING
    return tuple(update for update in found.values() if update is not _NOTHING)


def successor(
    artifact: Artifact, judged: Sequence[tuple[Option, Fit]], refused: Collection[str] = ()
) -> Option | None:
    """The option that takes the artifact's place: the one of the same id, else of the same format and
    quantization, else the best fitting of that format; those that are refused come last. None where the
    format is not offered any more."""
    alike = [pair for pair in judged if pair[0].format.value == artifact.format]
    for option, _ in alike:
        if option.id == artifact.option:
            return option
    allowed = [pair for pair in alike if pair[0].id not in refused] or alike
    for option, _ in allowed:
        if artifact.quantization is not None and option.quantization == artifact.quantization:
            return option
    bad = least_bad(allowed)
    return best_option(allowed) or (bad[0] if bad else None)


def bytes_to_fetch(option: Option, digests: Collection[str]) -> int | None:
    """What of the option is not here yet; None where a size is not known."""
    missing = [file for file in option.files if file.sha256 is None or file.sha256 not in digests]
    sizes = [file.size_bytes for file in missing]
    return None if None in sizes else sum(size or 0 for size in sizes)


def _update(artifact: Artifact, option: Option | None, entry: CatalogEntry, facts: Facts) -> Update | None:
    """None where the new version is installed and in use, so that the artifact is what is kept of before."""
    held = list(facts.held_back)
    fit = next((fit for one, fit in facts.judged if one is option), None)
    new = plan = download = None
    if option is None:
        formats = ", ".join(sorted({one.format.value for one, _ in facts.judged}))
        detail = f"Version {entry.version} is not offered as {artifact.format} any more, only as {formats}."
        held.append(HeldBack(code="no_option", by="catalog", detail=detail))
    else:
        place = (entry.version, option.id)
        new = next((one for one in facts.artifacts if (one.version, one.option) == place), None)
        plan = next((one for one in facts.plans if (one.to_version, one.to_option) == place), None)
        download = facts.downloads.get(place)
        if option.id in facts.held_options:
            held.append(facts.held_options[option.id])
    is_here = new is not None and new.state in PRESENT
    if is_here and plan is not None and plan.state is State.ROLLED_BACK:
        detail = f"You went back from version {entry.version}. Apply it by name to have it again."
        held.append(HeldBack(code="rolled_back", by="you", detail=detail))
    if not is_here and fit is not None and fit.verdict in UNFIT:
        held.append(HeldBack(code="does_not_fit", by="device", detail=fit.reason))
    waiting = plan is not None and plan.state in (State.INSTALLED, State.SWITCHING) and artifact.loaded_by
    if is_here and not artifact.active and not waiting:
        return None
    error = None
    if plan is not None and plan.error_code is not None:
        error = UpdateError(code=plan.error_code, detail=plan.error_detail or "")
    old_option = _option_of(artifact, facts.kept.get(artifact.version))
    return Update(
        id=artifact.id,
        model=artifact.model,
        display_name=entry.display_name,
        state=_state(is_here, download is not None or _wanted(plan), held),
        installed_version=artifact.version,
        installed_option=artifact.option,
        version=entry.version,
        option=None if option is None else option.id,
        format=None if option is None else option.format,
        quantization=None if option is None else option.quantization,
        size_bytes=_to_fetch(option, is_here, facts.digests),
        total_bytes=None if option is None else option.size_bytes,
        notes=notes_after(entry, artifact.version),
        changes=changes_between(facts.kept.get(artifact.version), entry, old_option, option),
        held_back=tuple(held),
        refusal=next((one.detail for one in held if one.code == "policy"), None),
        fit=fit,
        active=artifact.active,
        loaded_by=artifact.loaded_by,
        verified=entry.verified,
        withdrawn=artifact.withdrawn,
        download=download,
        on_trial=plan is not None and plan.state is State.TRYING,
        new_id=new.id if new is not None and is_here else None,
        error=error,
        published_at=entry.published_at,
        published_by=entry.published_by,
    )


def _to_fetch(option: Option | None, is_here: bool, digests: Collection[str]) -> int | None:
    if option is None or is_here:
        return 0 if is_here else None
    return bytes_to_fetch(option, digests)


def _wanted(plan: Plan | None) -> bool:
    return plan is not None and plan.state is State.WANTED


def _state(is_here: bool, under_way: bool, held: Sequence[HeldBack]) -> UpdateState:
    if under_way and not is_here:
        return UpdateState.DOWNLOADING
    if held:
        return UpdateState.HELD_BACK
    return UpdateState.READY if is_here else UpdateState.AVAILABLE


def _option_of(artifact: Artifact, kept: CatalogEntry | None) -> Option | None:
    return next((one for one in kept.options if one.id == artifact.option), None) if kept else None


def _other_content(artifact: Artifact, entry: CatalogEntry) -> Update | None:
    """Where the catalog states other bytes under the artifact's own version and option."""
    option = next((one for one in entry.options if one.id == artifact.option), None)
    stated = None if option is None else option_digest(option.files)
    if option is None or stated is None or artifact.digest is None or stated == artifact.digest:
        return None
    name = f"{artifact.model}@{artifact.version}:{artifact.option}"
    detail = (
        f"The catalog states other content for {name} than what is installed, without a new version. If you "
        "trust the new content, remove the model and pull it again."
    )
    return Update(
        id=artifact.id,
        model=artifact.model,
        display_name=entry.display_name,
        kind=UpdateKind.CONTENT,
        state=UpdateState.HELD_BACK,
        installed_version=artifact.version,
        installed_option=artifact.option,
        version=entry.version,
        option=option.id,
        format=option.format,
        quantization=option.quantization,
        size_bytes=option.size_bytes,
        total_bytes=option.size_bytes,
        held_back=(HeldBack(code="content_replaced", by="catalog", detail=detail),),
        active=artifact.active,
        loaded_by=artifact.loaded_by,
        verified=entry.verified,
        published_at=entry.published_at,
        published_by=entry.published_by,
    )


def _withdrawn(artifact: Artifact) -> Update:
    detail = f"The registry has withdrawn {artifact.model}: {artifact.withdrawn}"
    return Update(
        id=artifact.id,
        model=artifact.model,
        kind=UpdateKind.WITHDRAWN,
        state=UpdateState.HELD_BACK,
        installed_version=artifact.version,
        installed_option=artifact.option,
        version=artifact.version,
        held_back=(HeldBack(code="withdrawn", by="registry", detail=detail),),
        refusal=detail,
        active=artifact.active,
        loaded_by=artifact.loaded_by,
        withdrawn=artifact.withdrawn,
    )


_NOTHING = Update(
    id="", model="", state=UpdateState.AVAILABLE, installed_version=0, installed_option="", version=0
)
