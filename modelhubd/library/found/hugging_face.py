"""The cache of huggingface_hub, transformers, mlx, vLLM and, since 2026, llama.cpp.

`<cache>/models--<owner>--<name>/` holds `refs/<branch>` (a file with a commit), `snapshots/<commit>/<file>`
(links to `../../blobs/<etag>`) and `blobs/`; the etag of a file in LFS is its SHA-256. The cache is at
`$HF_HUB_CACHE`, else `$HF_HOME/hub`, else `~/.cache/huggingface/hub`. Source: https://huggingface.co/docs/hub/local-cache
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from modelhubd.library.found.held import Budget, Held, of_folder, read_small
from modelhubd.library.imports.sources import SourceFile
from modelhubd.trust.digests import is_sha256

TOOL = "hugging-face"
PREFIX = "models--"
DEPTH = 3
SNAPSHOTS_MAX = 16


def roots(environ: Mapping[str, str], home: Path) -> list[Path]:
    if direct := environ.get("HF_HUB_CACHE") or environ.get("HUGGINGFACE_HUB_CACHE"):
        return [Path(direct)]
    if hf_home := environ.get("HF_HOME"):
        return [Path(hf_home) / "hub"]
    return [Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "huggingface" / "hub"]


def models(root: Path, budget: Budget) -> Iterator[Held]:
    for repository in budget.names(root):
        if not repository.is_folder or not repository.name.startswith(PREFIX):
            continue
        name = repository.name.removeprefix(PREFIX).replace("--", "/")
        seen: set[Path] = set()
        for snapshot in _snapshots(repository.path, budget):
            paths = dict(budget.below(snapshot, DEPTH))
            within = repository.path.resolve()
            for held in of_folder(TOOL, name, snapshot, paths, within, digest_of):
                new = {file.path for file in held.files.values()} - seen
                if new:
                    seen |= new
                    yield held


def _snapshots(repository: Path, budget: Budget) -> list[Path]:
    """That of the main branch first."""
    found = [named.path for named in budget.names(repository / "snapshots") if named.is_folder]
    main = read_small(repository / "refs" / "main", repository.resolve())
    commit = "" if main is None else main[:64].decode("ascii", "replace").strip()
    return sorted(found, key=lambda path: (path.name != commit, path.name))[:SNAPSHOTS_MAX]


def digest_of(file: SourceFile) -> str | None:
    """The SHA-256 that a blob is named by; those that are not in LFS have another name. Pure."""
    return file.path.name if is_sha256(file.path.name) else None
