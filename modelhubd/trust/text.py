"""Text of strangers: what may be stored and what may reach a terminal."""

import re
import unicodedata

_JOINERS = "\u200c\u200d"
"""Zero-width joiners are format characters that several scripts and emoji need."""
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # a control sequence: colours, cursor
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # a string: a title
    r"|\x1b[ -/]*[0-~]?"
)
_BLANKS = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")


def _is_hidden(character: str) -> bool:
    if character in _JOINERS:
        return False
    category = unicodedata.category(character)
    return category in ("Cc", "Cf", "Cs", "Zl", "Zp")


def fault_in_text(text: str, *, multiline: bool = False) -> str | None:
    """Why `text` may not be shown as it stands; None where it may.

    Refused are control, bidirectional and invisible format characters, lone surrogates and line
    separators; `multiline` allows line feed and tab.
    """
    for position, character in enumerate(text):
        if _is_hidden(character) and not (multiline and character in "\n\t"):
            return f"it has the control or invisible character U+{ord(character):04X} at position {position}"
    return None


def printable(text: str, *, multiline: bool = False) -> str:
    """`text` fit for a terminal: without escape sequences and hidden characters.

    On one line unless `multiline`: line breaks and tabs become a space.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _ESCAPES.sub("", text)
    if not multiline:
        text = _BLANKS.sub(" ", text)
    return "".join(character for character in text if character in "\n\t" or not _is_hidden(character))
