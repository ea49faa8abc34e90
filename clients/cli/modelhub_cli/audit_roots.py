"""Which key signs a registry's audit log, by its roots: each is signed by the keys of the one before it.

A registry replaces its online keys once a year, and after a theft. Whoever remembers one root finds the
newest by it, and only those who hold the root keys can lead them there.
"""

from dataclasses import dataclass

from modelhub_client import NotFound, RegistryClient
from modelhubd.errors import Untrusted

ROOTS_MAX = 1000
AUDIT_KEY = "x-modelhub-audit-key"
"""Field of a root: the log's public key, in hex."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Roots:
    """The newest root, as JSON, and the log's public keys that it and those before name, newest first."""

    newest: str
    keys: tuple[bytes, ...]


def follow_roots(registry: RegistryClient, remembered: str | None) -> Roots:
    """From the root that is remembered, or the first, to the newest.

    Raises:
        Untrusted: one of them is not signed by the keys of the one before it.
        ProblemError: the registry has no root, or refuses.
    """
    newest = registry.root(1) if remembered is None else remembered
    version, found = _read(newest, by=newest)
    keys = [found]
    while len(keys) < ROOTS_MAX:
        try:
            following = registry.root(version + 1)
        except NotFound:
            return Roots(newest=newest, keys=tuple(reversed(keys)))
        told, found = _read(following, by=newest)
        if told != version + 1:
            raise Untrusted(f"Its root {version + 1} calls itself {told}.")
        newest, version = following, told
        keys.append(found)
    raise Untrusted(f"It has more than {ROOTS_MAX} roots.")


def _read(text: str, *, by: str) -> tuple[int, bytes]:
    """(version, key of the log) of a root that is signed by its own keys and by those of another."""
    from tuf.api.exceptions import RepositoryError
    from tuf.api.metadata import Metadata, Root
    from tuf.api.serialization import DeserializationError

    try:
        found = Metadata[Root].from_bytes(text.encode())
        for judge in (Metadata[Root].from_bytes(by.encode()), found):
            judge.signed.verify_delegate(Root.type, found.signed_bytes, found.signatures)
        return found.signed.version, bytes.fromhex(found.signed.unrecognized_fields[AUDIT_KEY])
    except (DeserializationError, RepositoryError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise Untrusted("A root of it is not signed by the keys of the root before it.") from error
