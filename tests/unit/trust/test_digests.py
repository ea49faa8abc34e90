import hashlib

from modelhubd.trust.digests import is_sha256, option_digest
from modelhubd.wire.catalog import OptionFile

A, B = "a" * 64, "b" * 64


def test_a_digest_is_64_lower_case_hex_digits() -> None:
    assert is_sha256(A)
    assert not is_sha256(A.upper())
    assert not is_sha256(A[:63])
    assert not is_sha256(A + "\n")
    assert not is_sha256("g" * 64)
    assert not is_sha256("")


def test_the_digest_of_one_file_is_its_own() -> None:
    assert option_digest([OptionFile(name="x.gguf", sha256=A)]) == A
    assert option_digest([OptionFile(name="x.gguf")]) is None


def test_the_digest_of_several_files_covers_sorted_lines_of_name_size_and_sha256() -> None:
    files = [
        OptionFile(name="b.gguf", size_bytes=2, sha256=B),
        OptionFile(name="a.gguf", size_bytes=10, sha256=A),
    ]
    expected = hashlib.sha256(f"a.gguf\t10\t{A}\nb.gguf\t2\t{B}\n".encode()).hexdigest()
    assert option_digest(files) == expected
    assert option_digest(files[::-1]) == expected


def test_an_option_with_a_missing_digest_or_size_has_none() -> None:
    whole = OptionFile(name="a.gguf", size_bytes=1, sha256=A)
    assert option_digest([whole, OptionFile(name="b.gguf", size_bytes=1)]) is None
    assert option_digest([whole, OptionFile(name="b.gguf", sha256=B)]) is None
    assert option_digest([]) is None
