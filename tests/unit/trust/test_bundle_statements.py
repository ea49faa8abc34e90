"""A signature over a bundle binds its name and its manifest, and is nothing else."""

import base64
import json
from typing import Any

import pytest
from msgspec.structs import replace

from modelhubd.trust.bundle_statements import (
    ENVELOPE_MAX,
    UNKNOWN_KEY,
    fault_in_bundle_signature,
    read_envelope,
    sign_bundle,
)
from modelhubd.trust.signing import key_id, new_key, sign
from modelhubd.trust.statements import PAYLOAD_TYPE, pae, sign_version
from modelhubd.wire.catalog import Envelope, Signature

PRIVATE, PUBLIC = new_key()
SHA = "ab" * 32
GOOD = sign_bundle("kit", SHA, PRIVATE)


def fault(envelope: Envelope, name: str = "kit", sha256: str = SHA, *keys: bytes) -> str | None:
    return fault_in_bundle_signature(envelope, name=name, manifest_sha256=sha256, keys=keys or (PUBLIC,))


def signed(statement: Any) -> Envelope:
    """Any payload under a good signature."""
    payload = statement if isinstance(statement, bytes) else json.dumps(statement).encode()
    signature = sign(pae(PAYLOAD_TYPE, payload), PRIVATE)
    return Envelope(
        payload=base64.b64encode(payload).decode(),
        signatures=(Signature(keyid=key_id(PUBLIC), sig=base64.b64encode(signature).decode()),),
    )


def statement(**changes: Any) -> dict[str, Any]:
    return json.loads(base64.b64decode(GOOD.payload)) | changes  # type: ignore[no-any-return]


def test_what_was_signed_is_good_for_that_name_and_manifest_and_key_alone() -> None:
    assert fault(GOOD) is None
    assert fault(GOOD, "other") == "the signature is one for another bundle"
    assert fault(GOOD, "kit", "cd" * 32) == "the signature is one for another manifest of this bundle"
    assert fault(GOOD, "kit", SHA, new_key()[1]) == UNKNOWN_KEY
    assert fault(GOOD, "kit", SHA, new_key()[1], PUBLIC) is None


def test_a_publishers_word_about_a_version_is_none_about_a_bundle() -> None:
    version = sign_version("kit", "kit", SHA, PRIVATE)
    assert fault(version) == "the signed statement is not one about a bundle"


@pytest.mark.parametrize(
    ("envelope", "said"),
    [
        (replace(GOOD, payload_type="text/plain"), "not an in-toto statement"),
        (replace(GOOD, payload="*"), "cannot be read"),
        (replace(GOOD, payload="A" * 20_000), "cannot be read"),
        (replace(GOOD, signatures=GOOD.signatures * 17), "cannot be read"),
        (replace(GOOD, signatures=()), UNKNOWN_KEY),
        (replace(GOOD, signatures=(replace(GOOD.signatures[0], sig="AAAA"),)), "is wrong"),
        (replace(GOOD, signatures=(replace(GOOD.signatures[0], sig="*"),)), "is wrong"),
        (signed(b"[]"), "not a statement about a bundle"),
        (signed(b"\xff"), "not a statement about a bundle"),
        (signed(statement(more=1)), "not a statement about a bundle"),
        (signed(statement(_type="x")), "not one about a bundle"),
        (signed(statement(subject=[])), "not about one bundle"),
        (
            signed(statement(subject=[{"name": "kit", "digest": {"sha256": SHA, "md5": "x"}}])),
            "another manifest",
        ),
    ],
)
def test_whatever_else_is_in_an_envelope_is_no_signature(envelope: Envelope, said: str) -> None:
    assert said in str(fault(envelope))


def test_a_file_that_holds_no_envelope_is_none() -> None:
    import msgspec

    assert read_envelope(msgspec.json.encode(GOOD)) == GOOD
    for data in (b"", b"{}", b"\xff", b" " * (ENVELOPE_MAX + 1), b"[" * 5000):
        assert read_envelope(data) is None
