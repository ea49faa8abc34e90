"""The entry that goes into a bundle with an installed model."""

from modelhubd.packages.described import entry_of
from modelhubd.wire.catalog import CatalogEntry, Format, License, Option, OptionFile
from modelhubd.wire.library import Artifact, ArtifactFile, ArtifactState

SHA = "ab" * 32
FILE = OptionFile(name="m.gguf", size_bytes=5, sha256=SHA)
LISTED = CatalogEntry(
    id="acme/tiny",
    version=2,
    display_name="Tiny",
    license=License(spdx="MIT"),
    options=(Option(id="gguf", format=Format.GGUF, size_bytes=5, files=(FILE,)),),
)
ARTIFACT = Artifact(
    id="a" * 16, model="acme/tiny", version=2, option="gguf", format="gguf", quantization=None,
    source="download", state=ArtifactState.OK, size_bytes=5, digest=SHA,
    files=(ArtifactFile(name="m.gguf", role="model", size_bytes=5, sha256=SHA),), verified_at=None,
    installed_at="", active=True,
)  # fmt: skip


def of(version: int, option: str = "gguf", digest: str | None = SHA) -> Artifact:
    from msgspec.structs import replace

    return replace(ARTIFACT, version=version, option=option, digest=digest)


def test_the_catalogs_entry_goes_as_it_is_where_it_is_of_these_files() -> None:
    assert entry_of(ARTIFACT, LISTED) is LISTED


def test_another_version_or_other_files_are_described_by_themselves() -> None:
    for artifact in (of(1), of(2, "gguf-q8"), of(2, "gguf", "cd" * 32), of(2, "gguf", None)):
        entry = entry_of(artifact, LISTED)
        assert (entry.version, entry.display_name, entry.license.spdx) == (artifact.version, "Tiny", "MIT")
        assert [option.id for option in entry.options] == [artifact.option]
        assert entry.options[0].files == (FILE,)


def test_what_no_catalog_lists_has_an_entry_of_its_files_alone() -> None:
    entry = entry_of(ARTIFACT, None)
    assert (entry.id, entry.display_name, entry.options[0].size_bytes) == ("acme/tiny", None, 5)
