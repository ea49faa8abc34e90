"""Issues of what a version says in words: its licence, its capabilities, text that is not what it seems."""

import re
import unicodedata
from collections.abc import Iterator

from modelhubd.trust.text import printable
from modelhubd.wire.catalog import CatalogEntry, License
from modelhubd.wire.registry import Issue, Severity

CAPABILITIES = frozenset(
    {
        "chat", "tools", "multilingual", "reasoning", "code", "embedding", "vision", "rerank",
        "audio", "video", "completion", "infill", "speech", "translation", "classification",
    }
)  # fmt: skip
"""Words that search and the gateway understand."""

_ACTIVE = re.compile(
    r"<\s*/?\s*(?:script|iframe|object|embed|svg|img|style|link|meta)\b"
    r"|<[a-z][^>]*\son[a-z]+\s*="
    r"|\b(?:javascript|vbscript)\s*:|\bdata\s*:\s*text/html",
    re.IGNORECASE,
)
"""Markup that would run, load or imitate something if somebody showed it as a page."""
_MARKS_MAX = 3
"""Combining marks on one letter; the scripts of the world need at most two or three."""
_JOINERS = "\u200c\u200d"
_WORD = re.compile(r"[^\W\d_]+")
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")
"""Alphabets with letters that look like one another's."""


def issues_of_text(entry: CatalogEntry, notes: str | None, served: CatalogEntry | None) -> Iterator[Issue]:
    """What is odd about the words of the entry, compared with what is `served`."""
    yield from _license(entry.license, served.license if served else None)
    for index, capability in enumerate(entry.capabilities):
        if capability not in CAPABILITIES:
            yield Issue(
                code="unknown_capability", severity=Severity.WARNING, pointer=f"/capabilities/{index}",
                message=f"{capability!r} is none that is searched for: {', '.join(sorted(CAPABILITIES))}",
            )  # fmt: skip
    for pointer, text in _texts(entry, notes):
        if (reason := fault_in_words(text)) is not None:
            active = _ACTIVE.search(text) is not None
            yield Issue(
                code="suspicious_text", severity=Severity.ERROR if active else Severity.WARNING,
                pointer=pointer, message=reason,
            )  # fmt: skip


def fault_in_words(text: str) -> str | None:
    """What makes a text look like something that it is not; None where nothing does."""
    if (found := _ACTIVE.search(text)) is not None:
        return f"it holds active markup: {printable(found[0])}"
    if text.isascii():
        return None
    for word in _WORD.findall(text):
        scripts = {script for letter in word if (script := _script(letter)) is not None}
        if len(scripts) > 1:
            return f"the word {word!r} mixes the alphabets {', '.join(sorted(scripts)).lower()}"
    marks = 0
    for position, character in enumerate(text):
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks > _MARKS_MAX:
            return f"marks are piled up on the letter at position {position - marks}"
        before = text[position - 1 : position]
        if character in _JOINERS and (not before or before.isascii() or before in _JOINERS):
            return f"an invisible joiner stands at position {position}, where it joins nothing"
    return None


def _script(letter: str) -> str | None:
    name = unicodedata.name(letter, "")
    return next((script for script in _SCRIPTS if name.startswith(script)), None)


def _texts(entry: CatalogEntry, notes: str | None) -> Iterator[tuple[str, str]]:
    lines = {
        "/display_name": entry.display_name, "/description": entry.description, "/notes": notes,
        "/base_model": entry.base_model, "/homepage": entry.homepage, "/license/spdx": entry.license.spdx,
        "/license/name": entry.license.name, "/license/url": entry.license.url,
        "/architecture/family": entry.architecture.family,
        "/architecture/attention": entry.architecture.attention,
    }  # fmt: skip
    yield from ((pointer, text) for pointer, text in lines.items() if text)
    for name, words in (
        ("capabilities", entry.capabilities), ("tags", entry.tags),
        ("hardware/os", entry.hardware.os), ("hardware/arch", entry.hardware.arch),
    ):  # fmt: skip
        yield from ((f"/{name}/{index}", word) for index, word in enumerate(words))
    for index, option in enumerate(entry.options):
        for field in ("quantization", "quantizer"):
            if text := getattr(option, field):
                yield f"/options/{index}/{field}", text


def _license(license: License, served: License | None) -> Iterator[Issue]:
    if license.spdx is None:
        yield _license_issue("unknown_license", "/license", "no licence is stated as an SPDX identifier")
    elif not _is_spdx(license.spdx):
        yield _license_issue(
            "unknown_license", "/license/spdx",
            f"{license.spdx!r} is no SPDX licence expression; LicenseRef-… names one that SPDX does not list",
        )  # fmt: skip
    elif "LicenseRef-" in license.spdx and license.url is None:
        yield _license_issue(
            "unknown_license",
            "/license/url",
            f"{license.spdx} is not SPDX's, and no address of its text is given",
        )
    if served is not None and _terms(license) != _terms(served):
        yield _license_issue(
            "license_changed", "/license",
            f"the licence was {_said(served)} in what is served, and is {_said(license)} here",
        )  # fmt: skip


def _is_spdx(text: str) -> bool:
    from packaging.licenses import (  # 700 licences, that only a publish needs
        InvalidLicenseExpression,
        canonicalize_license_expression,
    )

    try:
        canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        return False
    return True


def _terms(license: License) -> tuple[str | None, bool | None, bool | None]:
    return license.spdx, license.commercial, license.gated


def _said(license: License) -> str:
    commercial = {True: ", commercial use allowed", False: ", no commercial use", None: ""}
    gated = {True: ", gated", False: "", None: ""}
    return f"{license.spdx or 'not stated'}{commercial[license.commercial]}{gated[license.gated]}"


def _license_issue(code: str, pointer: str, message: str) -> Issue:
    return Issue(code=code, severity=Severity.WARNING, pointer=pointer, message=message)
