"""A key that dies with its trial, and what is sealed with it.

ChaCha20-Poly1305 (RFC 8439) by `cryptography`, with a random nonce of 96 bits before the sealed bytes; what a
piece is (its name) is authenticated with it, so that none can be put in another's place. `cryptography` is
imported where it is used: it takes longer than the start of a program may.
"""

import contextlib
import os
import secrets
from pathlib import Path

from modelhubd.errors import ModelhubError

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
KEY_FILE = "key"


class NotOurs(ModelhubError):
    """Sealed with another key, under another name, or changed since."""


def new_key(folder: Path) -> bytes:
    """A fresh key, kept in `folder` with mode 0600, on the disk when this returns.

    Raises:
        OSError: it cannot be written; FileExistsError where there is one already.
    """
    key = secrets.token_bytes(KEY_BYTES)
    fd = os.open(folder / KEY_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    return key


def read_key(folder: Path) -> bytes | None:
    """The key in `folder`; None where none is whole."""
    try:
        fd = os.open(folder / KEY_FILE, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    with os.fdopen(fd, "rb") as file:
        key = file.read(KEY_BYTES + 1)
    return key if len(key) == KEY_BYTES else None


def destroy_key(folder: Path) -> None:
    """Overwrite and delete it. On disks that write elsewhere (SSDs, copying file systems) the overwritten
    bytes may outlive that for a while; the name does not."""
    path = folder / KEY_FILE
    with contextlib.suppress(FileNotFoundError):
        with contextlib.suppress(OSError):
            fd = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
            with os.fdopen(fd, "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
        path.unlink()


def seal(key: bytes, name: str, data: bytes) -> bytes:
    """`data` as nobody can read it without the key."""
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + ChaCha20Poly1305(key).encrypt(nonce, data, name.encode())


def unseal(key: bytes, name: str, sealed: bytes) -> bytes:
    """What was sealed under this name.

    Raises:
        NotOurs: it was not sealed so.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    if len(sealed) < NONCE_BYTES + TAG_BYTES:
        raise NotOurs(f"{name} is cut off.")
    try:
        return ChaCha20Poly1305(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name.encode())
    except InvalidTag:
        raise NotOurs(f"{name} was not sealed with this key.") from None
