"""Whether a load may begin, and under which name: decided from what is installed, found and running."""

from collections.abc import Iterable, Sequence

from modelhubd.errors import Conflict, InvalidInput
from modelhubd.llama.command import NAME, Endpoint, command
from modelhubd.llama.discovery import HOW_TO_GET_ONE, Build
from modelhubd.llama.settings import NOT_ASKED_FOR
from modelhubd.trust.names import parse_reference
from modelhubd.wire.library import Artifact, ArtifactState
from modelhubd.wire.servers import EffectiveSetting, LoadSettings, Server, ServerState

NAME_MAX = 128
"""Characters of a name that is asked for; references may be longer."""


def refuse_unrunnable(artifact: Artifact) -> None:
    """Raises Conflict if the artifact's files are not whole, or not for llama-server."""
    if artifact.state is not ArtifactState.OK:
        raise Conflict(
            f"{artifact.model} cannot be loaded: its files are {artifact.state}. Download it again.",
            code=f"artifact_{artifact.state}",
        )
    if artifact.format != "gguf":
        raise Conflict(
            f"{artifact.model} cannot be loaded: llama-server runs GGUF models, this one is"
            f" {artifact.format}. Choose a GGUF option.",
            code="unsupported_format",
        )


def usable_build(builds: Sequence[Build]) -> Build:
    """The first build that can be used.

    Raises:
        Conflict: `binary_missing`, with what was wrong with each and how to get one.
    """
    for build in builds:
        if build.about.usable:
            return build
    reasons = "".join(f" ({build.about.origin}: {build.about.reason})" for build in builds)
    raise Conflict(
        f"There is no llama-server to run models with{reasons}. {HOW_TO_GET_ONE}", code="binary_missing"
    )


def running_alike(
    running: Iterable[tuple[Server, LoadSettings]],
    artifact: Artifact,
    settings: LoadSettings,
    name: str | None,
) -> str | None:
    """The id of the server that runs this artifact with these settings already.

    Raises:
        Conflict: it runs with other settings, and the new load has no name of its own.
    """
    alike = [
        (server, in_force)
        for server, in_force in running
        if server.library_id == artifact.id and name in (None, server.name)
    ]
    for server, in_force in alike:
        if server.state is not ServerState.DRAINING and in_force == settings:
            return server.id
    if alike:
        raise Conflict(
            f"{alike[0][0].name} is loaded with other settings. Unload it first, or load this one under a"
            " name of its own.",
            code="already_loaded",
        )
    return None


def refuse_name(artifact: Artifact, asked: str | None) -> None:
    """Raises InvalidInput for a name that no server may have, or that means another artifact."""
    if asked is None:
        return
    if len(asked) > NAME_MAX or not NAME.fullmatch(asked):
        raise InvalidInput.at("/name", f"Use letters, digits and . _ : @ / - only, at most {NAME_MAX}.")
    if is_reference(asked) and asked not in _own_names(artifact):
        raise InvalidInput.at("/name", "This is how models are referred to. Choose a name without a slash.")


def free_name(taken: Iterable[str], artifact: Artifact, asked: str | None) -> str:
    """The asked name, else the model's id where that means this artifact, else its exact reference.

    Raises:
        Conflict: another server has it.
    """
    names = set(taken)
    *others, last = (asked,) if asked else _own_names(artifact)
    free = next((name for name in others if name not in names), last)
    refuse_taken(free, names)
    return free


def is_replaced(server: Server, artifact: Artifact) -> bool:
    """Whether a load of this artifact without a name of its own takes the place of this server."""
    return server.library_id == artifact.id and server.name in _own_names(artifact)


def refuse_taken(name: str, taken: Iterable[str]) -> None:
    """Raises Conflict if another server is called so."""
    if name in taken:
        raise Conflict(f"Another server is called {name}. Choose another name.", code="name_taken")


def refuse_bad(name: str, *, startable: bool) -> None:
    """Raises Conflict `bad_model` for a server whose file is not one that could be started."""
    if not startable:
        raise Conflict(f"{name} cannot be started: its file is bad. Download it again.", code="bad_model")


def is_reference(name: str) -> bool:
    """Whether a name is spelled as a model reference, which means an artifact and never a mere server."""
    try:
        parse_reference(name)
    except InvalidInput:
        return False
    return True


def _own_names(artifact: Artifact) -> tuple[str, ...]:
    exact = f"{artifact.model}@{artifact.version}:{artifact.option}"
    return (artifact.model, exact) if artifact.active else (exact,)


def refuse_unknown(build: Build, settings: LoadSettings, effective: dict[str, EffectiveSetting]) -> None:
    """Raises InvalidInput for a setting that was asked for and that the build has no option for."""
    tried = command(
        build.options,
        settings,
        model="/",
        name="x",
        endpoint=Endpoint(),
        instance="",
        environ={},
    )
    for setting in tried.unknown:
        if effective[setting].origin not in NOT_ASKED_FOR:
            raise InvalidInput.at(
                f"/settings/{setting}",
                f"llama-server {build.about.version or ''} has no option for it. Leave it out, or use a"
                " newer build.",
            )
