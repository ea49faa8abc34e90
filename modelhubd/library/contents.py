"""What installed artifacts have in common. No I/O."""

from collections.abc import Iterable

from modelhubd.library.store import Stored
from modelhubd.wire.library import ArtifactState


def path_of_content(rows: Iterable[Stored], sha256: str, size_bytes: int) -> str | None:
    """The path in the models directory of a file that has this digest and size, as far as anybody knows."""
    return next(
        (
            path
            for row in rows
            if row.state is ArtifactState.OK
            for file, path in zip(row.files, row.paths, strict=True)
            if (file.sha256, file.size_bytes) == (sha256, size_bytes)
            and file.verified_at is not None
            and not path.startswith("/")
        ),
        None,
    )


def bytes_on_disk(rows: Iterable[Stored]) -> int:
    """How much these take of the models directory: a file that is another name of another's bytes counts once
    and one outside of it not at all."""
    total = 0
    counted: set[tuple[int, int, str | None]] = set()
    for row in rows:
        nothing = (None,) * len(row.files)
        for file, trace, other in zip(row.files, row.traces or nothing, row.outside or nothing, strict=True):
            if other is not None:
                continue
            if trace is not None:
                key = trace.inode, file.size_bytes, file.sha256
                if key in counted:
                    continue
                counted.add(key)
            total += file.size_bytes
    return total
