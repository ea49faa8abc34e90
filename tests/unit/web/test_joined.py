"""Scripts that are joined do what they do apart."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from modelhubd.api.page import read_page
from modelhubd.registry.api.console import read_console
from modelhubd.web.joined import joined

PAGE = Path(__file__).parent.parent.parent.parent / "clients" / "web"
SCRIPTS = {
    "/js/main.js": """// @ts-check
import { double, HELD as held } from "./sums.js";
import * as words from "../shared/words.js";
export const parts = { held };
export async function told(n) {
  return `${words.said(double(n))} of ${held.size}`;
}
""",
    "/js/sums.js": """import { said } from "../shared/words.js";
export const HELD = new Set([said(0)]);
/** export nothing else */
export function double(n) {
  return 2 * n;
}
const own = 1;
export class Sum {}
""",
    "/shared/words.js": "export const said = (n) => `(${n})`;\n",
    "/js/views.js": """import { parts, told } from "./main.js";
import { HELD } from "./sums.js";
import { own } from "./more.js";
export const seen = [HELD === parts.held, await told(21), own];
""",
    "/js/more.js": "export const own = import.meta.url;\n",
}


def test_modules_are_there_once_in_the_order_in_which_they_need_each_other(tmp_path: Path) -> None:
    found = joined(SCRIPTS, ("/js/main.js", "/js/views.js"))
    assert list(found) == ["/js/main.js", "/js/views.js"]
    first = found["/js/main.js"]
    order = [first.index(f"// {path}\n") for path in ("/shared/words.js", "/js/sums.js", "/js/main.js")]
    assert order == sorted(order) and "more.js" not in first
    assert "/js/more.js" in found["/js/views.js"] and "2 * n" not in found["/js/views.js"]


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed: nothing is run")
def test_what_is_joined_runs_as_what_is_apart(tmp_path: Path) -> None:
    scripts = SCRIPTS | {"/js/views.js": SCRIPTS["/js/views.js"].replace("await ", "")}
    for place, files in {
        "apart": scripts,
        "joined": joined(scripts, ("/js/main.js", "/js/views.js")),
    }.items():
        for path, text in files.items():
            file = tmp_path / place / path[1:]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        (tmp_path / place / "package.json").write_text('{"type": "module"}')
    look = (
        'const { seen: [same, told] } = await import("./apart/js/views.js").then((it) => it);'
        'const { modules } = await import("./joined/js/main.js"); const of = modules["/js/main.js"];'
        'console.log(same, await told, of.parts.held === modules["/js/sums.js"].HELD, await of.told(21));'
        'await import("./joined/js/views.js");'
    )
    (tmp_path / "look.mjs").write_text(look)
    ran = subprocess.run(["node", "look.mjs"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.stdout == "true (42) of 1 true (42) of 1\n", ran.stderr


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed: nothing is run")
def test_what_runs_early_is_a_classic_script_whose_modules_the_others_find(tmp_path: Path) -> None:
    scripts = SCRIPTS | {"/js/views.js": SCRIPTS["/js/views.js"].replace("await ", "")}
    made = joined(scripts, ("/js/main.js", "/js/views.js"), "/js/sums.js")
    assert "2 * n" in made["/js/sums.js"] and "export" not in made["/js/sums.js"].replace("/** export", "")
    assert all("2 * n" not in made[path] for path in ("/js/main.js", "/js/views.js"))
    (tmp_path / "js").mkdir()
    (tmp_path / "package.json").write_text('{"type": "module"}')
    for path, text in made.items():
        (tmp_path / path[1:]).write_text(text)
    (tmp_path / "look.mjs").write_text(
        'import vm from "node:vm"; import fs from "node:fs";'
        'vm.runInThisContext(fs.readFileSync("js/sums.js", "utf-8"));'
        'const { modules } = await import("./js/main.js"); const of = modules["/js/main.js"];'
        'console.log(of.parts.held.size, await of.told(21)); await import("./js/views.js");'
    )
    ran = subprocess.run(["node", "look.mjs"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.stdout == "1 (42) of 1\n", ran.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('import "./sums.js";\n', "not understood"),
        ("export default 1;\n", "not understood"),
        ("export { x };\n", "not understood"),
        ("export let x = 1;\n", "not understood"),
        ('import { told } from "./main.js";\n', "needs itself"),
    ],
)
def test_what_is_not_understood_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        joined(SCRIPTS | {"/js/sums.js": text}, ("/js/main.js",))


def test_the_pages_are_sent_as_one_script_for_the_first_sight_and_one_for_the_rest() -> None:
    page, console = read_page(PAGE), read_console(PAGE)
    for files, entry, needed in (
        (page, "/js/main.js", ""),
        (page, "/js/views.js", "./main.js"),
        (console, "/console/js/main.js", ""),
    ):
        text = files[entry].body.decode()
        assert re.findall(r'^import .* from "([^"]+)";$', text, re.MULTILINE) == ([needed] if needed else [])
    rest = page["/js/views.js"].body.decode()
    assert not set(re.findall(r"=> \{ // (\S+)$", rest, re.MULTILINE)) & set(
        re.findall(r"=> \{ // (\S+)$", page["/js/main.js"].body.decode(), re.MULTILINE)
    )
