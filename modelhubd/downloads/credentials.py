"""Which Authorization goes to which origin: from `tokens.toml` in the configuration folder, then from netrc.

The files are small and read at every request, so that a new token counts at once; what was parsed is kept by
its text. A file that is open to others or says things wrongly matters to the hosts that it mentions: nothing
is sent to those, and every other host is served as if the file were not there.
"""

import binascii
import functools
import os
import re
import stat
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from modelhubd.trust.urls import origin_of

TOKENS = "tokens.toml"
MAX_BYTES = 256 * 1024
_TOKEN = re.compile(r"[!-~]{1,8192}")
_TOKENS_SHOWN = f"{TOKENS} in the configuration folder"


class CredentialsRefused(Exception):
    """What is kept for this host cannot be used. `detail` says why and what to do; no secret and no absolute
    path is in it."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class _Tokens(dict[str, str]):
    """Tokens by origin. No log and no traceback shows one."""

    def __repr__(self) -> str:
        return f"<{len(self)} tokens>"


class _Read(NamedTuple):
    text: str
    fault: str | None
    """Why it must not be used, whatever it says."""


def authorization(
    url: str, environ: Mapping[str, str], config_dir: str | os.PathLike[str] | None
) -> str | None:
    """The value of the Authorization field for a request to just this URL; None to send none.

    A token goes to the very origin it is kept for (scheme, host and port), over http only where the file
    names the http origin. netrc knows hosts only: what it says goes out over https, and its `default` never.

    Raises:
        CredentialsRefused: the file that speaks of this host is open to others, or says it wrongly.
        ValueError: the URL has no scheme, no host, or a port that is not one.
    """
    origin, parts = origin_of(url), urlsplit(url)
    if parts.scheme not in ("http", "https") or parts.hostname is None or "@" in parts.netloc:
        return None
    if config_dir is not None:
        token = _token(origin, parts.hostname, os.path.join(config_dir, TOKENS))  # noqa: PTH118  # light
        if token is not None:
            return f"Bearer {token}"
    return _login(parts.hostname, environ) if parts.scheme == "https" else None


def _token(origin: str, host: str, path: str) -> str | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        why = "is a link" if os.path.islink(path) else f"cannot be read ({error.strerror})"  # noqa: PTH114
        raise CredentialsRefused(_advice(_TOKENS_SHOWN, why)) from None
    try:
        read = _read(fd, _TOKENS_SHOWN)
    finally:
        os.close(fd)
    fault, tokens = read.fault, _Tokens()
    if fault is None:
        try:
            tokens = _parsed(read.text)
        except CredentialsRefused as refused:
            fault = refused.detail
    if fault is not None and _mentions(read.text, host):
        raise CredentialsRefused(fault)
    return tokens.get(origin)


def _login(host: str, environ: Mapping[str, str]) -> str | None:
    named = environ.get("NETRC")
    home = environ.get("HOME") or os.path.expanduser("~")  # noqa: PTH111
    try:
        # A link is followed, as this file is often kept among others; what it leads to is looked at.
        fd = os.open(named or os.path.join(home, ".netrc"), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # noqa: PTH118
    except FileNotFoundError:
        return None
    except OSError as error:
        if not named:
            return None
        raise CredentialsRefused(
            f"The netrc file that NETRC names cannot be read ({error.strerror}). Correct NETRC in the "
            "daemon's environment, then retry."
        ) from None
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return None  # as NETRC=/dev/null
        read = _read(fd, "netrc")
        if not _mentions(read.text, host):
            return None
        if read.fault is not None:
            raise CredentialsRefused(read.fault)
        return _basic(fd, host)
    finally:
        os.close(fd)


def _read(fd: int, shown: str) -> _Read:
    """What is in it, and whether it may be used.

    Raises:
        CredentialsRefused: it is nothing that ought to be read.
    """
    facts = os.fstat(fd)
    if not stat.S_ISREG(facts.st_mode):
        raise CredentialsRefused(_advice(shown, "is no plain file"))
    data = b""
    while len(data) <= MAX_BYTES and (more := os.read(fd, MAX_BYTES + 1 - len(data))):
        data += more
    if len(data) > MAX_BYTES:
        raise CredentialsRefused(_advice(shown, f"is longer than {MAX_BYTES // 1024} KiB"))
    fault = None
    if facts.st_uid != os.getuid():
        fault = _advice(shown, "belongs to another user")
    elif facts.st_mode & 0o077:
        fault = (
            f"{shown} is open to other users of this machine, so nothing from it is sent. Run chmod 600 on "
            "it, then retry."
        )
    try:
        return _Read(data.decode(), fault)
    except UnicodeDecodeError:
        return _Read(data.decode("latin-1"), fault or f"{shown} is not UTF-8. Correct it, then retry.")


def _advice(shown: str, why: str) -> str:
    return (
        f"{shown} {why}, so nothing from it is sent. Put a plain file of your own there, run chmod 600 on "
        "it, then retry."
    )


def _mentions(text: str, host: str) -> bool:
    return re.search(rf"(?<![a-z0-9.-]){re.escape(host)}(?![a-z0-9.-])", text.lower()) is not None


@functools.lru_cache(maxsize=1)
def _parsed(text: str) -> _Tokens:
    """
    Raises:
        CredentialsRefused: it is not a table of origins and tokens.
    """
    import tomllib  # here, as the worker starts often and most people keep no tokens

    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        # The parser's own words may hold what the file holds.
        where = re.search(r"\(at (line [0-9]+)", str(error))
        raise _wrong(f"is not TOML{f' ({where[1]})' if where else ''}") from None
    found = _Tokens()
    for key, token in document.items():
        origin = _origin(key)
        if origin is None:
            raise _wrong('names something that is not an origin, such as "https://models.example.org"')
        if origin in found:
            raise _wrong(f"names {origin} twice")
        if not isinstance(token, str) or _TOKEN.fullmatch(token) is None:
            raise _wrong(f"has a token for {origin} that is not one word of visible ASCII")
        found[origin] = token
    return found


def _wrong(why: str) -> CredentialsRefused:
    return CredentialsRefused(f"{_TOKENS_SHOWN} {why}. Correct it, then retry.")


def _origin(key: str) -> str | None:
    """The normal form of a key; None where it is more or less than an origin."""
    try:
        parts, origin = urlsplit(key), origin_of(key)
    except ValueError:
        return None
    plain = re.fullmatch(r"[!-~]+", key) and not set("@?#\\%") & set(key) and parts.path in ("", "/")
    return origin if plain and parts.scheme in ("http", "https") else None


def _basic(fd: int, host: str) -> str | None:
    import netrc

    os.lseek(fd, 0, os.SEEK_SET)
    try:
        # `open` takes a descriptor too, and closes it.
        book = netrc.netrc(os.dup(fd))  # type: ignore[arg-type]
    except netrc.NetrcParseError as error:
        where = f" (line {error.lineno})" if error.lineno else ""
        raise CredentialsRefused(f"netrc cannot be understood{where}. Correct it, then retry.") from None
    for machine, (login, _, password) in book.hosts.items():
        if machine.lower() != host or machine == "default" or not (login or password):
            continue
        if ":" in login:
            raise CredentialsRefused(f"netrc has a login for {host} with a colon. Correct it, then retry.")
        return f"Basic {binascii.b2a_base64(f'{login}:{password}'.encode(), newline=False).decode()}"
    return None
