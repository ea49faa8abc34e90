"""The page's files, what may be asked of them, and who may come to them."""

import gzip
from pathlib import Path

import pytest

from modelhubd.api.page import is_page_navigation, page_routes, read_page
from modelhubd.api.routing import Access
from modelhubd.web.page_files import folder, security_policy, unchanged

NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


def test_the_page_is_its_document_its_styles_and_its_scripts() -> None:
    files = read_page(folder())
    assert {"/", "/index.html", "/tokens.css", "/app.css", "/js/main.js", "/js/dom.js"} <= set(files)
    assert files["/"] == files["/index.html"]
    assert files["/"].content_type == "text/html"
    assert files["/js/main.js"].content_type == "text/javascript"


def test_nothing_else_in_the_folder_is_a_page_file(tmp_path: Path) -> None:
    (tmp_path / "js" / "deeper").mkdir(parents=True)
    for name in ("index.html", "secret.html", "js/a.js", "js/a.map", "js/deeper/b.js", "notes.js"):
        (tmp_path / name).write_text("x")
    files = read_page(tmp_path)
    assert {path for path in files if not path.startswith("/v-")} == {"/", "/index.html", "/js/a.js"}


def test_the_document_names_a_folder_that_changes_with_any_file(tmp_path: Path) -> None:
    (tmp_path / "js").mkdir()
    (tmp_path / "index.html").write_text(
        '<link href="/app.css"><script src="/js/a.js"></script><a href="/x">'
    )
    folders = set()
    for text in ("one", "two"):
        (tmp_path / "js" / "a.js").write_text(text)
        files = read_page(tmp_path)
        (script,) = [path for path in files if path.startswith("/v-")]
        assert f'src="{script}"'.encode() in files["/"].body and b'<a href="/x">' in files["/"].body
        assert files[script] == files["/js/a.js"]
        folders.add(script)
    assert len(folders) == 2


def test_a_large_file_is_packed_once(tmp_path: Path) -> None:
    (tmp_path / "js").mkdir()
    (tmp_path / "js" / "a.js").write_text("let here;\n" * 200)
    file = read_page(tmp_path)["/js/a.js"]
    assert file.packed is not None and gzip.decompress(file.packed) == file.body


def test_a_changed_file_has_another_etag(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("one")
    before = read_page(tmp_path)["/"].etag
    (tmp_path / "index.html").write_text("two")
    assert read_page(tmp_path)["/"].etag != before


@pytest.mark.parametrize("held", ['"x"', 'W/"x"', '"a", "x"', "*"])
def test_a_browser_that_holds_the_file_is_told_so(held: str) -> None:
    assert unchanged([held], '"x"')


@pytest.mark.parametrize("held", ["", '"y"', "x"])
def test_a_browser_that_holds_another_file_gets_this_one(held: str) -> None:
    assert not unchanged([held], '"x"')


def test_nobody_may_show_the_page_in_a_frame_unless_named() -> None:
    assert security_policy(()).endswith("frame-ancestors 'none'")
    assert security_policy(["https://work.example", "tauri://localhost"]).endswith(
        "frame-ancestors https://work.example tauri://localhost"
    )


@pytest.mark.parametrize(
    "origin", ["*", "https://a.example; script-src *", "https:", "'self'", "https://a b"]
)
def test_an_embedding_origin_cannot_loosen_the_policy(origin: str) -> None:
    assert security_policy([origin]) == security_policy(())


def test_a_link_from_anywhere_may_lead_to_the_page() -> None:
    for path in ("/", "/index.html"):
        assert is_page_navigation("GET", path, NAVIGATION, embeddable=False)


@pytest.mark.parametrize(
    ("method", "path", "changed"),
    [
        ("POST", "/", {}),
        ("GET", "/app.css", {}),
        ("GET", "/api/v1/status", {}),
        ("GET", "/", {"Sec-Fetch-Mode": "no-cors"}),
        ("GET", "/", {"Sec-Fetch-Dest": "iframe"}),
        ("GET", "/", {"Sec-Fetch-Dest": "image"}),
        ("GET", "/", {"Sec-Fetch-Dest": ""}),
    ],
)
def test_nothing_but_going_to_the_page_counts_as_that(
    method: str, path: str, changed: dict[str, str]
) -> None:
    assert not is_page_navigation(method, path, NAVIGATION | changed, embeddable=False)


def test_a_frame_may_show_the_page_where_somebody_may_embed_it() -> None:
    assert is_page_navigation("GET", "/", NAVIGATION | {"Sec-Fetch-Dest": "iframe"}, embeddable=True)


def test_the_page_is_open_and_only_read() -> None:
    assert {(route.method, route.access) for route in page_routes()} == {("GET", Access.OPEN)}
