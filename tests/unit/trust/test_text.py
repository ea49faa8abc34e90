import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhubd.trust.text import fault_in_text, printable


@pytest.mark.parametrize(
    "text",
    ["", "A small model.", "Ein Modell für Gespräche", "日本語", "e\u0301", "👩\u200d💻", "می\u200cخواهم"],
)
def test_plain_text_of_any_script_passes(text: str) -> None:
    assert fault_in_text(text) is None
    assert printable(text) == text


@pytest.mark.parametrize(
    "character",
    [
        *("\0", "\x07", "\x1b", "\x7f", "\x9b", "\r", "\n", "\t", "\u202e", "\u2066", "\u200e"),
        *("\u200b", "\ufeff", "\u2028", "\u00ad", "\U000e0041", "\ud800"),
    ],
)
def test_control_and_invisible_characters_are_refused_and_removed(character: str) -> None:
    reason = fault_in_text(f"a{character}b")
    assert reason is not None
    assert f"U+{ord(character):04X} at position 1" in reason
    assert character not in printable(f"a{character}b")


def test_text_of_several_lines_may_have_line_feeds_and_tabs() -> None:
    assert fault_in_text("a\n\tb", multiline=True) is None
    assert fault_in_text("a\rb", multiline=True) is not None
    assert printable("a\n\tb", multiline=True) == "a\n\tb"
    assert printable("a\n\tb\r\nc") == "a b c"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;aGk=\x9ctext", "text"),
        ("\x1bPq#0\x1b\\text", "text"),
        ("\x1bctext", "text"),
        ("\x1b(Btext", "text"),
        ("text\x1b", "text"),
        ("a\u202eb", "ab"),
    ],
)
def test_escape_sequences_leave_nothing_behind(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(text, multiline=True) == shown


@given(st.text(), st.booleans())
def test_what_is_printable_has_no_fault(text: str, multiline: bool) -> None:
    assert fault_in_text(printable(text, multiline=multiline), multiline=multiline) is None
