"""The daemon itself: version, health, status, device, settings, access."""

from typing import Any

from modelhub_client.call import Call, api, body_of
from modelhubd.wire.device import Device
from modelhubd.wire.status import (
    ConfigAnswer,
    Health,
    SessionCode,
    SessionRequest,
    SessionToken,
    Status,
    Version,
)


def version() -> Call[Version]:
    """The daemon's version, API range, epoch and features."""
    return Call(method="GET", target=api("/version"), answer=Version)


def health(*, timeout_s: float = 5.0) -> Call[Health]:
    """Whether the daemon is up; needs no token."""
    return Call(method="GET", target=api("/health"), answer=Health, timeout_s=timeout_s)


def status() -> Call[Status]:
    """Counts, the catalog's freshness, the queue, disk, and the outbound connections made."""
    return Call(method="GET", target=api("/status"), answer=Status)


def device() -> Call[Device]:
    """What this machine is: processor, memory, disk, GPUs, llama-server builds."""
    return Call(method="GET", target=api("/device"), answer=Device)


def config() -> Call[ConfigAnswer]:
    """The settings in force and the layer each comes from."""
    return Call(method="GET", target=api("/config"), answer=ConfigAnswer)


def metrics() -> Call[str]:
    """The figures of the daemon and of what runs, in Prometheus's text form."""
    return Call(method="GET", target=api("/metrics"), answer=str, accept="text/plain")


def openapi() -> Call[dict[str, Any]]:
    """The API's own reference: OpenAPI 3.1."""
    return Call(method="GET", target=api("/openapi.json"), answer=dict[str, Any])


def rotate_token() -> Call[None]:
    """Make a new access token; the old one ends at once."""
    return Call(method="POST", target=api("/token/rotate"), answer=type(None))


def session_code() -> Call[SessionCode]:
    """A one-time code that signs a browser in, and the address that carries it."""
    return Call(method="POST", target=api("/session/code"), answer=SessionCode)


def sign_in(code: str) -> Call[SessionToken]:
    """Trade a one-time code for a session token."""
    return Call(
        method="POST", target=api("/session"), answer=SessionToken, body=body_of(SessionRequest(code=code))
    )
