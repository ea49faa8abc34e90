"""The rules of the house that can be read off the source."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SOURCE = sorted((ROOT / "modelhubd").rglob("*.py"))
CLIENTS = sorted((ROOT / "clients").rglob("*.py"))
DECISIONS = [
    path
    for path in SOURCE
    if path.parent.name in {"fit", "formats", "trust"}
    or path.name in {"states.py", "plan.py", "merge.py", "placement.py", "command.py"}
]
IO = {"asyncio", "aiohttp", "aiosqlite", "psutil", "socket", "subprocess", "sqlite3", "threading", "pycurl"}
SQL_WORDS = ("SELECT ", "INSERT ", "UPDATE ", "DELETE FROM", "CREATE TABLE", "PRAGMA ")
SQL_ROOMS = {"storage"}
SQL_FILES = {"modelhubd/registry/database.py"}
"""Sets up the connections."""
TOP_LEVEL = {
    "pyproject.toml", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "Makefile", "docs", "modelhubd",
    "clients", "tests", "systemd", "launchd",
}  # fmt: skip


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> Iterator[str]:
    """Top-level names of the modules a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("path", DECISIONS, ids=name)
def test_a_decision_does_no_io(path: Path) -> None:
    assert not IO & set(imported(path))


@pytest.mark.parametrize("path", SOURCE, ids=name)
def test_only_the_device_module_asks_the_system(path: Path) -> None:
    assert path.name == "device.py" or "psutil" not in set(imported(path))


@pytest.mark.parametrize("path", SOURCE, ids=name)
def test_sql_stays_in_the_store(path: Path) -> None:
    if path.name == "store.py" or path.name.endswith("_store.py"):
        return
    if path.parent.name in SQL_ROOMS or name(path) in SQL_FILES:
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert not node.value.lstrip().startswith(SQL_WORDS), node.value


@pytest.mark.parametrize("path", [*SOURCE, *CLIENTS], ids=name)
def test_every_task_has_an_owner(path: Path) -> None:
    allowed = {"modelhubd/tasks.py"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr in {"create_task", "ensure_future"}:
            owned = name(path) in allowed or (isinstance(node.value, ast.Name) and node.value.id != "asyncio")
            assert owned, f"line {node.lineno}"


@pytest.mark.parametrize("path", [path for path in SOURCE if path.parent.name == "wire"], ids=name)
def test_every_wire_struct_is_frozen_and_keyword_only(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef) and any("Enum" not in ast.unparse(base) for base in node.bases):
            options = {keyword.arg for keyword in node.keywords}
            assert {"frozen", "kw_only"} <= options, node.name


@pytest.mark.parametrize("path", [*SOURCE, *CLIENTS], ids=name)
def test_everything_public_says_what_it_is(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not tree.body or ast.get_docstring(tree), "the module"


@pytest.mark.parametrize("path", [*SOURCE, *CLIENTS], ids=name)
def test_names_are_not_drawers(path: Path) -> None:
    assert not {"utils", "helpers", "common", "manager", "util", "misc"} & set(path.with_suffix("").parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        assert not isinstance(node, ast.ClassDef) or not node.name.endswith("Manager"), node.name


def test_the_top_level_holds_what_it_should_and_nothing_else() -> None:
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert found - {"dist"} == TOP_LEVEL


def test_half_of_all_files_are_short_and_none_is_long() -> None:
    lengths = sorted(len(path.read_text(encoding="utf-8").splitlines()) for path in [*SOURCE, *CLIENTS])
    assert lengths[len(lengths) // 2] < 150
    long = [
        name(path) for path in [*SOURCE, *CLIENTS] if len(path.read_text(encoding="utf-8").splitlines()) > 400
    ]
    assert long == []
