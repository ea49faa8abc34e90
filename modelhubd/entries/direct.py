"""Models that people name by their address: what the address means, and the entry that is made of it. Pure.

Ids: `hf.<owner>/<repository>` and `url.<host>/<file>-<8 hex digits of the address>`, in lower case. A part
that is too long or has odd characters ends in 8 hex digits of its SHA-256. A catalog's entry of the same id
comes first always: such an address is refused then.
"""

import hashlib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from msgspec.structs import replace

from modelhubd.entries.grouping import Group, NotAModel, group, siblings
from modelhubd.entries.hugging_face import (
    NAME,
    REVISION,
    Listing,
    Repository,
    file_url,
)
from modelhubd.entries.quantizations import option_id, quantization_in, slug
from modelhubd.entries.rules import faults_in_entry, with_sums
from modelhubd.trust.digests import is_sha256
from modelhubd.trust.names import fault_in_file_name
from modelhubd.trust.text import printable
from modelhubd.trust.urls import fault_in_url, origin_of
from modelhubd.wire.catalog import CatalogEntry, Format, License, Option, OptionFile, Role

SOURCE = "direct"
SOURCE_MAX = 2048
_HF = re.compile(
    rf"hf:(?:(?://)?)(?P<owner>{NAME})/(?P<name>{NAME}?)(?:@(?P<revision>{REVISION}))?"
    r"(?:/(?P<file>[^:@#?]{1,512})|:(?P<quantization>[A-Za-z0-9][A-Za-z0-9._-]{0,63}))?"
)
_PART_MAX = 64
_HEX = 8


class NotASource(ValueError):
    """The address cannot be one of a model; the message says what to write."""


@dataclass(frozen=True, slots=True)
class HuggingFaceSource:
    """A repository, and which of its files or options."""

    repository: Repository
    file: str | None = None
    quantization: str | None = None

    @property
    def model_id(self) -> str:
        return f"{_part(f'hf.{self.repository.owner}')}/{_part(self.repository.name)}"


@dataclass(frozen=True, slots=True)
class UrlSource:
    """A file at an address of its own, and its digest where somebody named one."""

    url: str
    name: str
    sha256: str | None = None

    @property
    def model_id(self) -> str:
        stem = slug(self.name.rpartition(".")[0])[: _PART_MAX - _HEX - 1] or "model"
        host = urlsplit(self.url).netloc
        return f"{_part(f'url.{host}')}/{stem}-{_hex(self.url)}"


Source = HuggingFaceSource | UrlSource


def source_of(text: str, *, endpoint: str, allow_origins: Collection[str]) -> Source:
    """What an address means. One of a file at the `endpoint` of Hugging Face is one of its repository.

    Raises:
        NotASource
    """
    if len(text) > SOURCE_MAX:
        raise NotASource(f"it is longer than {SOURCE_MAX} characters")
    if text.startswith("hf:"):
        return _hugging_face(text)
    if text.startswith(("https://", "http://")):
        return _at_endpoint(text, endpoint) or _url(text, allow_origins)
    raise NotASource(
        "write hf:owner/repository, hf:owner/repository:Q4_K_M, hf:owner/repository/file.gguf or "
        "https://…/file.gguf"
    )


def _hugging_face(text: str) -> HuggingFaceSource:
    match = _HF.fullmatch(text)
    if match is None or ".." in text:
        raise NotASource(
            "write hf:owner/repository, with @revision where it is not the newest, then :Q4_K_M for a "
            "quantization or /file.gguf for a file"
        )
    file = match["file"]
    if file is not None and (fault := fault_in_file_name(file, "gguf")) is not None:
        raise NotASource(f"{printable(file)[:80]} cannot be the file of a model: {fault}")
    repository = Repository(match["owner"], match["name"], match["revision"] or "main")
    return HuggingFaceSource(repository, file, match["quantization"])


def _at_endpoint(url: str, endpoint: str) -> HuggingFaceSource | None:
    """`https://huggingface.co/owner/repository/resolve/main/file.gguf`, as people copy it from a browser."""
    bare = url.partition("#")[0].partition("?")[0]
    found = re.fullmatch(
        rf"/(?P<owner>{NAME})/(?P<name>{NAME})/(?:resolve|blob)/(?P<revision>{REVISION})/(?P<file>.{{1,512}})",
        unquote(bare.removeprefix(endpoint.rstrip("/"))),
    )
    if not bare.startswith(f"{endpoint.rstrip('/')}/") or found is None or ".." in found["file"]:
        return None
    if fault_in_file_name(found["file"], "gguf") is not None:
        return None
    return HuggingFaceSource(Repository(found["owner"], found["name"], found["revision"]), found["file"])


def _url(text: str, allow_origins: Collection[str]) -> UrlSource:
    url, _, fragment = text.partition("#")
    sha256 = None
    if fragment:
        sha256 = fragment.removeprefix("sha256=").lower()
        if not fragment.startswith("sha256=") or not is_sha256(sha256):
            raise NotASource("after the # only sha256= and its 64 hex digits may stand")
    if (fault := fault_in_url(url, allow_origins)) is not None:
        raise NotASource(fault)
    name = unquote(urlsplit(url).path.rpartition("/")[2])
    if (fault := fault_in_file_name(name, "gguf")) is not None:
        raise NotASource(f"its last part names no file that could be a model: {fault}")
    return UrlSource(url, name, sha256)


