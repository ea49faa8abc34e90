"""The page as a browser asks for it, on the real socket of a real daemon."""

import gzip
import re
from collections.abc import Iterator

import pytest

from tests.raw import Answer, over_tcp
from tests.running import RunningDaemon, running_daemon

NAVIGATE = (("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document"))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_daemon(tmp_path_factory.mktemp("page") / "home") as running:
        yield running.url


@pytest.fixture(scope="module")
def embedding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    settings = {"MODELHUB_SERVER_EMBED_ORIGINS": "https://work.example"}
    with running_daemon(tmp_path_factory.mktemp("embedding") / "home", settings) as running:
        yield running


def ask(url: str, path: str, *extra: tuple[str, str], method: str = "GET") -> Answer:
    return over_tcp(url, method, path, [("Host", url.removeprefix("http://")), *extra])


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html"),
        ("/index.html", "text/html"),
        ("/app.css", "text/css"),
        ("/js/main.js", "text/javascript"),
    ],
)
def test_the_pages_files_need_no_token_and_carry_the_policy(url: str, path: str, kind: str) -> None:
    answer = ask(url, path)
    assert answer.status == 200
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    held = r" 'sha256-[A-Za-z0-9+/=]{44}'" if kind == "text/html" else ""
    assert re.match(
        rf"default-src 'none'; script-src 'self'{held}; style-src 'self'{held}; connect-src 'self'; ", policy
    )
    assert policy.endswith("frame-ancestors 'none'")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_file_that_the_browser_holds_is_not_sent_again(url: str) -> None:
    tag = ask(url, "/js/dom.js").headers["etag"]
    again = ask(url, "/js/dom.js", ("If-None-Match", tag))
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/js/nothing.js",
        "/js/..%2findex.html",
        "/js/%2e%2e%2f%2e%2e%2fpyproject.toml",
        "/js/main.js%00",
        "/js/..",
    ],
)
def test_there_is_nothing_but_the_pages_files(url: str, path: str) -> None:
    assert ask(url, path).status in (400, 401, 404)


def test_what_the_document_names_stays_good_for_ever_and_is_sent_packed(url: str) -> None:
    (script,) = re.findall(rb'href="(/v-[0-9a-f]{12}/js/main\.js)"', ask(url, "/").body)
    answer = ask(url, script.decode(), ("Accept-Encoding", "gzip, br"))
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert gzip.decompress(answer.body) == ask(url, script.decode()).body == ask(url, "/js/main.js").body
    assert ask(url, "/v-000000000000/js/main.js").status == 404


def test_the_pages_files_are_only_read(url: str) -> None:
    assert ask(url, "/", method="POST").status in (401, 405)


def test_a_link_on_another_site_leads_to_the_page_and_to_nothing_else(url: str) -> None:
    foreign = ("Sec-Fetch-Site", "cross-site")
    assert ask(url, "/", foreign, *NAVIGATE).status == 200
    assert ask(url, "/", foreign).status == 403
    assert ask(url, "/js/main.js", foreign, *NAVIGATE).status == 403
    assert ask(url, "/api/v1/health", foreign, *NAVIGATE).status == 403
    framed = (("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "iframe"))
    assert ask(url, "/", foreign, *framed).status == 403


def test_an_application_that_is_named_may_show_the_page(embedding: RunningDaemon) -> None:
    framed = (("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "iframe"), ("Sec-Fetch-Site", "cross-site"))
    answer = ask(embedding.url, "/", *framed)
    assert answer.status == 200
    assert answer.headers["content-security-policy"].endswith("frame-ancestors https://work.example")
