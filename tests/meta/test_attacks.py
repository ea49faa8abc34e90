"""docs/attacks.md names tests that are there; and what nothing here ever does."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NEVER = {"pickle", "tarfile", "zipfile", "marshal", "shelve", "lzma", "bz2"}
"""Modules that unpack archives, or run what was stored."""


def test_each_attack_has_its_test() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "attacks.md").read_text()))
    there = {
        found
        for path in (ROOT / "tests").rglob("test_*.py")
        for found in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert len(named) > 80
    assert named - there == set()


def test_nothing_unpacks_archives_or_runs_what_was_stored() -> None:
    for folder in ("modelhubd", "clients"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = set()
                if isinstance(node, ast.Import):
                    names = {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    names = {node.module.partition(".")[0]}
                elif isinstance(node, ast.Attribute):
                    names = {node.attr} & {"unpack_archive"}
                assert not names & (NEVER | {"unpack_archive"}), (
                    f"{path.name} line {getattr(node, 'lineno', 0)}"
                )
