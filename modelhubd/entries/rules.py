"""What an entry must keep to beyond its schema: ids, names, sizes, digests, text."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from msgspec.structs import replace

from modelhubd.entries.older import OLDER_MAX
from modelhubd.entries.requirements import fault_in_specifier, is_app_id
from modelhubd.fit.estimate import is_plausible
from modelhubd.trust.digests import is_sha256
from modelhubd.trust.names import case_twins, fault_in_file_name, is_model_id, is_option_id
from modelhubd.wire.catalog import CatalogEntry, Option, OptionFile, Role
from modelhubd.wire.settings import clashes

OPTIONS_MAX = 64
FILES_MAX = 512
URLS_MAX = 16
VERSIONS_MAX = 1000
WORDS_MAX = 64
WORD_MAX = 64
LINE_MAX = 300
URL_MAX = 2048
TEXT_MAX = 10_000
FIGURE_MAX = 2**53
"""The largest integer that every reader of JSON keeps exactly."""
VERSION_MAX = 999_999_999

_WEB = re.compile(r"https?://[^\s<>\"]+")

Fault = tuple[str, str]


def faults_in_entry(entry: CatalogEntry) -> list[Fault]:
    """(JSON pointer, reason) of everything that keeps the entry out of the catalog."""
    return [
        *_identity(entry),
        *_texts(entry),
        *_requirements(entry),
        *_figures(entry),
        *_settings(entry),
        *_versions(entry),
        *_options(entry),
        *_older(entry),
    ]


def with_sums(entry: CatalogEntry) -> CatalogEntry:
    """The entry with each option's size filled in where its files give it."""
    options = tuple(_with_sum(option) for option in entry.options)
    return replace(
        entry, options=options, older=tuple(with_sums(older) for older in entry.older[: OLDER_MAX + 1])
    )


def _with_sum(option: Option) -> Option:
    sizes = [file.size_bytes for file in option.files]
    if option.size_bytes is not None or None in sizes:
        return option
    return replace(option, size_bytes=sum(size for size in sizes if size is not None))


def _identity(entry: CatalogEntry) -> Iterator[Fault]:
    if not is_model_id(entry.id):
        yield "/id", "not publisher/name in lower-case letters, digits and . _ - (at most 64 characters each)"
    if not 1 <= entry.version <= VERSION_MAX:
        yield "/version", "a version is a whole number from 1 on"


def _texts(entry: CatalogEntry) -> Iterator[Fault]:
    lines = {
        "/display_name": entry.display_name, "/publisher": entry.publisher, "/base_model": entry.base_model,
        "/published_by": entry.published_by, "/license/spdx": entry.license.spdx,
        "/license/name": entry.license.name, "/requires/daemon": entry.requires.daemon,
        "/requires/llama_server": entry.requires.llama_server,
        "/architecture/family": entry.architecture.family,
        "/architecture/attention": entry.architecture.attention,
    }  # fmt: skip
    for pointer, text in lines.items():
        yield from _line(pointer, text, LINE_MAX)
    if entry.description is not None and len(entry.description) > TEXT_MAX:
        yield "/description", f"longer than {TEXT_MAX} characters"
    for pointer, url in (("/homepage", entry.homepage), ("/license/url", entry.license.url)):
        if url is not None and (len(url) > URL_MAX or _WEB.fullmatch(url) is None):
            yield pointer, "not a web address that begins with https:// or http://"
    for pointer, words in (
        ("/capabilities", entry.capabilities), ("/tags", entry.tags),
        ("/hardware/os", entry.hardware.os), ("/hardware/arch", entry.hardware.arch),
    ):  # fmt: skip
        yield from _words(pointer, words)
    yield from _words("/requires/app", (*entry.requires.app, *entry.requires.app.values()))
    yield from _moment("/published_at", entry.published_at)


def _requirements(entry: CatalogEntry) -> Iterator[Fault]:
    requires = entry.requires
    named = [("/requires/daemon", requires.daemon), ("/requires/llama_server", requires.llama_server)]
    for app, specifier in requires.app.items():
        if is_app_id(app):
            named.append((f"/requires/app/{app}", specifier))
        else:
            yield "/requires/app", "an application is named by letters, digits and . _ - (at most 64)"
    for pointer, text in named:
        if text is not None and (reason := fault_in_specifier(text)) is not None:
            yield pointer, reason


def _words(pointer: str, words: Iterable[str]) -> Iterator[Fault]:
    words = tuple(words)
    if len(words) > WORDS_MAX:
        yield pointer, f"more than {WORDS_MAX} values"
    for index, word in enumerate(words):
        if not word.strip() or len(word) > WORD_MAX:
            where = pointer if pointer == "/requires/app" else f"{pointer}/{index}"
            yield where, f"each value has 1 to {WORD_MAX} characters"


def _line(pointer: str, text: str | None, most: int) -> Iterator[Fault]:
    if text is not None and (not text.strip() or len(text) > most):
        yield pointer, f"has 1 to {most} characters, or is left out"


def _moment(pointer: str, text: str | None) -> Iterator[Fault]:
    if text is None:
        return
    try:
        datetime.fromisoformat(text)
    except ValueError:
        yield pointer, "not a date or time as of RFC 3339, such as 2026-01-31T12:00:00Z"


