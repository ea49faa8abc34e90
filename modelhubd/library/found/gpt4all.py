"""GPT4All: model files in one folder, those that are being downloaded as `incomplete-<file>`.

The application's is `~/.local/share/nomic.ai/GPT4All` (macOS: `~/Library/Application Support/nomic.ai/
GPT4All`), that of its Python package `~/.cache/gpt4all`. Source: https://docs.gpt4all.io/gpt4all_desktop/settings.html
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from modelhubd.library.found.flat import of_flat
from modelhubd.library.found.held import Budget, Held

TOOL = "gpt4all"


def roots(environ: Mapping[str, str], home: Path) -> list[Path]:
    data = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return [
        data / "nomic.ai" / "GPT4All",
        home / "Library" / "Application Support" / "nomic.ai" / "GPT4All",
        Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "gpt4all",
    ]


def models(root: Path, budget: Budget) -> Iterator[Held]:
    yield from of_flat(TOOL, root, budget, unfinished="incomplete-")
