"""A signature over a bundle: an in-toto Statement v1 in a DSSE envelope, Ed25519, as publishers' are.

The statement binds the bundle's name and the SHA-256 of its manifest, byte for byte; the manifest binds every
file. Its own predicate type keeps it from being taken for a publisher's word about a version.
"""

import base64
import binascii
from collections.abc import Iterable

import msgspec

from modelhubd.trust.signing import is_signed, key_id
from modelhubd.trust.statements import PAYLOAD_MAX, PAYLOAD_TYPE, SIGNATURES_MAX, STATEMENT_TYPE, pae, signed
from modelhubd.wire.catalog import Envelope

BUNDLE_PREDICATE = "urn:modelhub:bundle:1"
ENVELOPE_MAX = 64 * 1024
"""Bytes of the file that holds the envelope."""
UNKNOWN_KEY = "no key that is trusted here made the signature"


class _Subject(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    digest: dict[str, str]


class _Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    type: str = msgspec.field(name="_type")
    predicate_type: str = msgspec.field(name="predicateType")
    subject: list[_Subject]
    predicate: dict[str, str]


def sign_bundle(name: str, manifest_sha256: str, private: bytes) -> Envelope:
    """The envelope in which the key `private` says that this manifest is the bundle `name`.

    Raises:
        ValueError: `private` does not have 32 bytes.
    """
    return signed(name, manifest_sha256, BUNDLE_PREDICATE, {}, private)


def read_envelope(data: bytes) -> Envelope | None:
    """The envelope in a signature's file; None where there is none in it."""
    if len(data) > ENVELOPE_MAX:
        return None
    try:
        return msgspec.json.decode(data, type=Envelope)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def fault_in_bundle_signature(
    envelope: Envelope, *, name: str, manifest_sha256: str, keys: Iterable[bytes]
) -> str | None:
    """Why none of the public `keys` has signed that this manifest is the bundle `name`; None if one has."""
    if envelope.payload_type != PAYLOAD_TYPE:
        return f"the signed payload is not an in-toto statement ({PAYLOAD_TYPE})"
    payload = _decoded(envelope.payload)
    if payload is None or len(envelope.signatures) > SIGNATURES_MAX:
        return "the envelope cannot be read"
    if (fault := _fault_in_statement(payload, name, manifest_sha256)) is not None:
        return fault
    known = {key_id(key): key for key in keys}
    fault = UNKNOWN_KEY
    for signature in envelope.signatures:
        if (key := known.get(signature.keyid)) is None:
            continue
        if is_signed(pae(PAYLOAD_TYPE, payload), _decoded(signature.sig) or b"", key):
            return None
        fault = f"the signature by the key {signature.keyid[:12]}… is wrong"
    return fault


def _fault_in_statement(payload: bytes, name: str, manifest_sha256: str) -> str | None:
    try:
        statement = msgspec.json.decode(payload, type=_Statement)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return "the signed payload is not a statement about a bundle"
    if statement.type != STATEMENT_TYPE or statement.predicate_type != BUNDLE_PREDICATE:
        return "the signed statement is not one about a bundle"
    if len(statement.subject) != 1:
        return "the signed statement is not about one bundle"
    (subject,) = statement.subject
    if subject.name != name:
        return "the signature is one for another bundle"
    if subject.digest != {"sha256": manifest_sha256}:
        return "the signature is one for another manifest of this bundle"
    return None


def _decoded(text: str) -> bytes | None:
    """DSSE allows both alphabets of base64."""
    if len(text) > PAYLOAD_MAX:
        return None
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return None
