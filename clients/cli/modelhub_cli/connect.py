"""How commands reach the daemon."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from modelhub_cli.failures import NOT_FOUND, USAGE, Failed
from modelhubd import __version__
from modelhubd.errors import InvalidInput
from modelhubd.trust.names import Reference, parse_reference
from modelhubd.wire.base import Page
from modelhubd.wire.library import Artifact

if TYPE_CHECKING:
    from modelhub_client import Client

T = TypeVar("T")

NEAR_MOST = 5
APP = f"modelhub-cli/{__version__}"


def client() -> "Client":
    """The daemon of this user, running or not."""
    from modelhub_client.client import Client

    return Client(app=APP)


def brief() -> "Client":
    """The same, and one that accepts and does not answer is unreachable within seconds."""
    from modelhub_cli.brief import BriefClient

    return BriefClient(app=APP)


def every(fetch: Callable[[str | None], Page[T]]) -> Iterator[T]:
    """All items of a list, page by page."""
    after: str | None = None
    while True:
        page = fetch(after)
        yield from page.items
        after = page.next
        if after is None:
            return


def reference_of(text: str) -> Reference:
    """The parts of a reference.

    Raises:
        Failed: it is none (exit code 2).
    """
    try:
        return parse_reference(text)
    except InvalidInput as error:
        raise Failed(
            f"{text!r} does not name a model.",
            next_step="Write publisher/name, publisher/name@2 or publisher/name:option.",
            code=USAGE,
        ) from error


def installed(daemon: "Client", text: str) -> tuple[Artifact, ...]:
    """The artifacts that a library id or a reference names; all options of a bare model id.

    Raises:
        Failed: none is installed (exit code 3).
    """
    artifacts = tuple(every(lambda after: daemon.library(limit=200, after=after)))
    if by_id := tuple(artifact for artifact in artifacts if artifact.id == text):
        return by_id
    wanted = reference_of(text)
    found = tuple(
        artifact
        for artifact in artifacts
        if artifact.model == wanted.model
        and wanted.version in (None, artifact.version)
        and wanted.option in (None, artifact.option)
    )
    if not found:
        raise _not_installed(text, wanted.model, artifacts)
    return found


def _not_installed(text: str, model: str, artifacts: tuple[Artifact, ...]) -> Failed:
    """Names what there is of the model, else the models whose names are near."""
    same = sorted(
        f"{artifact.model}@{artifact.version}:{artifact.option}"
        for artifact in artifacts
        if artifact.model == model
    )
    near = same[:NEAR_MOST] or near_names(model, {artifact.model for artifact in artifacts})
    hint = f" Installed is {' or '.join(near)}." if near else ""
    get = "What can be had: modelhub search" if near and not same else f"Get it with: modelhub pull {text}"
    return Failed(
        f"{text} is not installed.{hint}",
        next_step=f"{get}; what is installed: modelhub list",
        code=NOT_FOUND,
    )


def near_names(name: str, names: Iterable[str]) -> list[str]:
    """Those of the names that may have been meant, the nearest first."""
    from difflib import get_close_matches

    return get_close_matches(name, sorted(set(names)), n=3)


def active(artifacts: tuple[Artifact, ...]) -> Artifact:
    """The one that a name stands for where it fits several: the active one, else the first."""
    return next((artifact for artifact in artifacts if artifact.active), artifacts[0])
