"""Ed25519 (RFC 8032): keys, signatures and their check. Keys and signatures are raw bytes.

`cryptography` is imported where it is used: it takes longer than the start of a program may.
"""

import hashlib

KEY_BYTES = 32
SIGNATURE_BYTES = 64


def new_key() -> tuple[bytes, bytes]:
    """A new key as (private, public), 32 bytes each."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    return private.private_bytes_raw(), private.public_key().public_bytes_raw()


def public_of(private: bytes) -> bytes:
    """The public key that belongs to a private one.

    Raises:
        ValueError: `private` does not have 32 bytes.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def key_id(public: bytes) -> str:
    """What names a public key: SHA-256 of its bytes, in hex."""
    return hashlib.sha256(public).hexdigest()


def sign(message: bytes, private: bytes) -> bytes:
    """The signature of `message`, 64 bytes.

    Raises:
        ValueError: `private` does not have 32 bytes.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(private).sign(message)


def is_signed(message: bytes, signature: bytes, public: bytes) -> bool:
    """Whether `signature` is one of `message` by the key `public`; also False where either is none at all."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if len(public) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True