def repository_entry(source: HuggingFaceSource, listing: Listing, endpoint: str) -> CatalogEntry:
    """The entry of a repository at one commit; of one file, its parts and a projector, where one is named.

    Raises:
        NotAModel: there is none in it, or an entry of it would not be sound.
    """
    names: Iterable[str] = listing.names
    if source.file is not None:
        if source.file not in listing.names:
            raise NotAModel(f"The repository has no file {printable(source.file)[:100]}.")
        projectors = [name for name in listing.names if _is_projector(name)]
        names = (*siblings(source.file, listing.names), *projectors)
    is_mlx = listing.library == "mlx"
    options: list[Option] = []
    taken: set[str] = set()
    for found in group(names).groups:
        option = _option(source, listing, endpoint, found, taken, is_mlx=is_mlx)
        taken.add(option.id)
        options.append(option)
    vision = any(file.role is Role.PROJECTOR for option in options for file in option.files)
    repository = source.repository
    return sound(
        CatalogEntry(
            id=source.model_id,
            options=tuple(options),
            display_name=repository.name,
            publisher=repository.owner,
            capabilities=("vision",) if vision else (),
            license=License(spdx=None, name=_license(listing.card), gated=listing.gated or None),
            homepage=f"{endpoint.rstrip('/')}/{repository}",
        )
    )


def url_entry(source: UrlSource, size_bytes: int | None) -> CatalogEntry:
    """The entry of a file at an address of its own.

    Raises:
        NotAModel: an entry of it would not be sound.
    """
    label = quantization_in(source.name.rpartition(".")[0])
    file = OptionFile(name=source.name, size_bytes=size_bytes, sha256=source.sha256, urls=(source.url,))
    return sound(
        CatalogEntry(
            id=source.model_id,
            options=(
                Option(
                    id=option_id("gguf", label, set()), format=Format.GGUF, quantization=label, files=(file,)
                ),
            ),
            display_name=source.name.rpartition(".")[0],
            publisher=origin_of(source.url).partition("://")[2],
        )
    )


def sound(entry: CatalogEntry) -> CatalogEntry:
    """The entry, by the rules that those of a catalog keep.

    Raises:
        NotAModel: it breaks one.
    """
    entry = with_sums(entry)
    if faults := faults_in_entry(entry):
        pointer, reason = faults[0]
        raise NotAModel(f"What is there cannot be taken: {pointer} {reason}.")
    return entry


def wanted_option(entry: CatalogEntry, source: Source) -> str | None:
    """Id of the option that the source names; None where it leaves that to what fits.

    Raises:
        NotAModel: there is no such option; those that there are get named.
    """
    if isinstance(source, UrlSource):
        return entry.options[0].id
    if source.file is not None:
        return next(
            option.id for option in entry.options if source.file in {file.name for file in option.files}
        )
    if source.quantization is None:
        return None
    wanted = source.quantization.casefold()
    for option in entry.options:
        if wanted in ((option.quantization or "").casefold(), option.id.casefold()):
            return option.id
    offered = ", ".join(option.quantization or option.id for option in entry.options)
    raise NotAModel(f"{source.repository} has no {printable(source.quantization)}. It offers {offered}.")


def merged(before: CatalogEntry | None, after: CatalogEntry) -> CatalogEntry:
    """The entry to keep: other bytes under the same names are the next version, else one has all options."""
    if before is None:
        return after
    if not _contents_agree(before, after):
        return replace(after, version=before.version + 1)
    ids = {option.id for option in after.options}
    kept = tuple(option for option in before.options if option.id not in ids)
    return sound(replace(after, version=before.version, options=(*after.options, *kept)))


def _contents_agree(before: CatalogEntry, after: CatalogEntry) -> bool:
    known = {file.name: file for option in before.options for file in option.files}
    return all(
        (known[file.name].sha256, known[file.name].size_bytes) == (file.sha256, file.size_bytes)
        for option in after.options
        for file in option.files
        if file.name in known
    )


def _option(
    source: HuggingFaceSource,
    listing: Listing,
    endpoint: str,
    found: Group,
    taken: set[str],
    *,
    is_mlx: bool,
) -> Option:
    kind = Format.MLX if is_mlx and found.format is Format.SAFETENSORS else found.format
    return Option(
        id=option_id(kind.value, found.label, taken),
        format=kind,
        quantization=found.label,
        quantizer=source.repository.owner,
        files=tuple(
            OptionFile(
                name=member.name,
                role=member.role,
                size_bytes=listing.sizes.get(member.name),
                sha256=listing.digests.get(member.name),
                urls=(file_url(endpoint, source.repository, listing.commit, member.name),),
            )
            for member in found.members
        ),
    )


def _is_projector(name: str) -> bool:
    return "mmproj" in name.rpartition("/")[2].casefold() and name.lower().endswith(".gguf")


def _license(card: Any) -> str | None:
    said = card.get("license")
    return printable(said)[:64] if isinstance(said, str) and said else None


def _part(text: str) -> str:
    """A part of an id for any text: itself in lower case where that is one, else a digest ends it."""
    plain = text.lower()
    if len(plain) <= _PART_MAX and slug(plain) == plain:
        return plain
    return f"{slug(plain)[: _PART_MAX - _HEX - 1].rstrip('-._')}-{_hex(plain)}"


def _hex(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_HEX]
