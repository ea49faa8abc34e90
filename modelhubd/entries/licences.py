"""Licences by the names that model cards use for them."""

from msgspec.structs import replace

from modelhubd.entries.cards import Card
from modelhubd.wire.catalog import License

_SPDX: dict[str, tuple[str, bool]] = {
    "apache-2.0": ("Apache-2.0", True), "mit": ("MIT", True), "bsd-2-clause": ("BSD-2-Clause", True),
    "bsd-3-clause": ("BSD-3-Clause", True), "isc": ("ISC", True), "unlicense": ("Unlicense", True),
    "cc0-1.0": ("CC0-1.0", True), "cc-by-4.0": ("CC-BY-4.0", True), "cc-by-3.0": ("CC-BY-3.0", True),
    "cc-by-sa-4.0": ("CC-BY-SA-4.0", True), "cc-by-sa-3.0": ("CC-BY-SA-3.0", True),
    "cc-by-nc-4.0": ("CC-BY-NC-4.0", False), "cc-by-nc-sa-4.0": ("CC-BY-NC-SA-4.0", False),
    "cc-by-nc-nd-4.0": ("CC-BY-NC-ND-4.0", False), "cc-by-nd-4.0": ("CC-BY-ND-4.0", True),
    "gpl-2.0": ("GPL-2.0-only", True), "gpl-3.0": ("GPL-3.0-only", True),
    "lgpl-3.0": ("LGPL-3.0-only", True), "agpl-3.0": ("AGPL-3.0-only", True),
    "mpl-2.0": ("MPL-2.0", True), "artistic-2.0": ("Artistic-2.0", True),
}  # fmt: skip
"""Card's name: SPDX identifier, whether it allows commercial use."""

_OWN: dict[str, tuple[str, str, str, bool | None]] = {
    "gemma": ("LicenseRef-Gemma", "Gemma Terms of Use", "https://ai.google.dev/gemma/terms", True),
    "llama2": ("LicenseRef-Llama-2-Community", "Llama 2 Community License",
               "https://ai.meta.com/llama/license/", True),
    "llama3": ("LicenseRef-Meta-Llama-3-Community", "Meta Llama 3 Community License",
               "https://www.llama.com/llama3/license/", True),
    "llama3.1": ("LicenseRef-Llama-3.1-Community", "Llama 3.1 Community License",
                 "https://www.llama.com/llama3_1/license/", True),
    "llama3.2": ("LicenseRef-Llama-3.2-Community", "Llama 3.2 Community License",
                 "https://www.llama.com/llama3_2/license/", True),
    "llama3.3": ("LicenseRef-Llama-3.3-Community", "Llama 3.3 Community License",
                 "https://www.llama.com/llama3_3/license/", True),
}  # fmt: skip
"""Licences of model makers: identifier, name, text, whether commercial use is allowed."""


def licence_of(stated: str | None, card: Card, *, gated: bool | None = None) -> License:
    """The licence that a card or a file names; one that is not known here stays as it is written."""
    known = _known(stated)
    if known is None:
        named = None if (stated or "").casefold() in ("", "other", "unknown") else stated
        known = License(name=card.license_name or named, url=card.license_link)
    return replace(known, gated=gated)


def chosen_licence(identifier: str) -> License:
    """The licence of an SPDX identifier, or of a name that model cards use."""
    return _known(identifier) or License(spdx=identifier)


def _known(name: str | None) -> License | None:
    key = (name or "").casefold()
    if key in _SPDX:
        spdx, commercial = _SPDX[key]
        url = f"https://spdx.org/licenses/{spdx}.html"
        return License(spdx=spdx, name=spdx, url=url, commercial=commercial)
    if key in _OWN:
        spdx, shown, url, allowed = _OWN[key]
        return License(spdx=spdx, name=shown, url=url, commercial=allowed)
    return None
