"""The files of a download from `.staging/<id>/` to their catalog names. Blocking: call it in a thread."""

import contextlib
import os
import stat

from modelhubd.downloads.aside import move_aside
from modelhubd.downloads.plan import TransferEnded, permanent
from modelhubd.downloads.rows import NOTHING, PLACED, StoredDownload, StoredFile
from modelhubd.downloads.verify import MAGIC_BYTES, fault_in_beginning, holds
from modelhubd.storage.confined import ConfinedRoot, identity_of
from modelhubd.trust.names import case_twins, fault_in_file_name, is_model_id, is_option_id

STAGING = ".staging"


def staging_of(id: str) -> str:
    return f"{STAGING}/{id}"


def held_bytes(row: StoredDownload, written: int) -> int:
    """Disk that a cancel would give back; `written` is what is known to be there beside the row. Pure."""
    return 0 if row.staged == NOTHING else max(sum(file.written_bytes for file in row.files), written)


def check_names(row: StoredDownload) -> None:
    """Refuse names that must not become paths, whatever a catalog says.

    Raises:
        TransferEnded
    """
    reason = None
    if not is_model_id(row.model) or not is_option_id(row.option):
        reason = "the model id or option id is not one"
    for file in row.files:
        reason = reason or fault_in_file_name(file.name, row.format)
    if reason is None and (twins := case_twins(file.name for file in row.files)) is not None:
        reason = f"two file names collide ({twins[0]!r} and {twins[1]!r})"
    if reason is not None:
        raise TransferEnded(
            permanent(
                "unsafe_name",
                f"The catalog entry cannot be stored safely: {reason}. Tell its publisher, or choose another "
                "option.",
            )
        )


def check_beginnings(root: ConfinedRoot, row: StoredDownload) -> None:
    """Look at the first bytes of the files whose digest nobody promised.

    Raises:
        TransferEnded: one is not what its name says.
        OSError
    """
    for file in row.files:
        if file.sha256 is not None:
            continue
        try:
            fd = root.open(f"{staging_of(row.id)}/{file.name}")
        except FileNotFoundError:
            continue  # moved already, and looked at before
        try:
            beginning = os.pread(fd, MAGIC_BYTES, 0)
        finally:
            os.close(fd)
        reason = fault_in_beginning(file.name, beginning, file.total_bytes or 0)
        if reason is not None:
            raise TransferEnded(
                permanent("wrong_content", f"{file.name}: {reason}. It was removed; choose another source.")
            )


def names_are_free(root: ConfinedRoot, row: StoredDownload) -> bool:
    """Whether nothing has one of the final names, so that what has one later was placed by this download.

    Raises:
        OSError
    """
    return not any(root.exists(f"{row.directory}/{file.name}") for file in row.files)


def place(root: ConfinedRoot, row: StoredDownload) -> tuple[int, ...]:
    """Give the files their final names, durably. Goes on where an earlier call was cut off.

    What somebody else has put at such a name stays if it is the very file, and is moved aside if not.

    Returns the places of files that are neither here nor there; then nothing may be relied on.

    Raises:
        OSError
    """
    staging, final = staging_of(row.id), row.directory
    missing = tuple(file.place for file in row.files if not _is_there(root, row, file))
    if missing:
        return missing
    parent = final.rpartition("/")[0]
    root.make_dirs(parent)
    if not root.exists(final):
        root.rename(staging, final)
    else:
        for file in row.files:
            _place_one(root, row, file)
        root.remove_tree(staging)
    for file in row.files:
        root.stat(f"{final}/{file.name}")  # the drive may have gone meanwhile: then nothing was placed
    folders = {final, parent, row.model, row.model.partition("/")[0], "", STAGING}
    folders.update(f"{final}/{above}" for file in row.files for above in _folders_above(file.name))
    for folder in folders:
        with contextlib.suppress(FileNotFoundError):
            root.fsync_dir(folder)
    return ()


def clean(root: ConfinedRoot, row: StoredDownload, *, placed: bool) -> None:
    """Give the space back; with `placed` also what was given its final name already.

    Raises:
        OSError
    """
    if placed:
        for file in row.files:
            path = f"{row.directory}/{file.name}"
            if root.exists(f"{staging_of(row.id)}/{file.name}") or not _has_size(root, path, file):
                continue  # not the one that was placed
            with contextlib.suppress(FileNotFoundError):
                root.unlink(path)
                root.remove_empty_parents(path)
    root.remove_tree(staging_of(row.id))


def _place_one(root: ConfinedRoot, row: StoredDownload, file: StoredFile) -> None:
    source, target = f"{staging_of(row.id)}/{file.name}", f"{row.directory}/{file.name}"
    if not root.exists(source):
        return
    root.make_dirs(target.rpartition("/")[0])
    if root.exists(target):
        if _is_the_very(root, target, file):
            return  # the staged one goes with its folder
        if file.replaces is not None and identity_of(root.stat(target)) == file.replaces:
            root.replace(source, target)
            return
        move_aside(root, target)
    root.rename(source, target)


def _is_there(root: ConfinedRoot, row: StoredDownload, file: StoredFile) -> bool:
    if _has_size(root, f"{staging_of(row.id)}/{file.name}", file):
        return True
    final = f"{row.directory}/{file.name}"
    if row.staged == PLACED:
        return _has_size(root, final, file)
    return _is_the_very(root, final, file)


def _has_size(root: ConfinedRoot, path: str, file: StoredFile) -> bool:
    try:
        facts = root.stat(path)
    except FileNotFoundError:
        return False
    return stat.S_ISREG(facts.st_mode) and facts.st_size == file.total_bytes


def _is_the_very(root: ConfinedRoot, path: str, file: StoredFile) -> bool:
    """Whether these are the bytes that were downloaded; what cannot be read is not."""
    if file.total_bytes is None or file.found_sha256 is None:
        return False
    try:
        fd = root.open(path)
    except OSError:
        return False
    try:
        return holds(fd, file.total_bytes, file.found_sha256)
    except OSError:
        return False
    finally:
        os.close(fd)


def _folders_above(name: str) -> list[str]:
    parts = name.split("/")[:-1]
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]


def free_bytes(root: ConfinedRoot) -> int:
    """What this user may still write beneath the root.

    Raises:
        OSError: it is not there.
    """
    return root.free_bytes()


def is_writable(root: ConfinedRoot) -> bool:
    """Whether files may be made beneath the root: it is there, and its file system is not read-only."""
    return os.access(root.root, os.W_OK | os.X_OK)
