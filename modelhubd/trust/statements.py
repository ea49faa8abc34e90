"""A publisher's signature over a version: an in-toto Statement v1 in a DSSE envelope, Ed25519.

https://github.com/in-toto/attestation/tree/main/spec/v1 and
https://github.com/secure-systems-lab/dsse/blob/master/protocol.md. The statement binds the model's id, its
publisher and the digest of the content (`entries.content.content_sha256`); each of them is compared.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from modelhubd.trust.signing import is_signed, key_id, public_of, sign
from modelhubd.wire.catalog import Envelope, Signature
from modelhubd.wire.registry import PublisherKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:modelhub:version:1"
ENVELOPES_MAX = 16
SIGNATURES_MAX = 16
"""Of one envelope."""
PAYLOAD_MAX = 16 * 1024
"""Characters of base64; one of ours has about 500."""


class _Subject(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    digest: dict[str, str]


class _Predicate(msgspec.Struct, frozen=True, kw_only=True):
    publisher: str


class _Statement(msgspec.Struct, frozen=True, kw_only=True):
    type: str = msgspec.field(name="_type")
    predicate_type: str = msgspec.field(name="predicateType")
    subject: list[_Subject]
    predicate: _Predicate


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: the bytes that are signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign_version(model: str, publisher: str, content_sha256: str, private: bytes) -> Envelope:
    """The envelope in which the key `private` says that `publisher` published this content as `model`.

    Raises:
        ValueError: `private` does not have 32 bytes.
    """
    return signed(model, content_sha256, PREDICATE_TYPE, {"publisher": publisher}, private)


def signed(
    name: str, sha256: str, predicate_type: str, predicate: Mapping[str, str], private: bytes
) -> Envelope:
    """The envelope of a statement about one subject: what is called `name` and has this digest.

    Raises:
        ValueError: `private` does not have 32 bytes.
    """
    statement = {
        "_type": STATEMENT_TYPE,
        "predicate": predicate,
        "predicateType": predicate_type,
        "subject": [{"digest": {"sha256": sha256}, "name": name}],
    }
    payload = json.dumps(statement, separators=(",", ":")).encode()
    signature = sign(pae(PAYLOAD_TYPE, payload), private)
    return Envelope(
        payload=base64.b64encode(payload).decode(),
        payload_type=PAYLOAD_TYPE,
        signatures=(Signature(keyid=key_id(public_of(private)), sig=base64.b64encode(signature).decode()),),
    )


def fault_in_signature(
    envelopes: Sequence[Envelope],
    *,
    model: str,
    publisher: str,
    content_sha256: str,
    keys: Iterable[PublisherKey],
) -> str | None:
    """Why none of the envelopes is a good signature over this version; None if one is.

    `keys` are those of the publisher; a revoked one counts for nothing, whenever it signed.
    """
    if not envelopes:
        return f"{publisher} has not signed this version"
    if len(envelopes) > ENVELOPES_MAX:
        return f"more than {ENVELOPES_MAX} envelopes"
    known = {key.key_id: key for key in keys}
    fault: str | None = None
    for envelope in envelopes:
        found = _fault_in_envelope(envelope, publisher, known) or _fault_in_statement(
            envelope, model, publisher, content_sha256
        )
        if found is None:
            return None
        fault = fault or found
    return fault


def _fault_in_envelope(envelope: Envelope, publisher: str, known: Mapping[str, PublisherKey]) -> str | None:
    """Why no key of the publisher signed what the envelope holds."""
    if envelope.payload_type != PAYLOAD_TYPE:
        return f"the signed payload is not an in-toto statement ({PAYLOAD_TYPE})"
    payload = _decoded(envelope.payload) if len(envelope.payload) <= PAYLOAD_MAX else None
    if payload is None or len(envelope.signatures) > SIGNATURES_MAX:
        return "the envelope cannot be read"
    fault = f"no key of {publisher} made the signature"
    for signature in envelope.signatures:
        key = known.get(signature.keyid)
        if key is None:
            continue
        if key.revoked_at is not None:
            fault = f"the key {key.key_id[:12]}… of {publisher} that made the signature is revoked"
            continue
        if _is_by(key, pae(PAYLOAD_TYPE, payload), signature.sig):
            return None
        fault = f"the signature by the key {key.key_id[:12]}… of {publisher} is wrong"
    return fault


def _is_by(key: PublisherKey, message: bytes, signature: str) -> bool:
    raw = _decoded(signature) if len(signature) <= PAYLOAD_MAX else None
    try:
        public = bytes.fromhex(key.public_key)
    except ValueError:
        return False
    return raw is not None and key_id(public) == key.key_id and is_signed(message, raw, public)


def _fault_in_statement(envelope: Envelope, model: str, publisher: str, content_sha256: str) -> str | None:
    """Which field of the signed statement says something else than this version."""
    try:
        statement = msgspec.json.decode(_decoded(envelope.payload) or b"", type=_Statement)
    except (msgspec.DecodeError, RecursionError):
        return "the signed payload is not a statement about a version"
    if statement.type != STATEMENT_TYPE or statement.predicate_type != PREDICATE_TYPE:
        return "the signed statement is not one about a version"
    if len(statement.subject) != 1:
        return "the signed statement is not about one model"
    (subject,) = statement.subject
    if subject.name != model:
        return "the signature is one for another model"
    if statement.predicate.publisher != publisher:
        return "the signature is one of another publisher"
    if subject.digest.get("sha256") != content_sha256:
        return "the signature is one for another content of this model"
    return None


def _decoded(text: str) -> bytes | None:
    """DSSE allows both alphabets of base64."""
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return None
