"""Which proxy the environment asks for, as curl reads it. Pure."""

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit


def proxy_for(url: str, environ: Mapping[str, str]) -> str | None:
    """The proxy through which `url` is to be fetched; None to go straight there.

    This machine itself is never asked for through a proxy. `HTTP_PROXY` in capitals does not count: where a
    program runs for a web server, whoever asks sets it (httpoxy).
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if _is_this_machine(host) or _is_exempt(host, _value(environ, "no_proxy")):
        return None
    if parts.scheme == "http":
        found = environ.get("http_proxy", "").strip()
    else:
        found = _value(environ, f"{parts.scheme}_proxy")
    return found or _value(environ, "all_proxy") or None


def _value(environ: Mapping[str, str], name: str) -> str:
    return (environ.get(name) or environ.get(name.upper()) or "").strip()


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_exempt(host: str, no_proxy: str) -> bool:
    return any(_matches(host, item.strip().lower()) for item in no_proxy.replace(" ", ",").split(","))


def _matches(host: str, item: str) -> bool:
    if item == "*":
        return True
    try:
        return ip_address(host) in ip_network(item.strip("[]"), strict=False)
    except ValueError:
        name = item.lstrip(".").rstrip(".")
        return bool(name) and (host == name or host.endswith(f".{name}"))
