"""What the worker is asked for a file of a download. Pure."""

from modelhubd.downloads.messages import Fetch
from modelhubd.downloads.rows import StoredDownload, StoredFile
from modelhubd.downloads.sources import sources
from modelhubd.downloads.staging import staging_of
from modelhubd.downloads.surroundings import Surroundings


def order_of(around: Surroundings, transfer: int, row: StoredDownload, file: StoredFile) -> Fetch:
    """Get what is missing of it."""
    return Fetch(
        transfer=transfer,
        download=row.id,
        root=str(around.root.root),
        partial=f"{staging_of(row.id)}/{file.name}",
        urls=sources(file.urls, file.url_place, promised=file.promised),
        size=file.size_bytes,
        sha256=file.sha256,
        total=file.total_bytes,
        etag=file.etag,
        have=file.trusted(around.boot_id),
        synced=file.synced,
        reserve_bytes=around.reserve_bytes,
        allow_origins=around.allow_origins,
        limits=around.limits,
        config_dir=around.config_dir,
        proven=file.replaces is not None,
    )
