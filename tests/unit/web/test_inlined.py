"""A document as it is sent: its styles and its early script within it, and the policy's word for them."""

import re
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from modelhubd.api.page import read_page
from modelhubd.registry.api.console import read_console
from modelhubd.web.inlined import inlined
from modelhubd.web.page_files import PageFile, folder, security_policy

STYLES = {"/a.css": "a { color: red; }\n", "/b.css": "b > i { margin: 0; }\n"}
DOCUMENT = """<head>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/b.css">
<link rel="stylesheet" href="/a.css">
<script type="module" src="/main.js"></script>
</head>
<script type="module" src="/early.js"></script>
"""


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def test_styles_stand_in_one_element_in_their_order_and_the_early_script_in_its_place() -> None:
    made = inlined(DOCUMENT, STYLES, ("/early.js", "go();\n"))
    sheet = STYLES["/b.css"] + STYLES["/a.css"]
    assert made.text == (
        f'<head>\n<link rel="icon" href="data:,">\n<style>{sheet}</style>\n'
        '<script type="module" src="/main.js"></script>\n</head>\n<script>go();\n</script>\n'
    )
    assert (made.styles, made.scripts) == ((_digest(sheet),), (_digest("go();\n"),))


def test_a_document_with_nothing_to_hold_stays_as_it_is() -> None:
    made = inlined("<p>Words</p>", STYLES)
    assert (made.text, made.styles, made.scripts) == ("<p>Words</p>", (), ())


@pytest.mark.parametrize("text", ["</script>", 'say("</STYLE >")', "<!-- hidden"])
def test_a_text_that_would_end_its_element_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cannot stand inside a document"):
        inlined(DOCUMENT, STYLES, ("/early.js", text))
    with pytest.raises(ValueError, match="cannot stand inside a document"):
        inlined(DOCUMENT, STYLES | {"/a.css": text})


def test_an_early_script_that_the_document_does_not_start_is_refused() -> None:
    with pytest.raises(ValueError, match=r"does not start /other\.js"):
        inlined(DOCUMENT, STYLES, ("/other.js", "go();"))


@pytest.mark.parametrize(("read", "early"), [(read_page, 1), (read_console, 0)])
def test_the_policy_lets_in_what_stands_in_our_documents_and_no_other_text(
    read: Callable[[Path], dict[str, PageFile]], early: int
) -> None:
    document = read(folder())["/"]
    text = document.body.decode()
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert (len(scripts), len(styles)) == (early, 1)
    assert document.scripts == tuple(map(_digest, scripts)) and document.styles == tuple(map(_digest, styles))
    policy = security_policy(scripts=document.scripts, styles=document.styles)
    assert " ".join(("script-src 'self'", *document.scripts)) + "; " in policy
    assert " ".join(("style-src 'self'", *document.styles)) + "; " in policy
    assert "unsafe" not in policy
    assert not re.search(r"<link rel=\"stylesheet\"| style=|\son\w+=", text)
