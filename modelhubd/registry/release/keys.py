"""Key files: Ed25519 in PEM (PKCS#8), one a file, named by what they are for and the beginning of their id.

The keys folder (0700, files 0600) holds the online keys that count and those that counted before the last
rotation. Which of them count is what the newest root says, so that a rotation takes effect in one
transaction. Root keys never lie there; they alone may be encrypted with a passphrase (PKCS#8, PBES2), as the
service has to read the others with nobody beside it.
"""

import contextlib
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from modelhubd.errors import CannotStart
from modelhubd.trust.signing import key_id, new_key, public_of

ROLES = ("targets", "snapshot", "timestamp")
"""The online roles of TUF."""
AUDIT = "audit"
"""The key that signs checkpoints of the audit log."""
ROOT_FILE = "1.root.json"
"""The first root, beside the online keys, until a database holds it."""
KEY_FILES_MAX = 1000
ENCRYPTED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
PASSPHRASE_MIN = 12
"""Characters: whoever finds the disk guesses some millions a second (PBKDF2 with 2,048 rounds)."""
PASSPHRASE_MAX_BYTES = 1023
"""More is not supported by OpenSSL."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """Private keys by the hex of their public ones."""

    private: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"Keyring of {len(self.private)} keys"


def online_keys() -> dict[str, bytes]:
    """New private keys for every online role and the audit log, kept nowhere yet."""
    return {role: new_key()[0] for role in (*ROLES, AUDIT)}


def root_keys(count: int) -> dict[str, bytes]:
    """New private root keys, `root-1` and so on, kept nowhere yet."""
    return {f"root-{number}": new_key()[0] for number in range(1, count + 1)}


def publics(private: Mapping[str, bytes]) -> dict[str, bytes]:
    """The public halves of keys."""
    return {purpose: public_of(key) for purpose, key in private.items()}


def keyring_of(private: Mapping[str, bytes], *more: Keyring) -> Keyring:
    """These keys and those of other keyrings."""
    found = {public_of(key).hex(): key for key in private.values()}
    for keyring in more:
        found |= keyring.private
    return Keyring(found)


def write_keys(
    folder: Path, private: Mapping[str, bytes], passphrases: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Write keys into a folder that is ours alone, never over others; those that have a passphrase encrypted.

    Raises:
        CannotStart: the folder cannot be written, others can read it, or a passphrase is none.
    """
    encryptions = {purpose: _encryption(passphrases.get(purpose)) for purpose in private}
    make_folder(folder)
    for purpose, key in private.items():
        pem = Ed25519PrivateKey.from_private_bytes(key).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryptions[purpose]
        )
        write_whole(folder / f"{purpose}-{key_id(public_of(key))[:12]}.pem", pem)


def _encryption(passphrase: str | None) -> serialization.KeySerializationEncryption:
    if passphrase is None:
        return serialization.NoEncryption()
    if len(passphrase) < PASSPHRASE_MIN or len(passphrase.encode()) > PASSPHRASE_MAX_BYTES:
        raise CannotStart(
            f"A passphrase has {PASSPHRASE_MIN} characters at least and {PASSPHRASE_MAX_BYTES} bytes at "
            "most. Take five words that nobody would put together."
        )
    return serialization.BestAvailableEncryption(passphrase.encode())


def make_folder(folder: Path) -> None:
    """Make a folder that is ours alone, or check that it is.

    Raises:
        CannotStart: it cannot be made, or others can read it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise CannotStart(f"The keys folder {folder} cannot be made: {error.strerror}.") from error
    if found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise CannotStart(
            f"The keys folder {folder} can be read by others. Make it yours alone (chmod 700 {folder}), or "
            "name a new one. A disk with FAT knows no owners: take one with another file system."
        )


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, 0600, so that it outlives a loss of power.

    Raises:
        CannotStart: it is there already, or cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise CannotStart(f"{path} cannot be written: {error.strerror}.") from error


def read_online_keys(folder: Path) -> Keyring:
    """Every key in the keys folder; none where there is no folder.

    Raises:
        CannotStart: others can read the folder or a key, or a file is no key.
    """
    if not folder.exists():
        return Keyring({})
    make_folder(folder)
    found = {}
    for path in sorted(folder.glob("*.pem")):
        try:
            mode = path.stat().st_mode
            if mode & 0o077:
                raise CannotStart(
                    f"The key {path} can be read by others. Make it yours alone: chmod 600 {path}"
                )
            private = _read_key(path)
        except (FileNotFoundError, CannotStart):
            if path.exists():
                raise
            continue  # a rotation has just removed it
        found[public_of(private).hex()] = private
    return Keyring(found)


def forget_keys(folder: Path, kept: Collection[str]) -> None:
    """Remove the keys of the folder whose public ones (in hex) are not among those that are `kept`.

    Raises:
        CannotStart: one cannot be removed.
    """
    for path in sorted(folder.glob("*.pem")):
        if public_of(_read_key(path)).hex() in kept:
            continue
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise CannotStart(
                f"The new keys are in force, but the old key {path} cannot be removed: {error.strerror}."
            ) from error


def read_keys(folders: Sequence[Path], passphrases: Collection[str] = ()) -> Keyring:
    """Every key in these folders or files; each of the passphrases is tried on each that is encrypted.

    Raises:
        CannotStart: one cannot be read, is no Ed25519 key, or is encrypted and no passphrase opens it.
    """
    found = [_read_key(path, passphrases) for path in _key_files(folders)]
    return Keyring({public_of(private).hex(): private for private in found})


def encrypted(folders: Sequence[Path]) -> list[Path]:
    """Those of the keys in these folders or files that want a passphrase.

    Raises:
        CannotStart: one cannot be read.
    """
    return [path for path in _key_files(folders) if ENCRYPTED in _read(path)]


def _key_files(folders: Sequence[Path]) -> list[Path]:
    paths: list[Path] = []
    for folder in folders:
        paths += sorted(folder.glob("*.pem")) if folder.is_dir() else [folder]
    if len(paths) > KEY_FILES_MAX:
        raise CannotStart(f"There are more than {KEY_FILES_MAX} key files.")
    return paths


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CannotStart(f"The key {path} cannot be read: {error.strerror}.") from error


def _read_key(path: Path, passphrases: Collection[str] = ()) -> bytes:
    pem = _read(path)
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except TypeError:
        key = _decrypted(path, pem, passphrases)
    except ValueError as error:
        raise CannotStart(f"{path} is not a private key in PEM.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise CannotStart(f"{path} is not an Ed25519 key.")
    return key.private_bytes_raw()


def _decrypted(path: Path, pem: bytes, passphrases: Collection[str]) -> PrivateKeyTypes:
    for passphrase in passphrases:
        with contextlib.suppress(ValueError, TypeError):  # a wrong one, an empty one
            return serialization.load_pem_private_key(pem, password=passphrase.encode())
    what = "none of the passphrases given opens it" if passphrases else "no passphrase was given"
    raise CannotStart(
        f"The key {path} is encrypted, and {what}. Name a file with its own: --passphrase-file."
    )
