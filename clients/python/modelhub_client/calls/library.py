"""What is installed."""

from collections.abc import Iterable

from modelhub_client.call import Call, api, body_of, segment
from modelhubd.wire.base import Page
from modelhubd.wire.imports import Scanned
from modelhubd.wire.jobs import Job
from modelhubd.wire.library import Artifact
from modelhubd.wire.servers import Estimate, EstimateRequest, LoadSettings, SettingsAnswer


def library(
    *,
    q: str | None = None,
    formats: Iterable[str] = (),
    capabilities: Iterable[str] = (),
    states: Iterable[str] = (),
    limit: int | None = None,
    after: str | None = None,
) -> Call[Page[Artifact]]:
    """Installed artifacts by model."""
    target = api(
        "/library",
        {
            "q": q or None, "format": formats, "capability": capabilities, "state": states, "limit": limit,
            "after": after,
        },
    )  # fmt: skip
    return Call(method="GET", target=target, answer=Page[Artifact])


def artifact(library_id: str) -> Call[Artifact]:
    return Call(method="GET", target=api(f"/library/{segment(library_id)}"), answer=Artifact)


def remove(library_id: str) -> Call[None]:
    """Delete an artifact's files; refused while a server runs it."""
    return Call(
        method="DELETE", target=api(f"/library/{segment(library_id)}"), answer=type(None), timeout_s=120
    )


def scan(*, tools: bool = True) -> Call[Scanned]:
    """Look at the models directory again, and with `tools` at what other tools hold, which takes longer."""
    target = api("/library/scan", {"tools": None if tools else "false"})
    return Call(method="POST", target=target, answer=Scanned, timeout_s=120)


def verify(library_id: str) -> Call[Job]:
    """Read an artifact whole and compare it with its digests, in the background; see `job`. The job's result
    is a `VerifyResult`."""
    return Call(method="POST", target=api(f"/library/{segment(library_id)}/verify"), answer=Job)


def repair(library_id: str) -> Call[Job]:
    """Have what is damaged or missing of an artifact fetched again. The job's result is a `RepairResult`,
    which names the download."""
    return Call(method="POST", target=api(f"/library/{segment(library_id)}/repair"), answer=Job)


def estimate(library_id: str, settings: LoadSettings | None = None) -> Call[Estimate]:
    """Memory that loading this artifact would take, and whether it is there."""
    wanted = EstimateRequest(settings=settings or LoadSettings())
    return Call(
        method="POST",
        target=api(f"/library/{segment(library_id)}/estimate"),
        answer=Estimate,
        body=body_of(wanted),
    )


def settings(library_id: str) -> Call[SettingsAnswer]:
    """Load settings of an installed option: what is saved, and what every load of it begins with."""
    return Call(method="GET", target=_settings(library_id), answer=SettingsAnswer)


def save_settings(
    library_id: str, settings: LoadSettings, *, revision: str | None = None
) -> Call[SettingsAnswer]:
    """Save these load settings and no others. With the `revision` of an answer, only if nothing has changed
    since: else `PreconditionFailed`."""
    return Call(
        method="PUT",
        target=_settings(library_id),
        answer=SettingsAnswer,
        body=body_of(settings),
        revision=revision,
    )


def reset_settings(library_id: str, *, revision: str | None = None) -> Call[SettingsAnswer]:
    """Forget the saved load settings. `revision` is as for `save_settings`."""
    return Call(method="DELETE", target=_settings(library_id), answer=SettingsAnswer, revision=revision)


def _settings(library_id: str) -> str:
    return api(f"/library/{segment(library_id)}/settings")
