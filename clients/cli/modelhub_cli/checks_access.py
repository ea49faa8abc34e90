"""What `doctor` checks of the ways in: the socket, the token, and who else could use them."""

import errno
import socket
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from modelhub_cli.brief import BriefClient
from modelhub_cli.checks import Check, closed_to_others
from modelhub_cli.launch import is_alive
from modelhub_client import ClientError, NotPermitted
from modelhub_client.endpoint import read_runtime_info
from modelhubd.places import Places

CONNECT_S = 2.0
TOKEN_LEAST = 32
"""Characters that 32 random bytes have at least, however they are written."""


def permissions(places: Places) -> Iterator[Check]:
    """Whether only the user can reach the socket and read the token and the state."""
    for name, path in (
        ("runtime folder", places.runtime_dir), ("socket folder", places.socket.parent),
        ("state folder", places.state_dir), ("token", places.token_file), ("database", places.database),
        ("registry tokens", places.config_dir / "tokens.toml"), ("socket", places.socket),
    ):  # fmt: skip
        if name == "socket folder" and path == places.runtime_dir:
            continue
        if (check := closed_to_others(name, path)) is not None:
            yield check


def socket_answers(environ: Mapping[str, str], places: Places) -> Check:
    """What is at the socket's path, where nobody has answered as a daemon."""
    path = places.socket
    try:
        found = path.lstat()
    except FileNotFoundError:
        return Check.fail("socket", f"there is none ({path})", "Start the daemon: modelhub daemon start")
    except OSError as error:
        return Check.fail("socket", f"cannot be examined: {error.strerror}", f"Look at {path}")
    if not stat.S_ISSOCK(found.st_mode):
        return Check.fail("socket", f"{path} is no socket", "Move it away, then: modelhub daemon start")
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(CONNECT_S)
            probe.connect(str(path))
    except (TimeoutError, BlockingIOError):
        pass  # Whoever listens has long stopped to take connections: their queue is full.
    except OSError as error:
        if error.errno == errno.ECONNREFUSED:
            return Check.fail(
                "socket",
                f"{path} is left over from a daemon that ended badly: nobody listens",
                "modelhub daemon start takes its place",
            )
        return Check.fail("socket", f"{path}: {error.strerror or error}", "chmod 600 it, and 700 its folder")
    info = read_runtime_info(environ)
    whose = f"process {info.pid}" if info is not None and is_alive(info.pid) else "somebody"
    return Check.fail(
        "socket", f"{whose} listens at {path} and does not answer", "modelhub daemon stop says how to end it"
    )


def socket_in_use(environ: Mapping[str, str], places: Places) -> Check:
    """Whether the daemon that runs answers at its socket too, and not over TCP alone."""
    info = read_runtime_info(environ)
    path = Path(info.socket) if info is not None and info.socket else places.socket
    try:
        BriefClient(socket=path, environ=environ).health(timeout_s=CONNECT_S)
    except ClientError:
        what = "does not answer" if path.exists() else "is gone"
        return Check.fail(
            "socket in use",
            f"{path} {what}: the daemon can be reached over TCP alone, and modelhub ui signs nobody in",
            "Have it made anew: modelhub daemon restart",
        )
    return Check.ok("socket in use", f"answers ({path})")


def token(environ: Mapping[str, str], places: Places) -> Iterator[Check]:
    """Whether the token in the file opens the TCP port of the daemon that runs."""
    name, new = "token in use", "Make a new one: modelhub token rotate (browsers sign in again: modelhub ui)"
    try:
        text = places.token_file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        yield Check.fail(name, "its file is gone: programs on the TCP port are locked out", new)
        return
    except (OSError, UnicodeDecodeError) as error:
        yield Check.fail(name, f"cannot be read: {getattr(error, 'strerror', None) or 'no ASCII'}", new)
        return
    if len(text) < TOKEN_LEAST or not text.isprintable() or " " in text:
        yield Check.fail(name, f"{places.token_file} holds no token", new)
        return
    info = read_runtime_info(environ)
    if info is None or info.url is None:
        yield Check.ok(name, "the TCP port is off; nobody needs it")
        return
    try:
        BriefClient(url=info.url, token=text, environ=environ).version()
    except NotPermitted:
        yield Check.fail(name, f"the daemon at {info.url} does not take it: the file has been changed", new)
    except (ClientError, ValueError) as error:
        yield Check.warn(
            name,
            f"{info.url}: {error}",
            "Have it listen anew: modelhub daemon restart",
        )
    else:
        yield Check.ok(name, f"opens {info.url}")


def hint(environ: Mapping[str, str], places: Places, pid: int) -> Check | None:
    """Whether `runtime.json` names the daemon that answers; None where it does."""
    info = read_runtime_info(environ)
    if info is not None and info.pid == pid:
        return None
    named = "is not there" if info is None else f"names process {info.pid}"
    return Check.warn(
        "runtime.json",
        f"{named}, and process {pid} answers",
        "modelhub daemon restart writes it anew",
    )
