"""What identifies the bytes of an option."""

import hashlib
import re
from collections.abc import Sequence

from modelhubd.wire.catalog import OptionFile

_SHA256 = re.compile("[0-9a-f]{64}")


def is_sha256(text: str) -> bool:
    """Whether `text` is a SHA-256 as we write it: 64 lower-case hex digits."""
    return _SHA256.fullmatch(text) is not None


def option_digest(files: Sequence[OptionFile]) -> str | None:
    """The digest of an option: of its one file, or over the sorted lines `name<TAB>size<TAB>sha256`.

    None where a digest is missing, or the size of one of several files: such an option is unverified.
    """
    if len(files) == 1:
        return files[0].sha256
    lines = []
    for file in files:
        if file.sha256 is None or file.size_bytes is None:
            return None
        lines.append(f"{file.name}\t{file.size_bytes}\t{file.sha256}\n".encode())
    return hashlib.sha256(b"".join(sorted(lines))).hexdigest() if lines else None
