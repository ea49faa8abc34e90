"""A publisher's private key on disk."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from modelhub_cli.authoring.key_files import read_key, write_key
from modelhub_cli.failures import Failed
from modelhubd.trust.signing import new_key, public_of


def test_a_key_is_read_back_and_other_tools_read_it_too(tmp_path: Path) -> None:
    private, public = new_key()
    write_key(tmp_path / "key", private)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert read_key(tmp_path / "key") == private
    loaded = load_pem_private_key((tmp_path / "key").read_bytes(), None)
    assert isinstance(loaded, Ed25519PrivateKey)
    assert loaded.public_key().public_bytes_raw() == public


def test_a_key_that_another_tool_made_is_read(tmp_path: Path) -> None:
    made = Ed25519PrivateKey.generate()
    (tmp_path / "key").write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "key").chmod(0o600)
    assert public_of(read_key(tmp_path / "key")) == made.public_key().public_bytes_raw()


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    write_key(tmp_path / "key", b"a" * 32)
    with pytest.raises(Failed, match="never overwritten"):
        write_key(tmp_path / "key", b"b" * 32)
    assert read_key(tmp_path / "key") == b"a" * 32


def test_a_key_that_others_may_read_signs_nothing(tmp_path: Path) -> None:
    write_key(tmp_path / "key", b"a" * 32)
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(Failed, match="open to other users"):
        read_key(tmp_path / "key")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
    ],
)
def test_what_is_no_key_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "key").write_text(text)
    (tmp_path / "key").chmod(0o600)
    with pytest.raises(Failed, match="not a private Ed25519 key"):
        read_key(tmp_path / "key")
