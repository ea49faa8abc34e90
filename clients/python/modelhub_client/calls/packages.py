"""Bundles of models, folders that provide models, and first-run downloads."""

from collections.abc import Iterable
from pathlib import Path

from modelhub_client.call import Call, api, body_of, segment
from modelhubd.wire.base import Page
from modelhubd.wire.bundles import AddSource, CreateBundle, FirstRun, OpenBundle, SkipFirstRun, Source
from modelhubd.wire.jobs import Job


def create_bundle(
    path: Path,
    models: Iterable[str],
    *,
    name: str | None = None,
    link: bool = False,
    with_catalog: bool = False,
) -> Call[Job]:
    """Make a bundle of installed models in the new folder `path`, with `link` of hard links where that can
    be, `with_catalog` for machines that cannot ask the registry. The job's `result` is a `BundleReport`."""
    wanted = CreateBundle(
        path=str(path.absolute()), models=tuple(models), name=name, link=link, with_catalog=with_catalog
    )
    return Call(method="POST", target=api("/library/bundles"), answer=Job, body=body_of(wanted))


def verify_bundle(path: Path, *, key: str | None = None) -> Call[Job]:
    """Read a bundle and say what of it was checked; with `key` (hex) that key must have signed it."""
    body = body_of(OpenBundle(path=str(path.absolute()), key=key))
    return Call(method="POST", target=api("/library/bundles/verify"), answer=Job, body=body)


def install_bundle(path: Path, *, key: str | None = None) -> Call[Job]:
    """Verify a bundle and put its models into the library."""
    body = body_of(OpenBundle(path=str(path.absolute()), key=key))
    return Call(method="POST", target=api("/library/bundles/install"), answer=Job, body=body)


def sources() -> Call[Page[Source]]:
    """Folders of applications and administrators that provide models."""
    return Call(method="GET", target=api("/library/sources"), answer=Page[Source])


def add_source(path: Path, app: str, *, key: str | None = None) -> Call[Source]:
    """Say that the application `app` ships the bundle at `path`; what it said before is replaced."""
    body = body_of(AddSource(path=str(path.absolute()), app=app, key=key))
    return Call(method="POST", target=api("/library/sources"), answer=Source, body=body, timeout_s=120)


def remove_source(source_id: str) -> Call[None]:
    """Take an application's bundle out of the library; its files stay."""
    return Call(method="DELETE", target=api(f"/library/sources/{segment(source_id)}"), answer=type(None))


def first_run() -> Call[FirstRun]:
    """What is downloaded at the first run, and how each of it stands."""
    return Call(method="GET", target=api("/library/first-run"), answer=FirstRun)


def skip_first_run(models: Iterable[str] | None = None) -> Call[FirstRun]:
    """Do without these, or without all that are not done."""
    wanted = SkipFirstRun(models=None if models is None else tuple(models))
    return Call(method="POST", target=api("/library/first-run/skip"), answer=FirstRun, body=body_of(wanted))
