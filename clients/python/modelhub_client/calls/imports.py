"""Models from outside."""

from modelhub_client.call import Call, api, body_of
from modelhubd.wire.imports import FoundAnswer, ImportMode, ImportRequest
from modelhubd.wire.jobs import Job


def import_model(
    path: str | None = None,
    *,
    found: str | None = None,
    mode: ImportMode = ImportMode.LINK,
    model: str | None = None,
    option: str | None = None,
) -> Call[Job]:
    """Begin to import what is at an absolute path, or what `found` lists under an id; the job's `result` is
    an `ImportResult`."""
    wanted = ImportRequest(path=path, found=found, mode=mode, model=model, option=option)
    return Call(method="POST", target=api("/library/import"), answer=Job, body=body_of(wanted), timeout_s=120)


def found() -> Call[FoundAnswer]:
    """Models that other tools hold, and bytes that are on the disk twice."""
    return Call(method="GET", target=api("/library/found"), answer=FoundAnswer, timeout_s=120)
