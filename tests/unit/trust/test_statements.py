import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from modelhubd.trust.signing import is_signed, key_id, new_key, public_of, sign
from modelhubd.trust.statements import (
    ENVELOPES_MAX,
    PAYLOAD_MAX,
    PAYLOAD_TYPE,
    PREDICATE_TYPE,
    SIGNATURES_MAX,
    STATEMENT_TYPE,
    fault_in_signature,
    pae,
    sign_version,
)
from modelhubd.wire.catalog import Envelope, Signature
from modelhubd.wire.registry import PublisherKey

PRIVATE = bytes(range(32))
PUBLIC = public_of(PRIVATE)
KEY = PublisherKey(key_id=key_id(PUBLIC), public_key=PUBLIC.hex())
MODEL, PUBLISHER, DIGEST = "acme/tiny", "acme", "ab" * 32
ENVELOPE = sign_version(MODEL, PUBLISHER, DIGEST, PRIVATE)


def fault(*envelopes: Envelope, keys: tuple[PublisherKey, ...] = (KEY,), **other: str) -> str | None:
    said = {"model": MODEL, "publisher": PUBLISHER, "content_sha256": DIGEST, **other}
    return fault_in_signature(
        envelopes,
        model=said["model"],
        publisher=said["publisher"],
        content_sha256=said["content_sha256"],
        keys=keys,
    )


def enveloped(payload: bytes, private: bytes = PRIVATE, payload_type: str = PAYLOAD_TYPE) -> Envelope:
    signature = base64.b64encode(sign(pae(payload_type, payload), private)).decode()
    return Envelope(
        payload=base64.b64encode(payload).decode(),
        payload_type=payload_type,
        signatures=(Signature(keyid=key_id(public_of(private)), sig=signature),),
    )


def statement(**changes: Any) -> bytes:
    whole = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": MODEL, "digest": {"sha256": DIGEST}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {"publisher": PUBLISHER},
    }
    return json.dumps({**whole, **changes}).encode()


@pytest.mark.parametrize(
    ("payload_type", "payload", "encoded"),
    [
        (
            "http://example.com/HelloWorld",
            b"hello world",
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world",
        ),
        ("", b"", b"DSSEv1 0  0 "),
        ("application/x", b"\x00\xff", b"DSSEv1 13 application/x 2 \x00\xff"),
        ("é", "é".encode(), b"DSSEv1 2 \xc3\xa9 2 \xc3\xa9"),
    ],
)
def test_what_is_signed_is_encoded_as_dsse_says(payload_type: str, payload: bytes, encoded: bytes) -> None:
    assert pae(payload_type, payload) == encoded


def test_python_securesystemslib_agrees_about_the_envelope() -> None:
    from securesystemslib import dsse
    from securesystemslib.signer import SSlibKey

    theirs = dsse.Envelope.from_dict(
        {
            "payload": ENVELOPE.payload,
            "payloadType": ENVELOPE.payload_type,
            "signatures": [{"keyid": one.keyid, "sig": one.sig} for one in ENVELOPE.signatures],
        }
    )
    key = SSlibKey(KEY.key_id, "ed25519", "ed25519", {"public": KEY.public_key})
    assert set(theirs.verify([key], 1)) == {KEY.key_id}


def test_a_statement_is_an_in_toto_statement() -> None:
    assert json.loads(base64.b64decode(ENVELOPE.payload)) == json.loads(statement())


def test_rfc_8032_s_first_vector_holds() -> None:
    private = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    signature = bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b"
    )
    assert public_of(private) == public
    assert sign(b"", private) == signature
    assert is_signed(b"", signature, public)


def test_a_new_key_signs_and_its_public_half_checks() -> None:
    private, public = new_key()
    assert public == public_of(private)
    assert is_signed(b"said", sign(b"said", private), public)
    assert not is_signed(b"unsaid", sign(b"said", private), public)
    assert not is_signed(b"said", sign(b"said", private), new_key()[1])
    assert not is_signed(b"said", sign(b"said", private)[:63], public)
    assert not is_signed(b"said", sign(b"said", private), public[:31])
    assert not is_signed(b"said", sign(b"said", private), b"\xff" * 32)


def test_a_publisher_s_signature_is_good() -> None:
    assert fault(ENVELOPE) is None


def test_one_good_signature_among_bad_ones_is_enough() -> None:
    other = sign_version(MODEL, PUBLISHER, "cd" * 32, PRIVATE)
    assert fault(other, enveloped(b"nothing"), ENVELOPE) is None
    several = replace(ENVELOPE, signatures=(Signature(keyid="00", sig="AA=="), *ENVELOPE.signatures))
    assert fault(several) is None


def test_the_other_alphabet_of_base64_is_read() -> None:
    (signature,) = ENVELOPE.signatures
    url_safe = signature.sig.replace("+", "-").replace("/", "_")
    assert fault(replace(ENVELOPE, signatures=(replace(signature, sig=url_safe),))) is None


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"model": "acme/other"}, "another model"),
        ({"publisher": "other"}, "another publisher"),
        ({"content_sha256": "cd" * 32}, "another content"),
    ],
)
def test_a_signature_over_something_else_is_refused(changed: dict[str, str], reason: str) -> None:
    assert reason in (fault(ENVELOPE, keys=(KEY,), **changed) or "")


