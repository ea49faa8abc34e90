"""LM Studio: `<models>/<publisher>/<model>/<file>`, at `~/.lmstudio/models`, before 0.3 at
`~/.cache/lm-studio/models`. Source: https://lmstudio.ai/docs/app/basics/import-model
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from modelhubd.library.found.held import Budget, Held, of_folder

TOOL = "lm-studio"


def roots(environ: Mapping[str, str], home: Path) -> list[Path]:
    return [home / ".lmstudio" / "models", home / ".cache" / "lm-studio" / "models"]


def models(root: Path, budget: Budget) -> Iterator[Held]:
    within = root.resolve()
    for publisher in budget.names(root):
        if not publisher.is_folder:
            continue
        for model in budget.names(publisher.path):
            if model.is_folder:
                paths = dict(budget.below(model.path, 1))
                name = f"{publisher.name}/{model.name}"
                yield from of_folder(TOOL, name, model.path, paths, within)
