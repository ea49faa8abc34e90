"""Where a registry may be. Pure."""

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from modelhubd.trust.urls import fault_in_url, origin_of, origins_of


def fault_in_address(url: str, allow_origins: Collection[str]) -> str | None:
    """Why a registry cannot be asked at `url`; None where it can.

    The owner of the machine has named it, so it may be private and on any port. Plain http, over which its
    token and what is looked at could be read, is for this machine itself and for `allow_origins`.
    """
    try:
        origin, host = origin_of(url), urlsplit(url).hostname or ""
    except ValueError:
        return "it is not a URL with a scheme and a host"
    if "?" in url:
        return "it has a query"
    if (
        urlsplit(url).scheme == "http"
        and not _is_this_machine(host)
        and origin not in origins_of(allow_origins)
    ):
        return "it is not https, and its origin is not in [downloads] allow_origins"
    return fault_in_url(url, (origin,))


def is_reachable(url: str, allow_origins: Collection[str]) -> bool:
    """Whether a registry is set, and can be asked."""
    return bool(url) and fault_in_address(url, allow_origins) is None


def base_of(url: str) -> str:
    """What paths are put after."""
    return url.rstrip("/")


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
