import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhubd.errors import Untrusted
from modelhubd.trust.merkle import EMPTY_ROOT, root_of
from modelhubd.trust.notes import (
    NOTE_MAX,
    SIGNATURES_MAX,
    Checkpoint,
    fault_in_key_name,
    open_checkpoint,
    sign_checkpoint,
    verifier_key,
)
from modelhubd.trust.signing import new_key, sign

NAME = "registry.example/log"
PRIVATE, PUBLIC = bytes(range(32)), bytes.fromhex(
    "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
)  # fmt: skip
KEY = verifier_key(NAME, PUBLIC)
CHECKPOINT = Checkpoint(origin=NAME, size=7, root=root_of([bytes(32)] * 7))
NOTE = sign_checkpoint(CHECKPOINT, NAME, PRIVATE)

# From c2sp.org/tlog-checkpoint and Go's sumdb/note documentation.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


def signed(text: str, name: str = NAME, private: bytes = PRIVATE) -> str:
    """A note over any text, made without our own writer's checks."""
    key_hash = bytes.fromhex(verifier_key(name, PUBLIC if private == PRIVATE else bytes(32)).split("+")[1])
    return f"{text}\n— {name} {base64.b64encode(key_hash + sign(text.encode(), private)).decode()}\n"


def test_a_checkpoint_is_three_lines_a_blank_one_and_the_signature() -> None:
    origin, size, root, blank, signature, end = NOTE.split("\n")
    assert (origin, size, blank, end) == (NAME, "7", "", "")
    assert base64.b64decode(root) == CHECKPOINT.root
    dash, name, encoded = signature.split(" ")
    assert (dash, name) == ("\u2014", NAME)
    assert len(base64.b64decode(encoded)) == 4 + 64
    assert base64.b64decode(encoded)[:4].hex() == KEY.split("+")[1]


def test_a_verifier_key_is_written_as_go_writes_it() -> None:
    name, _, encoded = GO_KEY.split("+", 2)
    assert verifier_key(name, base64.b64decode(encoded)[1:]) == GO_KEY


def test_a_note_that_go_signed_is_checked() -> None:
    """The example of golang.org/x/mod/sumdb/note: its text is no checkpoint, which is found after its
    signature was."""
    text = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
    )
    line = (
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6R"
        "yyBwJnAM="
    )
    with pytest.raises(Untrusted, match="text is not origin"):
        open_checkpoint(f"{text}\n{line}\n", GO_KEY)
    with pytest.raises(Untrusted, match="signature is wrong"):
        open_checkpoint(f"{text.replace('your', 'our')}\n{line}\n", GO_KEY)


def test_what_was_signed_is_opened() -> None:
    assert open_checkpoint(NOTE, KEY) == CHECKPOINT


@given(st.integers(0, 10**15), st.binary(min_size=32, max_size=32))
def test_every_checkpoint_comes_back(size: int, root: bytes) -> None:
    checkpoint = Checkpoint(origin=NAME, size=size, root=root)
    assert open_checkpoint(sign_checkpoint(checkpoint, NAME, PRIVATE), KEY) == checkpoint


def test_an_empty_log_has_a_checkpoint_too() -> None:
    empty = Checkpoint(origin=NAME, size=0, root=EMPTY_ROOT)
    assert open_checkpoint(sign_checkpoint(empty, NAME, PRIVATE), KEY) == empty


@given(st.integers(0, len(NOTE) - 1), st.characters(exclude_categories=["Cs"]))
def test_no_letter_of_the_note_can_be_changed(place: int, letter: str) -> None:
    changed = NOTE[:place] + letter + NOTE[place + 1 :]
    if changed != NOTE:
        with pytest.raises(Untrusted):
            open_checkpoint(changed, KEY)


def test_signatures_of_others_are_ignored() -> None:
    text, lines = NOTE.split("\n\n")
    other = signed(f"{text}\n", "witness.example", new_key()[0]).split("\n\n")[1]
    same_name = signed(f"{text}\n", NAME, new_key()[0]).split("\n\n")[1]
    assert open_checkpoint(f"{text}\n\n{other}{same_name}{lines}", KEY) == CHECKPOINT
    with pytest.raises(Untrusted, match="not signed by the key of"):
        open_checkpoint(f"{text}\n\n{other}{same_name}", KEY)


