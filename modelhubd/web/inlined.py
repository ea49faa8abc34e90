"""A page's document with what its first paint needs inside it, so that no other request stands before that.

The source names style sheets and scripts as any document does. Served, the style sheets and one early script
stand in their places, and the Content-Security-Policy names their digests: no other text on the page becomes
a style or a script.
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping

from msgspec import Struct

STYLE = re.compile(r'<link rel="stylesheet" href="([^"]+)">\n?')
SCRIPT = '<script type="module" src="{}"></script>'
ENDS = re.compile(r"</(?:style|script)|<!--", re.IGNORECASE)


class Inlined(Struct, frozen=True):
    """A document and, as sources of the Content-Security-Policy, the digests of what stands in it."""

    text: str
    styles: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()


def inlined(document: str, styles: Mapping[str, str], early: tuple[str, str] | None = None) -> Inlined:
    """`document` with the style sheets it links, whose texts `styles` has by path, in one element, and with
    the text of `early`, a path and a classic script, where it starts that path as a module.

    Raises:
        ValueError: a text would end its element, or the document does not start the early script.
    """
    linked = STYLE.findall(document)
    sheet = "".join(styles[path] for path in linked)
    scripts: tuple[str, ...] = ()
    if linked:
        first, _, rest = document.partition(f'<link rel="stylesheet" href="{linked[0]}">\n')
        document = f"{first}<style>{_whole(sheet)}</style>\n{STYLE.sub('', rest)}"
    if early is not None:
        before, found, after = document.partition(SCRIPT.format(early[0]))
        if not found:
            raise ValueError(f"The document does not start {early[0]}.")
        document = f"{before}<script>{_whole(early[1])}</script>{after}"
        scripts = (_digest(early[1]),)
    return Inlined(document, (_digest(sheet),) if linked else (), scripts)


def _whole(text: str) -> str:
    if found := ENDS.search(text):
        raise ValueError(f"{found[0]!r} cannot stand inside a document.")
    return text


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
