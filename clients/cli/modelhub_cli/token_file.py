"""`tokens.toml`: tokens by origin, in a file that only its owner may read. The daemon reads the same one.

What people wrote into it stays as it is, line for line; only the line of one origin is put in or taken out.
"""

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from modelhub_cli.failures import Failed
from modelhubd.places import private_dir
from modelhubd.trust.urls import origin_of

NAME = "tokens.toml"
MAX_BYTES = 256 * 1024
_TOKEN = re.compile(r"[!-~]{1,8192}")
_LINE = re.compile(r"""[ \t]*(?:"(?P<double>[^"\\]*)"|'(?P<single>[^']*)')[ \t]*=""")


def is_token(text: str) -> bool:
    """Whether `text` can be sent as a token: one word of visible ASCII."""
    return _TOKEN.fullmatch(text) is not None


def token_for(config_dir: Path, url: str) -> str | None:
    """The token that is kept for just this origin.

    Raises:
        Failed: the file is open to others, is not the owner's, or says things wrongly.
    """
    return _tokens(_text(config_dir / NAME)).get(origin_of(url))


def keep_token(config_dir: Path, url: str, token: str) -> None:
    """Keep a token for the origin of `url`, in place of one that is there.

    Raises:
        Failed: as `token_for`.
    """
    path = config_dir / NAME
    text = _text(path)
    _tokens(text)
    _replace(path, with_token(text, origin_of(url), token))


def forget_token(config_dir: Path, url: str) -> bool:
    """Take the token of this origin out; whether there was one.

    Raises:
        Failed: as `token_for`.
    """
    path = config_dir / NAME
    text = _text(path)
    if origin_of(url) not in _tokens(text):
        return False
    _replace(path, without_token(text, origin_of(url)))
    return True


def with_token(text: str, origin: str, token: str) -> str:
    """The file's text with this line for an origin, whatever it had for it before."""
    kept = without_token(text, origin)
    if kept and not kept.endswith("\n"):
        kept += "\n"
    quoted = token.replace("\\", "\\\\").replace('"', '\\"')
    return f'{kept}"{origin}" = "{quoted}"\n'


def without_token(text: str, origin: str) -> str:
    """The file's text without the line of an origin."""
    return "".join(line for line in text.splitlines(keepends=True) if _origin_in(line) != origin)


def _origin_in(line: str) -> str | None:
    found = _LINE.match(line)
    if found is None:
        return None
    return _origin(found["double"] if found["double"] is not None else found["single"])


def _origin(key: str) -> str | None:
    with contextlib.suppress(ValueError):
        return origin_of(key)
    return None


def _text(path: Path) -> str:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise _unusable(path, f"cannot be read ({error.strerror})") from None
    with os.fdopen(fd, "rb") as file:
        facts = os.fstat(fd)
        if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.getuid():
            raise _unusable(path, "is not a plain file of yours")
        if facts.st_mode & 0o077:
            raise Failed(
                f"{path} is open to other users of this machine, so it is not used.",
                next_step=f"chmod 600 {path}",
            )
        data = file.read(MAX_BYTES + 1)
    try:
        if len(data) > MAX_BYTES:
            raise _unusable(path, f"is longer than {MAX_BYTES // 1024} KiB")
        return data.decode()
    except UnicodeDecodeError:
        raise _unusable(path, "is not UTF-8") from None


def _tokens(text: str) -> dict[str, str]:
    if not text:
        return {}
    import tomllib  # here: most commands need no token

    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        # The parser's own words may hold what the file holds.
        raise Failed(f'{NAME} is not TOML. Correct it: each line is "https://host" = "token".') from None
    return dict(_entries(document))


def _entries(document: dict[str, object]) -> Iterator[tuple[str, str]]:
    for key, token in document.items():
        if (origin := _origin(key)) is not None and isinstance(token, str) and is_token(token):
            yield origin, token


def _unusable(path: Path, why: str) -> Failed:
    return Failed(f"{path} {why}, so it is not used.", next_step="Put a plain file of your own there.")


def _replace(path: Path, text: str) -> None:
    """Write the file anew, never visible to others and never half."""
    try:
        private_dir(path.parent)
        write_private(path, text.encode())
    except OSError as error:
        raise Failed(f"{path} cannot be written: {error.strerror or error}.") from error


def write_private(path: Path, data: bytes) -> None:
    """Put `data` at `path` as a whole, readable by its owner only."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(fd)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