def test_extension_lines_are_read_over() -> None:
    text = NOTE.split("\n\n")[0]
    assert open_checkpoint(signed(f"{text}\nextension\n"), KEY) == CHECKPOINT


ROOT = base64.b64encode(CHECKPOINT.root).decode()


@pytest.mark.parametrize(
    "text",
    [
        f"{NAME}\n7\n",
        f"{NAME}\n",
        f"{NAME}\n07\n{ROOT}\n",
        f"{NAME}\n-7\n{ROOT}\n",
        f"{NAME}\n+7\n{ROOT}\n",
        f"{NAME}\n7.0\n{ROOT}\n",
        f"{NAME}\n٧\n{ROOT}\n",
        f"{NAME}\n{'9' * 17}\n{ROOT}\n",
        f"{NAME}\n7\n{ROOT[:-4]}\n",
        f"{NAME}\n7\n{ROOT[:-1]}\n",
        f"{NAME}\n7\n{ROOT} \n",
        f"{NAME}\n7\nnot base64!\n",
        f"{NAME}\n7\n{ROOT}\n\nafter an empty line\n",
        f"\n7\n{ROOT}\n",
        f"other.example/log\n7\n{ROOT}\n",
    ],
)
def test_a_text_that_is_no_checkpoint_of_this_log_is_refused_although_it_is_signed(text: str) -> None:
    with pytest.raises(Untrusted):
        open_checkpoint(signed(text), KEY)


ECDSA = base64.b64encode(b"\x02" + PUBLIC).decode()
TEXT, LINE = NOTE.split("\n\n")


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n\n",
        TEXT,
        f"{TEXT}\n",
        f"{TEXT}\n\n",
        f"{TEXT}\n\n{LINE[:-1]}",
        f"{TEXT}\n\n{LINE}\n",
        f"{TEXT}\n\n{LINE}garbage\n",
        f"{TEXT}\n\n{LINE.replace('—', '-')}",
        f"{TEXT}\n\n{LINE[:-10]}\n",
        f"{TEXT}\n\n— {NAME} AAAA\n",
        f"{TEXT}\n\n— {NAME} \n",
        f"{TEXT}\n\n—  {LINE[2:]}",
        NOTE.replace("\n", "\r\n"),
        f"{TEXT}\t\n\n{LINE}",
        f"{TEXT}\x00\n\n{LINE}",
        f"\ud800{NOTE}",
        f"{TEXT}\n\n{LINE}{'x' * NOTE_MAX}\n",
        f"{TEXT}\n\n{LINE * (SIGNATURES_MAX + 1)}",
    ],
)
def test_a_note_that_is_malformed_is_refused(note: str) -> None:
    with pytest.raises(Untrusted):
        open_checkpoint(note, KEY)


def test_up_to_64_signatures_are_read() -> None:
    assert open_checkpoint(f"{TEXT}\n\n{LINE * SIGNATURES_MAX}", KEY) == CHECKPOINT


@pytest.mark.parametrize(
    "key",
    [
        "",
        NAME,
        f"{NAME}+00000000+{KEY.split('+', 2)[2]}",
        KEY.upper(),
        KEY.replace(NAME, "other"),
        KEY.replace(NAME, "with space"),
        KEY[:-4],
        f"{NAME}+{KEY.split('+')[1]}+{ECDSA}",
        f"{NAME}+{KEY.split('+')[1]}+not base64",
        f"{NAME}+{KEY.split('+')[1]}+ä",
        f"\ud800+{KEY.split('+')[1]}+{KEY.split('+', 2)[2]}",
    ],
)
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(Untrusted, match="key cannot be read"):
        open_checkpoint(NOTE, key)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u00a0b", "a" * 256, "a\u200bb"])
def test_a_name_that_cannot_name_a_key_is_refused(name: str) -> None:
    assert fault_in_key_name(name) is not None
    with pytest.raises(ValueError, match="cannot name a log"):
        sign_checkpoint(CHECKPOINT, name, PRIVATE)


def test_names_may_be_addresses_without_a_scheme() -> None:
    assert fault_in_key_name(NAME) is None
