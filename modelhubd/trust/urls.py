"""Which URLs may be fetched from.

Two checks keep a catalog from steering the daemon into private networks: this one looks at the URL
before anything is resolved, and whoever dials asks `is_public_address` about the address it really
connects to. Origins that the owner of the machine configured are exempt from both.
"""

import contextlib
import ipaddress
import re
from collections.abc import Collection, Iterable
from urllib.parse import SplitResult, urlsplit

URL_MAX = 4096
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ALLOWED = re.compile(r"[!-~]+")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_DOT = re.compile(r"%(?:25)*2e", re.IGNORECASE)
_SEPARATOR = re.compile(r"%(?:25)*(?:2f|5c)", re.IGNORECASE)
_NUL = re.compile(r"%(?:25)*00")
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_NUMERIC = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)")
_LOCAL_NAMES = ("localhost", "local", "internal", "lan", "home.arpa")

_V4_SPECIAL = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's metadata service on an address that looks public
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
)
_V6_GLOBAL = ipaddress.IPv6Network("2000::/3")
_V6_SPECIAL = tuple(
    ipaddress.IPv6Network(network)
    for network in ("2001::/23", "2001:db8::/32", "3fff::/20")  # IETF protocols with Teredo; documentation
)
_V6_6TO4 = ipaddress.IPv6Network("2002::/16")
_V6_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def origin_of(url: str) -> str:
    """`scheme://host[:port]` of a URL in lower case, without a default port.

    Raises:
        ValueError: it has no scheme, no host, or a port that is not one.
    """
    parts = urlsplit(url)
    host = parts.hostname
    if not parts.scheme or not host:
        raise ValueError("not a URL with a scheme and a host")
    port = parts.port
    shown = f"[{host}]" if ":" in host else host
    if port is None or port == _DEFAULT_PORTS.get(parts.scheme):
        return f"{parts.scheme}://{shown}"
    return f"{parts.scheme}://{shown}:{port}"


def origins_of(urls: Iterable[str]) -> frozenset[str]:
    """`origin_of` each; what has none is left out."""
    found = set()
    for url in urls:
        with contextlib.suppress(ValueError):
            found.add(origin_of(url))
    return frozenset(found)


def fault_in_url(url: str, allow_origins: Collection[str] = ()) -> str | None:
    """Why `url` must not be fetched; None where it may.

    `allow_origins` are origins as configured, which may be http, private or on another port. Nothing
    makes another scheme, user information, a fragment or dot segments acceptable.
    """
    if len(url) > URL_MAX:
        return f"the URL is longer than {URL_MAX} characters"
    if _ALLOWED.fullmatch(url) is None or "\\" in url or _BAD_ESCAPE.search(url):
        return "the URL has a character that must be escaped"
    try:
        parts = urlsplit(url)
        origin = origin_of(url)
    except ValueError:
        return "this is not a URL with a scheme and a host"
    if parts.scheme not in _DEFAULT_PORTS:
        return "the URL is neither https nor http"
    if "@" in parts.netloc:
        return "the URL carries a user name or password"
    if "#" in url:
        return "the URL has a fragment"
    return _fault_in_path(parts.path) or _fault_in_origin(parts, origin, allow_origins)


def _fault_in_path(path: str) -> str | None:
    if _NUL.search(path):
        return "the URL has an escaped NUL in its path"
    segments = _SEPARATOR.sub("/", _DOT.sub(".", path)).split("/")
    if any(segment in (".", "..") for segment in segments):
        return "the URL has dot segments in its path"
    return None


def _fault_in_origin(parts: SplitResult, origin: str, allow_origins: Collection[str]) -> str | None:
    if origin in {_normal(allowed) for allowed in allow_origins}:
        return None
    if parts.scheme != "https":
        return "the URL is not https and its origin is not among the allowed origins"
    if parts.port not in (None, 443):
        return "the URL names a port and its origin is not among the allowed origins"
    return _fault_in_host(parts.hostname or "")


def _normal(origin: str) -> str:
    try:
        return origin_of(origin)
    except ValueError:
        return ""


def _fault_in_host(host: str) -> str | None:
    if ":" in host or _NUMERIC.fullmatch(host.rstrip(".").rpartition(".")[2]):
        if is_public_address(host):
            return None
        return "the URL points at a private or special address that is not among the allowed origins"
    if _HOST.fullmatch(host) is None or len(host) > 253:
        return "the URL's host is not a host name"
    if "." not in host or any(host == name or host.endswith(f".{name}") for name in _LOCAL_NAMES):
        return "the URL points at a local host name that is not among the allowed origins"
    return None


def is_public_address(ip: str) -> bool:
    """Whether `ip` is an address of the public Internet, whatever form it is wrapped in.

    An IPv4 address inside an IPv6 one (mapped, NAT64, 6to4) counts as itself. What is not an address in
    its plain form (`127.1`, `0x7f000001`, `010.0.0.1`, one with a zone) is not public.
    """
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return _is_public_v4(address)
    if address.scope_id is not None:
        return False
    if address.ipv4_mapped is not None:
        return _is_public_v4(address.ipv4_mapped)
    if address in _V6_NAT64:
        return _is_public_v4(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    if address in _V6_6TO4:
        return _is_public_v4(ipaddress.IPv4Address(int(address) >> 80 & 0xFFFF_FFFF))
    return address in _V6_GLOBAL and not any(address in network for network in _V6_SPECIAL)


def _is_public_v4(address: ipaddress.IPv4Address) -> bool:
    return not any(address in network for network in _V4_SPECIAL)
