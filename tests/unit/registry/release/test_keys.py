"""Key files: encrypted where somebody has a passphrase, and opened by it alone."""

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click import UsageError

from modelhubd.errors import CannotStart
from modelhubd.registry.commands.passphrases import known_passphrases, new_passphrases, read_passphrase
from modelhubd.registry.release import keys

WORDS = "lamp otter quarry seven mild"
OTHER = "another one that is long"


def secret_file(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(0o600)
    return path


def test_a_key_with_a_passphrase_is_opened_by_it_alone(tmp_path: Path) -> None:
    made = keys.root_keys(2)
    keys.write_keys(tmp_path / "offline", made, {"root-1": WORDS})
    first, second = sorted((tmp_path / "offline").iterdir())
    assert first.read_bytes().startswith(keys.ENCRYPTED)
    assert made["root-1"] not in first.read_bytes()
    assert keys.encrypted([tmp_path / "offline"]) == [first]
    assert keys.read_keys([second]) == keys.keyring_of({"root-2": made["root-2"]})
    assert keys.read_keys([tmp_path / "offline"], ["", OTHER, WORDS]) == keys.keyring_of(made)
    for given, words in ((), "no passphrase was given"), ([OTHER, ""], "none of the passphrases given opens"):
        with pytest.raises(CannotStart, match=words):
            keys.read_keys([first], given)


def test_what_openssl_encrypted_harder_is_read_too(tmp_path: Path) -> None:
    made = keys.root_keys(1)
    keys.write_keys(tmp_path / "offline", made)
    [plain] = (tmp_path / "offline").iterdir()
    for harder in (["-v2", "aes-256-cbc", "-iter", "600000"], ["-scrypt"]):
        subprocess.run(
            ["openssl", "pkcs8", "-topk8", "-in", plain, "-out", tmp_path / "hard", *harder, "-passout",
             f"pass:{WORDS}"],
            check=True, capture_output=True,
        )  # fmt: skip
        assert keys.read_keys([tmp_path / "hard"], [WORDS]) == keys.keyring_of(made)


@pytest.mark.parametrize("passphrase", ["", "too short", "x" * 1024])
def test_a_passphrase_that_protects_nothing_is_refused_before_anything_is_written(
    tmp_path: Path, passphrase: str
) -> None:
    with pytest.raises(CannotStart, match="12 characters at least"):
        keys.write_keys(tmp_path / "offline", keys.root_keys(1), {"root-1": passphrase})
    assert not (tmp_path / "offline").exists()


def test_the_service_takes_no_key_that_somebody_would_have_to_open(tmp_path: Path) -> None:
    keys.write_keys(tmp_path / "keys", keys.root_keys(1), {"root-1": WORDS})
    with pytest.raises(CannotStart, match="is encrypted"):
        keys.read_online_keys(tmp_path / "keys")


def test_a_file_is_for_all_keys_or_there_is_one_for_each(tmp_path: Path) -> None:
    first = secret_file(tmp_path / "first", f"{WORDS}\r\nnot this\n")
    second = secret_file(tmp_path / "second", OTHER)
    assert new_passphrases(3, False, [first]) == dict.fromkeys(("root-1", "root-2", "root-3"), WORDS)
    assert new_passphrases(2, False, [first, second]) == {"root-1": WORDS, "root-2": OTHER}
    assert new_passphrases(2, False, []) == {}
    assert known_passphrases([tmp_path / "no matter"], [first, second]) == (WORDS, OTHER)
    with pytest.raises(UsageError, match="or 3: one for each"):
        new_passphrases(3, False, [first, second])


def _readable(path: Path) -> Path:
    path.write_text(WORDS)
    path.chmod(0o644)
    return path


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (_readable, "can be read by others: chmod 600"),
        (lambda path: secret_file(path, b"\xff\xfe long enough for one"), "is no text in UTF-8"),
        (lambda path: path, "cannot be read: No such file"),
    ],
    ids=["readable", "binary", "missing"],
)
def test_a_passphrase_file_is_a_text_that_nobody_else_can_read(
    tmp_path: Path, made: Callable[[Path], Path], words: str
) -> None:
    with pytest.raises(CannotStart, match=words):
        read_passphrase(made(tmp_path / "file"))


def test_on_a_terminal_passphrases_are_asked_for_and_not_shown(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    program = [sys.executable, "-m", "modelhubd.registry", "keys", "init", "--encrypt"]
    process = subprocess.Popen(
        [*program, "--state-dir", tmp_path / "state", "--offline", tmp_path / "offline"],
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    try:
        for prompt in (b"Passphrase for root-1", b"Repeat"):
            while prompt not in seen or not seen.endswith(b": "):
                seen += os.read(ours, 4096)
            os.write(ours, WORDS.encode() + b"\n")
        while True:
            try:
                more = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not more:
                break
            seen += more
        assert process.wait(30) == 0, seen
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert WORDS.encode() not in seen
    assert keys.read_keys([tmp_path / "offline"], [WORDS]).private
