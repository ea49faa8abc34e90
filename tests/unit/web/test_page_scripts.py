"""The page's scripts have tests of their own, which node runs."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from modelhubd.registry.api.console import read_console

HERE = Path(__file__).parent
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
ENTRIES = ("main.js", "views.js")
"""What the document starts, for the first sight, and what that starts once it is painted."""
WORKER = "worker.js"
IMPORT = re.compile(r'^import [^"]*"([^"]+)";$', re.MULTILINE)
PAGE = HERE.parent.parent.parent / "clients" / "web"


def test_the_pages_scripts_pass_their_own_tests() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed: the page's scripts are not tested")
    tests = sorted(str(path) for path in HERE.glob("*.test.mjs"))
    assert tests
    done = subprocess.run([node, "--test", *tests], capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_no_script_can_turn_text_into_markup_or_code() -> None:
    forbidden = re.compile(
        r"\.(inner|outer)HTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|\bimport\("
    )
    for script in (*(PAGE / "js").glob("*.js"), *(PAGE / "console" / "js").glob("*.js")):
        assert not forbidden.search(COMMENT.sub("", script.read_text())), script.name


def test_the_console_s_scripts_import_only_what_the_registry_serves() -> None:
    served = set(read_console(PAGE))
    for script in (PAGE / "console" / "js").glob("*.js"):
        for target in IMPORT.findall(script.read_text()):
            assert target.startswith(("./", "../../js/")), (script.name, target)
            path = "/" + (script.parent / target).resolve().relative_to(PAGE).as_posix()
            assert path in served, (script.name, target)
    document = (PAGE / "console" / "index.html").read_text()
    assert re.findall(r"<script[^>]*>", document) == ['<script type="module" src="/console/js/main.js">']
    assert " style=" not in document and "<style" not in document and not re.search(r"\son\w+=", document)


def _needed_by(name: str) -> set[str]:
    """The scripts that one imports, and those imports, and so on."""
    found: set[str] = set()
    left = [name]
    while left:
        text = (PAGE / "js" / left.pop()).read_text()
        new = {target.removeprefix("./") for target in re.findall(r'from "([^"]+)"', text)} - found
        found |= new
        left += new
    return found


def test_scripts_import_only_each_other() -> None:
    names = {script.name for script in (PAGE / "js").glob("*.js")}
    for script in (PAGE / "js").glob("*.js"):
        for target in re.findall(r"""(?:from|import)\s+["']([^"']+)["']""", script.read_text()):
            assert target.startswith("./") and target[2:] in names, (script.name, target)


def test_every_script_belongs_to_the_first_sight_to_the_rest_or_to_the_worker() -> None:
    needed = set().union(*(_needed_by(name) for name in (*ENTRIES, WORKER)))
    assert needed | {*ENTRIES, WORKER} == {script.name for script in (PAGE / "js").glob("*.js")}


def test_the_catalog_is_asked_before_anything_else_of_the_page_is_set_up() -> None:
    assert IMPORT.findall((PAGE / "js" / "main.js").read_text())[0] == "./early.js"


def test_the_document_names_its_scripts_and_holds_none() -> None:
    document = (PAGE / "index.html").read_text()
    scripts = re.findall(r"<script[^>]*>", document)
    assert scripts == ['<script type="module" src="/js/early.js">']
    assert '<link rel="main-script" href="/js/main.js">' in document
    assert " style=" not in document and "<style" not in document
    assert not re.search(r"\son\w+=", document)
