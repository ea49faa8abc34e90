"""A publisher's private key in a file of its own: PKCS #8 in PEM, as RFC 8410 lays out Ed25519 keys, so that
other tools read it. The layout is fixed, so that reading it needs no library."""

import base64
import binascii
import os
import stat
from pathlib import Path

from modelhub_cli.failures import CONFLICT, USAGE, Failed

_BEGIN, _END = "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"
_PREFIX = bytes.fromhex("302e020100300506032b657004220420")
"""SEQUENCE, version 0, algorithm 1.3.101.112, OCTET STRING in an OCTET STRING of 32 bytes."""
MAX_BYTES = 4096


def write_key(path: Path, private: bytes) -> None:
    """Put a new key at `path`, readable by its owner only.

    Raises:
        Failed: something is there already, or it cannot be written.
    """
    text = base64.b64encode(_PREFIX + private).decode()
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise Failed(f"{path} is there already, and a key is never overwritten.", code=CONFLICT) from error
    except OSError as error:
        raise Failed(f"{path} cannot be written: {error.strerror or error}.") from error
    with os.fdopen(fd, "w", encoding="ascii") as file:
        file.write(f"{_BEGIN}\n{text}\n{_END}\n")
        file.flush()
        os.fsync(fd)


def read_key(path: Path) -> bytes:
    """The 32 private bytes.

    Raises:
        Failed: it is not such a file, or open to others (exit code 2).
    """
    try:
        with path.open("rb") as file:
            facts = os.fstat(file.fileno())
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Failed(f"{path} cannot be read: {error.strerror or error}.", code=USAGE) from error
    if not stat.S_ISREG(facts.st_mode) or facts.st_mode & 0o077:
        raise Failed(
            f"{path} is open to other users of this machine, so nothing is signed with it.",
            next_step=f"chmod 600 {path}. If others may have read it, revoke it and make a new one.",
            code=USAGE,
        )
    lines = [line.strip() for line in data.decode("ascii", "replace").strip().splitlines()]
    if len(lines) >= 3 and (lines[0], lines[-1]) == (_BEGIN, _END):
        try:
            key = base64.b64decode("".join(lines[1:-1]), validate=True)
        except binascii.Error:
            key = b""
        if key.startswith(_PREFIX) and len(key) == len(_PREFIX) + 32:
            return key[len(_PREFIX) :]
    raise Failed(
        f"{path} is not a private Ed25519 key in PEM.",
        next_step="Make one: modelhub registry keys new FILE",
        code=USAGE,
    )
