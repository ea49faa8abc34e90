"""Who is calling, and the one function that decides whether they may.

A token is `mhr_<id>_<secret><checksum>`: an id of 12 of `a-z0-9`, which the database knows it by; a secret of
32 letters and digits (190 bits), of which only the SHA-256 is kept; and 6 letters or digits of checksum, the
CRC-32 (zlib's) of everything before it, written in base 62 with the digits `0-9A-Za-z`, most significant
first and filled up with `0`. By it a mistyped or cut token, and a token in a text, is told without asking
anybody.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from modelhubd.errors import NotAllowed, Unauthenticated

DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
ID_LENGTH = 12
SECRET_LENGTH = 32
CHECKSUM_LENGTH = 6
_TOKEN = re.compile(
    f"mhr_(?P<id>[a-z0-9]{{{ID_LENGTH}}})_(?P<secret>[0-9A-Za-z]{{{SECRET_LENGTH}}})"
    f"(?P<checksum>[0-9A-Za-z]{{{CHECKSUM_LENGTH}}})"
)
_SCOPE = re.compile(r"read|review|verify|admin|publish:[a-z0-9][a-z0-9._-]{0,63}")
_PRINCIPAL = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,127}")

SEED = "seed"
"""The principal that has published the entries this program carries."""
REGISTRY = "registry"
"""The principal of what the registry does by itself."""
OPERATOR = "operator"
"""The principal of whoever gives commands on the registry's own machine."""
RESERVED = frozenset({SEED, REGISTRY, OPERATOR})
"""Principals that no token is made for."""


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A token just made. `text` is shown once and kept nowhere."""

    id: str
    text: str
    secret_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whose token a request carries, and what that token may do."""

    principal: str
    token_id: str
    scopes: frozenset[str]
    expires_at: str

    def has(self, scope: str) -> bool:
        """Whether the token may do what `scope` names. Every scope includes `read`; `admin` includes
        `verify`, and neither `publish` nor `review`: those take another person."""
        if scope in self.scopes:
            return True
        if scope == "read":
            return bool(self.scopes)
        return scope == "verify" and "admin" in self.scopes


def new_secret() -> NewSecret:
    """A token that nobody has had before."""
    alphabet = string.digits + string.ascii_lowercase
    name = "".join(secrets.choice(alphabet) for _ in range(ID_LENGTH))
    secret = "".join(secrets.choice(DIGITS) for _ in range(SECRET_LENGTH))
    body = f"mhr_{name}_{secret}"
    return NewSecret(name, body + checksum(body), sha256_of(secret))


def parse_token(text: str) -> tuple[str, str] | None:
    """(id, secret) of a token whose checksum is right; None for anything else."""
    match = _TOKEN.fullmatch(text)
    if match is None or not hmac.compare_digest(checksum(text[:-CHECKSUM_LENGTH]), match["checksum"]):
        return None
    return match["id"], match["secret"]


def checksum(body: str) -> str:
    """See the module: CRC-32 in base 62."""
    rest, found = zlib.crc32(body.encode("ascii")), ""
    for _ in range(CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(DIGITS))
        found = DIGITS[digit] + found
    return found


def sha256_of(secret: str) -> str:
    """What is kept of a secret, in hex."""
    return hashlib.sha256(secret.encode("ascii")).hexdigest()


def is_secret(secret: str, secret_sha256: str) -> bool:
    """Compared in a time that tells nothing."""
    return hmac.compare_digest(sha256_of(secret), secret_sha256)


def bearer(headers: Iterable[str]) -> tuple[str, str]:
    """(id, secret) of the token in the values of `Authorization`.

    Raises:
        Unauthenticated: there is none, or it is mistyped.
    """
    given = list(headers)
    scheme, _, text = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not text:
        raise Unauthenticated(
            "This needs a token of this registry as `Authorization: Bearer …`. An administrator makes one."
        )
    found = parse_token(text.strip())
    if found is None:
        raise Unauthenticated(
            "This is no token of a registry: it is mistyped or cut. It begins with mhr_ and is copied whole."
        )
    return found


def authorize(caller: Caller, scopes: tuple[str, ...], path: Mapping[str, str]) -> None:
    """Let a caller pass who has any of a route's scopes; `{name}` in one is the path's.

    Raises:
        NotAllowed: none of them; it is named.
    """
    wanted = [scope.format_map(path) for scope in scopes]
    if not any(caller.has(scope) for scope in wanted):
        raise NotAllowed(
            f"This needs a token with the scope {' or '.join(map(_named, wanted))}. Ask an administrator for "
            "one.",
            code="scope_missing",
        )


def _named(scope: str) -> str:
    """As an answer may repeat it: a path is a stranger's text."""
    return scope if is_scope(scope) else "publish:<publisher>"


def is_scope(text: str) -> bool:
    """Whether there is such a scope."""
    return _SCOPE.fullmatch(text) is not None and ".." not in text


def is_principal(text: str) -> bool:
    """Whether a person or service may bear this name. Lower case alone: no two names look alike by case."""
    return _PRINCIPAL.fullmatch(text) is not None
