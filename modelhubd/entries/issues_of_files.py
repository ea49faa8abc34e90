"""Issues of the options and files of a version."""

from collections.abc import Collection, Iterator, Mapping

from modelhubd.entries.rules import Fault
from modelhubd.trust.urls import fault_in_url
from modelhubd.wire.catalog import CatalogEntry, Format, Option, OptionFile, Role
from modelhubd.wire.registry import Issue, Severity

SENSES = frozenset({"vision", "audio", "video"})
"""Capabilities that a projector gives."""
WEIGHTS = frozenset({Role.MODEL, Role.SHARD})
"""Files that make a model this one; tokenizers and projectors are shared by many."""

Placed = tuple[str, OptionFile]
"""A file with the JSON pointer to it."""


def issues_of_files(
    entry: CatalogEntry,
    *,
    require_digest: bool,
    allow_origins: Collection[str],
    holders: Mapping[str, str],
) -> Iterator[Issue]:
    """What is wrong with the files. `holders` names, by SHA-256, another model that has the same weights."""
    for pointer, reason in wrong_sums(entry):
        yield _issue("size_mismatch", Severity.ERROR, pointer, reason)
    files = [placed for index, option in enumerate(entry.options) for placed in _placed(index, option)]
    yield from _two_sizes(files)
    for pointer, file in files:
        yield from _facts(pointer, file, require_digest)
        yield from _addresses(pointer, file, allow_origins)
        holder = holders.get(file.sha256 or "") if file.role in WEIGHTS else None
        if holder is not None:
            yield _issue(
                "duplicate_digest", Severity.WARNING, f"{pointer}/sha256",
                f"{holder} has the very same file",
            )  # fmt: skip
    yield from _senses(entry)


def wrong_sums(entry: CatalogEntry) -> Iterator[Fault]:
    """(JSON pointer, reason) of each option whose stated size its files contradict."""
    for index, option in enumerate(entry.options):
        sizes = [file.size_bytes for file in option.files]
        known = sum(size for size in sizes if size is not None)
        stated = option.size_bytes
        if stated is not None and (stated < known or (stated > known and None not in sizes)):
            yield f"/options/{index}/size_bytes", f"{stated} bytes are stated, but its files have {known}"


def weights_of(entry: CatalogEntry) -> frozenset[str]:
    """SHA-256 of the files that make the model what it is."""
    return frozenset(
        file.sha256
        for option in entry.options
        for file in option.files
        if file.sha256 is not None and file.role in WEIGHTS
    )


def _placed(index: int, option: Option) -> Iterator[Placed]:
    for position, file in enumerate(option.files):
        yield f"/options/{index}/files/{position}", file


def _two_sizes(files: list[Placed]) -> Iterator[Issue]:
    sizes: dict[str, int] = {}
    for pointer, file in files:
        if file.sha256 is None or file.size_bytes is None:
            continue
        known = sizes.setdefault(file.sha256, file.size_bytes)
        if known != file.size_bytes:
            yield _issue(
                "size_mismatch", Severity.ERROR, f"{pointer}/size_bytes",
                f"{file.size_bytes} bytes, but a file with the same SHA-256 has {known}",
            )  # fmt: skip


def _facts(pointer: str, file: OptionFile, require_digest: bool) -> Iterator[Issue]:
    if file.sha256 is None:
        yield _issue(
            "missing_digest", Severity.ERROR if require_digest else Severity.WARNING, f"{pointer}/sha256",
            f"{file.name} has no SHA-256: nobody can tell whether what is downloaded is what was approved",
        )  # fmt: skip
    if file.size_bytes is None:
        yield _issue(
            "missing_size", Severity.WARNING, f"{pointer}/size_bytes",
            f"{file.name} has no size: whether there is room for it shows only while it is downloaded",
        )  # fmt: skip


def _addresses(pointer: str, file: OptionFile, allow_origins: Collection[str]) -> Iterator[Issue]:
    faults = {
        index: fault
        for index, url in enumerate(file.urls)
        if (fault := fault_in_url(url, allow_origins)) is not None
    }
    dead = len(faults) == len(file.urls)
    if not file.urls:
        yield _issue(
            "dead_option",
            Severity.ERROR,
            f"{pointer}/urls",
            f"{file.name} has no address to download it from",
        )
    for index, fault in faults.items():
        yield _issue(
            "dead_option" if dead else "dead_url", Severity.ERROR if dead else Severity.WARNING,
            f"{pointer}/urls/{index}", f"no machine would fetch this: {fault}",
        )  # fmt: skip


def _senses(entry: CatalogEntry) -> Iterator[Issue]:
    projector = next(
        (
            pointer
            for index, option in enumerate(entry.options)
            for pointer, file in _placed(index, option)
            if file.role is Role.PROJECTOR
        ),
        None,
    )
    claimed = SENSES & set(entry.capabilities)
    if projector is not None and not claimed:
        yield _issue(
            "projector_without_vision", Severity.WARNING, projector,
            f"there is a projector, but none of the capabilities {', '.join(sorted(SENSES))} is stated",
        )  # fmt: skip
    if claimed and projector is None and all(option.format is Format.GGUF for option in entry.options):
        yield _issue(
            "vision_without_projector", Severity.WARNING, "/capabilities",
            f"{', '.join(sorted(claimed))} needs a projector beside a GGUF file, and no option has one",
        )  # fmt: skip


def _issue(code: str, severity: Severity, pointer: str, message: str) -> Issue:
    return Issue(code=code, severity=severity, pointer=pointer, message=message)