def test_a_version_without_envelopes_is_unsigned() -> None:
    assert fault() == "acme has not signed this version"


def test_a_revoked_key_counts_for_nothing() -> None:
    revoked = replace(KEY, revoked_at="2026-01-01T00:00:00.000Z")
    assert "revoked" in (fault(ENVELOPE, keys=(revoked,)) or "")
    private, public = new_key()
    still = PublisherKey(key_id=key_id(public), public_key=public.hex())
    again = sign_version(MODEL, PUBLISHER, DIGEST, private)
    both = replace(ENVELOPE, signatures=ENVELOPE.signatures + again.signatures)
    assert fault(both, keys=(revoked, still)) is None


def test_a_key_that_the_publisher_does_not_have_counts_for_nothing() -> None:
    assert "no key of acme" in (fault(ENVELOPE, keys=()) or "")
    stranger = sign_version(MODEL, PUBLISHER, DIGEST, new_key()[0])
    assert "no key of acme" in (fault(stranger) or "")


def test_a_stranger_who_claims_the_publisher_s_key_is_found_out() -> None:
    stranger = sign_version(MODEL, PUBLISHER, DIGEST, new_key()[0])
    claimed = replace(stranger, signatures=(replace(stranger.signatures[0], keyid=KEY.key_id),))
    assert "is wrong" in (fault(claimed) or "")


@pytest.mark.parametrize("public_key", ["", "zz", "00" * 32, "ä"])
def test_a_key_whose_id_is_not_its_own_counts_for_nothing(public_key: str) -> None:
    assert "is wrong" in (fault(ENVELOPE, keys=(replace(KEY, public_key=public_key),)) or "")


def test_a_key_that_bears_another_s_id_counts_for_nothing() -> None:
    private, public = new_key()
    stranger = sign_version(MODEL, PUBLISHER, DIGEST, private)
    claimed = replace(stranger, signatures=(replace(stranger.signatures[0], keyid=KEY.key_id),))
    assert "is wrong" in (fault(claimed, keys=(replace(KEY, public_key=public.hex()),)) or "")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff",
        b"[" * 10_000,
        statement(_type="https://in-toto.io/Statement/v0.1"),
        statement(predicateType="urn:modelhub:version:2"),
        statement(subject=[]),
        statement(subject=[{"name": MODEL, "digest": {"sha256": DIGEST}}] * 2),
        statement(subject=[{"name": MODEL, "digest": {"sha512": DIGEST}}]),
        statement(subject=[{"name": MODEL, "digest": DIGEST}]),
        statement(subject=[{"digest": {"sha256": DIGEST}}]),
        statement(predicate={}),
        statement(predicate={"publisher": None}),
    ],
)
def test_a_signed_payload_that_says_something_else_is_refused(payload: bytes) -> None:
    assert fault(enveloped(payload)) is not None


def test_fields_that_we_do_not_know_are_read_over() -> None:
    assert fault(enveloped(statement(predicate={"publisher": PUBLISHER, "built_with": "x"}, more=1))) is None


def test_another_payload_type_is_refused_although_it_is_signed() -> None:
    assert "in-toto" in (fault(enveloped(statement(), payload_type="text/plain")) or "")


@pytest.mark.parametrize(
    "envelope",
    [
        replace(ENVELOPE, payload="not base64!"),
        replace(ENVELOPE, payload="ä"),
        replace(ENVELOPE, payload=ENVELOPE.payload + "A" * PAYLOAD_MAX),
        replace(ENVELOPE, signatures=()),
        replace(ENVELOPE, signatures=ENVELOPE.signatures * (SIGNATURES_MAX + 1)),
        replace(ENVELOPE, signatures=(replace(ENVELOPE.signatures[0], sig="A" * (PAYLOAD_MAX + 4)),)),
        replace(ENVELOPE, signatures=(replace(ENVELOPE.signatures[0], sig="?"),)),
        replace(ENVELOPE, signatures=(replace(ENVELOPE.signatures[0], sig=""),)),
    ],
)
def test_an_envelope_that_cannot_be_read_is_refused(envelope: Envelope) -> None:
    assert fault(envelope) is not None


def test_an_envelope_too_many_is_refused() -> None:
    assert fault(*[ENVELOPE] * (ENVELOPES_MAX + 1)) is not None


@given(st.integers(0, len(base64.b64decode(ENVELOPE.payload)) - 1), st.integers(1, 255))
def test_no_byte_of_the_statement_can_be_changed(place: int, mask: int) -> None:
    payload = bytearray(base64.b64decode(ENVELOPE.payload))
    payload[place] ^= mask
    changed = replace(ENVELOPE, payload=base64.b64encode(bytes(payload)).decode())
    assert "is wrong" in (fault(changed) or "")
