"""Whether the bytes are the right ones: a thread that hashes behind the frontier, and a look at the magic."""

import hashlib
import os
import threading

BLOCK = 1 << 20
MAGIC_BYTES = 16


class Hasher:
    """Follows a growing file. What was there before is read back from the disk, meanwhile more may come.

    Raises nothing by itself: `result` raises the `OSError` that reading met.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._block = memoryview(bytearray(BLOCK))
        self._frontier = 0
        self._hashed = 0
        self._sha256 = hashlib.sha256()
        self._closing = False
        self._error: OSError | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="hash", daemon=True)
        self._thread.start()

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def advance(self, frontier: int) -> None:
        """Everything before `frontier` is there and will not change."""
        with self._changed:
            self._frontier = frontier
            self._changed.notify_all()

    @property
    def hashed(self) -> int:
        """Bytes that are through."""
        return self._hashed

    def result(self) -> str | None:
        """Hex digest of everything before the frontier; None while it is not ready."""
        with self._changed:
            if self._error is not None:
                raise self._error
            return self._sha256.hexdigest() if self._hashed == self._frontier else None

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self._frontier > self._hashed)
                if self._closing:
                    return
                frontier = self._frontier
            try:
                wanted = self._block[: min(BLOCK, frontier - self._hashed)]
                count = os.preadv(self._fd, [wanted], self._hashed)
                if not count:
                    raise OSError(0, "the partial file became shorter")
            except OSError as error:
                with self._changed:
                    self._error = error
                    self._changed.notify_all()
                return
            self._sha256.update(wanted[:count])
            with self._changed:
                self._hashed += count


def holds(fd: int, size: int, sha256: str) -> bool:
    """Whether an open file is just this one, under no second name, and then it is on the disk. Blocks for
    as long as reading it takes, if its size is right.

    Raises:
        OSError
    """
    facts = os.fstat(fd)
    if facts.st_size != size or facts.st_nlink > 1:
        return False
    with open(fd, "rb", buffering=0, closefd=False) as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            return False
    os.fsync(fd)
    return True


def fault_in_beginning(name: str, beginning: bytes, size: int) -> str | None:
    """Why a file cannot be what its name says, judged by its first `MAGIC_BYTES`; None where it may be.

    For files whose digest nobody promised; any other is judged by its digest.
    """
    suffix = name.lower().rpartition(".")[2]
    match suffix:
        case "gguf":
            if beginning[:4] != b"GGUF":
                return "it does not begin as a GGUF file does"
        case "safetensors":
            header = int.from_bytes(beginning[:8], "little")
            if len(beginning) < 9 or beginning[8:9] != b"{" or not 2 <= header <= size - 8:
                return "it does not begin as a safetensors file does"
        case "json":
            if beginning.lstrip()[:1] not in (b"{", b"["):
                return "it does not begin as a JSON file does"
        case _:
            return None
    return None
