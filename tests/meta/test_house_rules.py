"""The rules of the house that can be read off the source."""

import ast
import functools
from collections.abc import Iterable, Iterator
from pathlib import Path

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
SQL_FILES = {"modelhubd/registry/database.py", "modelhubd/registry/sqlite.py"}
"""Sets up the connections."""
TOP_LEVEL = {
    "pyproject.toml", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "Makefile", "docs", "modelhubd",
    "clients", "tests", "systemd", "launchd",
}  # fmt: skip


Fault = tuple[str, int, str]
"""Where a rule is broken, at which line, and by what."""


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def imported(path: Path) -> Iterator[tuple[str, int]]:
    """(top-level name, line) of each module a file imports."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module.partition(".")[0], node.lineno


def importers(paths: Iterable[Path], modules: set[str]) -> list[Fault]:
    return [
        (name(path), line, module) for path in paths for module, line in imported(path) if module in modules
    ]


def test_a_decision_does_no_io() -> None:
    assert importers(DECISIONS, IO) == []


def test_only_the_device_module_asks_the_system() -> None:
    assert importers((path for path in SOURCE if path.name != "device.py"), {"psutil"}) == []


def test_sql_stays_in_the_store() -> None:
    outside = (
        path
        for path in SOURCE
        if not (path.name == "store.py" or path.name.endswith("_store.py"))
        and not (path.parent.name in SQL_ROOMS or name(path) in SQL_FILES)
    )
    found = [
        (name(path), node.lineno, node.value)
        for path in outside
        for node in nodes(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if node.value.lstrip().startswith(SQL_WORDS)
    ]
    assert found == []


def test_every_task_has_an_owner() -> None:
    found = [
        (name(path), node.lineno, node.attr)
        for path in (*SOURCE, *CLIENTS)
        if name(path) != "modelhubd/tasks.py"
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and node.attr in {"create_task", "ensure_future"}
        if not isinstance(node.value, ast.Name) or node.value.id == "asyncio"
    ]
    assert found == []


def test_every_wire_struct_is_frozen_and_keyword_only() -> None:
    found = [
        (name(path), node.lineno, node.name)
        for path in SOURCE
        if path.parent.name == "wire"
        for node in nodes(path)
        if isinstance(node, ast.ClassDef) and any("Enum" not in ast.unparse(base) for base in node.bases)
        if not {"frozen", "kw_only"} <= {keyword.arg for keyword in node.keywords}
    ]
    assert found == []


def test_every_module_says_what_it_is() -> None:
    modules = ((path, nodes(path)[0]) for path in (*SOURCE, *CLIENTS))
    found = [
        name(path)
        for path, module in modules
        if isinstance(module, ast.Module) and module.body and not ast.get_docstring(module)
    ]
    assert found == []


def test_names_are_not_drawers() -> None:
    drawers = {"utils", "helpers", "common", "manager", "util", "misc"}
    every = (*SOURCE, *CLIENTS)
    assert [name(path) for path in every if drawers & set(path.with_suffix("").parts)] == []
    managers = [
        (name(path), node.lineno, node.name)
        for path in every
        for node in nodes(path)
        if isinstance(node, ast.ClassDef) and node.name.endswith("Manager")
    ]
    assert managers == []


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
