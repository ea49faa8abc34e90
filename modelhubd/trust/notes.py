"""Signed checkpoints of a log: C2SP signed-note (https://c2sp.org/signed-note) and tlog-checkpoint
(https://c2sp.org/tlog-checkpoint), with Ed25519 keys.

A verifier key is the text `name+hash+base64`, as Go's sumdb/note and the tools around it write it.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from modelhubd.errors import Untrusted
from modelhubd.trust.merkle import HASH_BYTES
from modelhubd.trust.signing import KEY_BYTES, is_signed, public_of, sign

NOTE_MAX = 64 * 1024
"""Characters of a note; one of ours has about 250."""
SIGNATURES_MAX = 64
NAME_MAX = 255
_ED25519 = b"\x01"
_ID_BYTES = 4
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")
_SIGNATURE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/=]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a log says of itself at one moment: who it is, how many entries it has, and their root."""

    origin: str
    size: int
    root: bytes


def fault_in_key_name(name: str) -> str | None:
    """Why `name` cannot name a key, and so a log; None if it can."""
    if not 1 <= len(name) <= NAME_MAX:
        return f"has 1 to {NAME_MAX} characters"
    if "+" in name or any(letter.isspace() or not letter.isprintable() for letter in name):
        return "has no spaces, no + and no hidden characters"
    return None


def verifier_key(name: str, public: bytes) -> str:
    """The text that lets anybody check notes which the key signed under this name."""
    encoded = base64.b64encode(_ED25519 + public).decode()
    return f"{name}+{_key_hash(name, public).hex()}+{encoded}"


def text_of(checkpoint: Checkpoint) -> str:
    """The text that is signed: three lines."""
    return f"{checkpoint.origin}\n{checkpoint.size}\n{base64.b64encode(checkpoint.root).decode()}\n"


def sign_checkpoint(checkpoint: Checkpoint, name: str, private: bytes) -> str:
    """The checkpoint as a note that the key `private` signed under `name`.

    Raises:
        ValueError: the name cannot name a key, or the key does not have 32 bytes.
    """
    if (fault := fault_in_key_name(name)) is not None:
        raise ValueError(f"{name!r} cannot name a log: its name {fault}")
    text = text_of(checkpoint)
    signature = _key_hash(name, public_of(private)) + sign(text.encode(), private)
    return f"{text}\n— {name} {base64.b64encode(signature).decode()}\n"


def open_checkpoint(note: str, verifier_key: str) -> Checkpoint:
    """The checkpoint in a note, after its signature by this key has been checked.

    Signatures by other keys are ignored. The origin has to be the name of the key.

    Raises:
        Untrusted: the note or the key cannot be read, or the key did not sign it; the message says which.
    """
    name, public = _read_key(verifier_key)
    text, lines = _parts(note)
    signed = False
    for line in lines:
        found = _SIGNATURE.fullmatch(line)
        signature = _decoded(found[2]) if found else None
        if found is None or signature is None or len(signature) <= _ID_BYTES:
            raise Untrusted("The checkpoint cannot be read: one of its signature lines is none.")
        if found[1] != name or signature[:_ID_BYTES] != _key_hash(name, public):
            continue
        if not is_signed(text.encode(), signature[_ID_BYTES:], public):
            raise Untrusted(f"The checkpoint is not signed by the key of {name}: the signature is wrong.")
        signed = True
    if not signed:
        raise Untrusted(f"The checkpoint is not signed by the key of {name}.")
    return _read_text(text, name)


def _read_key(text: str) -> tuple[str, bytes]:
    name, _, rest = text.partition("+")
    stated, _, encoded = rest.partition("+")
    raw = _decoded(encoded)
    if raw is None or len(raw) != 1 + KEY_BYTES or raw[:1] != _ED25519 or fault_in_key_name(name) is not None:
        raise Untrusted("The log's key cannot be read: it has the form name+hash+base64, for Ed25519.")
    if stated != _key_hash(name, raw[1:]).hex():
        raise Untrusted("The log's key cannot be read: its hash is not that of its name and key.")
    return name, raw[1:]


def _parts(note: str) -> tuple[str, list[str]]:
    """The signed text with its newline, and the signature lines."""
    text, blank, signatures = note.rpartition("\n\n")
    lines = signatures.split("\n")
    if len(note) > NOTE_MAX or len(lines) > SIGNATURES_MAX + 1:
        raise Untrusted("The checkpoint cannot be read: it is larger than any checkpoint.")
    if any((letter < " " and letter != "\n") or "\ud800" <= letter <= "\udfff" for letter in note):
        raise Untrusted("The checkpoint cannot be read: it holds control characters.")
    if not blank or lines[-1] or len(lines) == 1:
        raise Untrusted("The checkpoint cannot be read: it has no text, blank line and signature lines.")
    return text + "\n", lines[:-1]


def _read_text(text: str, name: str) -> Checkpoint:
    origin, *rest = text[:-1].split("\n")
    root = _decoded(rest[1]) if len(rest) > 1 else None
    if root is None or len(root) != HASH_BYTES or _SIZE.fullmatch(rest[0]) is None or not all(rest):
        raise Untrusted("The checkpoint cannot be read: its text is not origin, size and root hash.")
    if origin != name:
        raise Untrusted(f"The checkpoint is one of another log than {name}.")
    return Checkpoint(origin=origin, size=int(rest[0]), root=root)


def _decoded(text: str) -> bytes | None:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if base64.b64encode(raw).decode() == text else None


def _key_hash(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:_ID_BYTES]
