"""The entry that goes into a bundle with an installed model. No I/O."""

from modelhubd.entries.older import at_version
from modelhubd.trust.digests import option_digest
from modelhubd.wire.catalog import CatalogEntry, Format, Option, OptionFile, Role
from modelhubd.wire.library import Artifact


def entry_of(artifact: Artifact, listed: CatalogEntry | None) -> CatalogEntry:
    """The catalog's entry where it is of this very version and these files, as its publisher signed it; else
    what is known of the files themselves."""
    if (exact := at_version(listed, artifact.version)) is not None:
        for option in exact.options:
            if option.id == artifact.option and option_digest(option.files) == artifact.digest is not None:
                return exact
    files = tuple(
        OptionFile(name=file.name, role=Role(file.role), size_bytes=file.size_bytes, sha256=file.sha256)
        for file in artifact.files
    )
    option = Option(
        id=artifact.option,
        format=Format(artifact.format),
        quantization=artifact.quantization,
        size_bytes=sum(file.size_bytes for file in artifact.files),
        files=files,
    )
    if listed is None:
        return CatalogEntry(id=artifact.model, version=artifact.version, options=(option,))
    return CatalogEntry(
        id=artifact.model,
        version=artifact.version,
        options=(option,),
        display_name=listed.display_name,
        license=listed.license,
        capabilities=listed.capabilities,
    )
