"""The cache of llama.cpp's own downloads: `<cache>/<owner>_<repository>_<file>.gguf`, all in one folder.

It is at `$LLAMA_CACHE`, else `~/.cache/llama.cpp` (macOS: `~/Library/Caches/llama.cpp`). What is being
downloaded ends in `.downloadInProgress`.

Source: ggml-org/llama.cpp, common/common.cpp (`fs_get_cache_directory`)
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from modelhubd.library.found.flat import of_flat
from modelhubd.library.found.held import Budget, Held

TOOL = "llama.cpp"


def roots(environ: Mapping[str, str], home: Path) -> list[Path]:
    if own := environ.get("LLAMA_CACHE"):
        return [Path(own)]
    cache = Path(environ.get("XDG_CACHE_HOME") or home / ".cache")
    return [cache / "llama.cpp", home / "Library" / "Caches" / "llama.cpp"]


def models(root: Path, budget: Budget) -> Iterator[Held]:
    yield from of_flat(TOOL, root, budget)
