"""The console's list of acts is that of the registry."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent.parent
SOURCES = sorted((ROOT / "modelhubd" / "registry").rglob("*.py"))
SCRIPT = ROOT / "clients" / "web" / "console" / "js" / "audit.js"
ACT = re.compile(r"[a-z_]+\.[a-z_]+")
DECIDED = ("version.approved", "version.rejected")
"""What a decision is written down as: its name is made of the outcome."""


def _written(tree: ast.AST) -> Iterator[ast.expr]:
    """What stands for an act wherever one is named."""
    for node in ast.walk(tree):
        match node:
            case ast.keyword(arg="action", value=value):
                yield value
            case ast.Assign(targets=[ast.Name(id="action")], value=value):
                yield value
            case _:
                pass


def test_every_act_of_the_log_can_be_chosen_and_no_other() -> None:
    acts = set(DECIDED)
    for path in SOURCES:
        for value in _written(ast.parse(path.read_text(encoding="utf-8"))):
            texts = [node.value for node in ast.walk(value) if isinstance(node, ast.Constant)]
            acts |= {text for text in texts if isinstance(text, str) and ACT.fullmatch(text)}
    listed = re.search(r"ACTIONS = \[(.*?)\]", SCRIPT.read_text(encoding="utf-8"), re.DOTALL)
    assert listed is not None
    shown = re.findall(r'"([^"]+)"', listed[1])
    assert sorted(shown) == sorted(acts)
