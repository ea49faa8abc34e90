"""A rename that refuses to overwrite, which Python's `os` does not offer."""

import ctypes
import errno
import os
import sys
from collections.abc import Callable

_RENAME_NOREPLACE = 1  # linux/fs.h
_RENAME_EXCL = 4  # sys/stdio.h of macOS
_NOT_OFFERED = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)


def _system_rename() -> Callable[[int, bytes, int, bytes, int], int] | None:
    library = ctypes.CDLL(None, use_errno=True)
    name = "renameatx_np" if sys.platform == "darwin" else "renameat2"
    function = getattr(library, name, None)
    if function is not None:
        function.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
        function.restype = ctypes.c_int
    return function


_rename = _system_rename()


def rename_no_replace(source_dir: int, source: str, target_dir: int, target: str) -> None:
    """Rename between two open folders.

    Where the system or the file system has no such call, it looks first: our own writers never race for
    a name.

    Raises:
        FileExistsError: something is there already; nothing was changed.
    """
    if _rename is not None:
        flag = _RENAME_EXCL if sys.platform == "darwin" else _RENAME_NOREPLACE
        if _rename(source_dir, os.fsencode(source), target_dir, os.fsencode(target), flag) == 0:
            return
        code = ctypes.get_errno()
        if code not in _NOT_OFFERED:
            raise OSError(code, os.strerror(code), source, None, target)
    look_then_rename(source_dir, source, target_dir, target)


def look_then_rename(source_dir: int, source: str, target_dir: int, target: str) -> None:
    """The same in two steps."""
    try:
        os.stat(target, dir_fd=target_dir, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(source, target, src_dir_fd=source_dir, dst_dir_fd=target_dir)
    else:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
