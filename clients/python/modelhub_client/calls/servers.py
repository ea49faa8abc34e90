"""Running models."""

from modelhub_client.call import UNHURRIED_S, Call, api, body_of, segment
from modelhubd.wire.base import Page
from modelhubd.wire.servers import LoadPlan, LoadRequest, LoadSettings, Server


def load(
    library_id: str,
    settings: LoadSettings | None = None,
    *,
    name: str | None = None,
    ttl_s: int | None = None,
    force: bool = False,
    wait: bool = True,
    idempotency_key: str | None = None,
) -> Call[Server]:
    """Start a llama-server for an artifact id or a model reference; with `wait`, answers when it is ready.

    An equal server that runs already is answered instead.
    """
    wanted = _wanted(library_id, settings, name, ttl_s, force)
    target = api("/servers", {"wait": "ready" if wait else None})
    timeout = UNHURRIED_S if wait else 60.0
    return Call(
        method="POST",
        target=target,
        answer=Server,
        body=wanted,
        timeout_s=timeout,
        idempotency_key=idempotency_key,
    )


def plan_load(
    library_id: str,
    settings: LoadSettings | None = None,
    *,
    name: str | None = None,
    ttl_s: int | None = None,
) -> Call[LoadPlan]:
    """What `load` would do: settings with their origin, memory, what would make room, the command line.
    Nothing is started."""
    return Call(
        method="POST",
        target=api("/servers", {"dry_run": True}),
        answer=LoadPlan,
        body=_wanted(library_id, settings, name, ttl_s, force=False),
        timeout_s=60.0,
    )


def _wanted(
    library_id: str, settings: LoadSettings | None, name: str | None, ttl_s: int | None, force: bool
) -> bytes:
    return body_of(
        LoadRequest(
            library_id=library_id, settings=settings or LoadSettings(), name=name, ttl_s=ttl_s, force=force
        )
    )


def servers() -> Call[Page[Server]]:
    """Servers that run, and those that failed since."""
    return Call(method="GET", target=api("/servers"), answer=Page[Server])


def server(server_id: str) -> Call[Server]:
    return Call(method="GET", target=api(f"/servers/{segment(server_id)}"), answer=Server)


def unload(server_id: str) -> Call[Server]:
    """Stop a server; answers when its memory is back."""
    return Call(method="DELETE", target=api(f"/servers/{segment(server_id)}"), answer=Server, timeout_s=60)


def restart(server_id: str) -> Call[Server]:
    """Stop a server and start it with the same settings; answers while it still loads."""
    return Call(
        method="POST",
        target=api(f"/servers/{segment(server_id)}/restart"),
        answer=Server,
        timeout_s=UNHURRIED_S,
    )


def log_lines(server_id: str, *, tail: int | None = None, follow: bool = False) -> Call[str]:
    """The last lines of a server's log; with `follow`, a stream of them and of what comes."""
    target = api(f"/servers/{segment(server_id)}/logs", {"tail": tail, "follow": follow})
    return Call(method="GET", target=target, answer=str, accept="text/plain")