def _figures(entry: CatalogEntry) -> Iterator[Fault]:
    figures = {
        "/parameters": entry.parameters, "/active_parameters": entry.active_parameters,
        "/context_length": entry.context_length, "/hardware/min_ram_bytes": entry.hardware.min_ram_bytes,
        "/hardware/recommended_ram_bytes": entry.hardware.recommended_ram_bytes,
    }  # fmt: skip
    for pointer, figure in figures.items():
        if figure is not None and not 0 <= figure <= FIGURE_MAX:
            yield pointer, "not a figure from 0 to 2^53"
    if not is_plausible(entry.architecture):
        yield "/architecture", "states figures that no model has"


def _settings(entry: CatalogEntry) -> Iterator[Fault]:
    for clash in clashes(entry.settings):
        yield f"/settings/{clash.fields[0]}", clash.reason


def _versions(entry: CatalogEntry) -> Iterator[Fault]:
    if len(entry.versions) > VERSIONS_MAX:
        yield "/versions", f"more than {VERSIONS_MAX} versions"
    seen: set[int] = set()
    for index, note in enumerate(entry.versions):
        pointer = f"/versions/{index}"
        if not 1 <= note.version <= VERSION_MAX:
            yield f"{pointer}/version", "a version is a whole number from 1 on"
        elif note.version > entry.version:
            yield f"{pointer}/version", f"newer than the entry's version {entry.version}"
        elif note.version in seen:
            yield f"{pointer}/version", f"version {note.version} is listed twice"
        seen.add(note.version)
        yield from _line(f"{pointer}/published_by", note.published_by, LINE_MAX)
        if note.notes is not None and len(note.notes) > TEXT_MAX:
            yield f"{pointer}/notes", f"longer than {TEXT_MAX} characters"
        yield from _moment(f"{pointer}/published_at", note.published_at)


def _older(entry: CatalogEntry) -> Iterator[Fault]:
    if len(entry.older) > OLDER_MAX:
        yield "/older", f"more than {OLDER_MAX} older versions"
        return
    newer = entry.version
    for index, older in enumerate(entry.older):
        pointer = f"/older/{index}"
        if older.id != entry.id:
            yield f"{pointer}/id", f"not {entry.id}, of which it is a version"
        if older.version >= newer:
            yield f"{pointer}/version", f"not older than version {newer}"
        newer = older.version
        if older.older:
            yield f"{pointer}/older", "an older version has none of its own"
        else:
            yield from ((pointer + inner, reason) for inner, reason in faults_in_entry(older))


def _options(entry: CatalogEntry) -> Iterator[Fault]:
    if not 1 <= len(entry.options) <= OPTIONS_MAX:
        yield "/options", f"an entry has 1 to {OPTIONS_MAX} options"
    if sum(len(option.files) for option in entry.options) > FILES_MAX:
        yield "/options", f"more than {FILES_MAX} files"
        return
    seen: set[str] = set()
    for index, option in enumerate(entry.options):
        pointer = f"/options/{index}"
        if not is_option_id(option.id):
            yield f"{pointer}/id", "not lower-case letters, digits and . _ - (at most 64 characters)"
        elif option.id in seen:
            yield f"{pointer}/id", f"another option is called {option.id} too"
        seen.add(option.id)
        yield from _line(f"{pointer}/quantization", option.quantization, WORD_MAX)
        yield from _line(f"{pointer}/quantizer", option.quantizer, LINE_MAX)
        yield from _files(pointer, option)


def _files(pointer: str, option: Option) -> Iterator[Fault]:
    if not any(file.role == Role.MODEL for file in option.files):
        yield f"{pointer}/files", "none of the files is the model"
    for index, file in enumerate(option.files):
        yield from _file(f"{pointer}/files/{index}", option, file)
    if (twins := case_twins(file.name for file in option.files)) is not None:
        first, second = twins
        yield f"{pointer}/files", f"{first!r} and {second!r} cannot be kept side by side"
    yield from _sum(pointer, option)


def _file(pointer: str, option: Option, file: OptionFile) -> Iterator[Fault]:
    if (reason := fault_in_file_name(file.name, option.format)) is not None:
        yield f"{pointer}/name", reason
    if file.size_bytes is not None and not 1 <= file.size_bytes <= FIGURE_MAX:
        yield f"{pointer}/size_bytes", "a file has from 1 to 2^53 bytes"
    if file.sha256 is not None and not is_sha256(file.sha256):
        yield f"{pointer}/sha256", "not 64 lower-case hex digits"
    if len(file.urls) > URLS_MAX:
        yield f"{pointer}/urls", f"more than {URLS_MAX} addresses"
    for index, url in enumerate(file.urls):
        if not url or len(url) > URL_MAX:
            yield f"{pointer}/urls/{index}", f"an address has 1 to {URL_MAX} characters"


def _sum(pointer: str, option: Option) -> Iterator[Fault]:
    stated = option.size_bytes
    if stated is None:
        return
    known = sum(file.size_bytes or 0 for file in option.files)
    whole = all(file.size_bytes is not None for file in option.files)
    if stated != known if whole else stated < known:
        least = "" if whole else "at least "
        yield f"{pointer}/size_bytes", f"{stated} bytes, but its files have {least}{known}"
    elif not 1 <= stated <= FIGURE_MAX:
        yield f"{pointer}/size_bytes", "an option has from 1 to 2^53 bytes"
