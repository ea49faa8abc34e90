"""The console's files, as the registry answers them to anybody."""

import re

from tests.fakes.registry import Answered, Registry


async def asked(registry: Registry, path: str, **headers: str) -> Answered:
    session = registry.anybody.session
    async with session.get(registry.url + path, headers=headers) as answer:
        return Answered(status=answer.status, headers=answer.headers.copy(), body=await answer.read())


async def test_its_files_need_no_token_hold_no_data_and_carry_the_policy(sqlite_registry: Registry) -> None:
    start = await asked(sqlite_registry, "/")
    assert start.headers["Content-Type"] == "text/html; charset=utf-8"
    named = re.findall(r'(?:href|src)="(/[^"]+)"', start.body.decode())
    names = [path.rpartition("/")[2] for path in named]
    assert names == ["main.js"]
    others = ("/js/dom.js", "/tokens.css", "/console/console.css", "/console/js/model.js")
    for path in ("/", "/index.html", *others, *named):
        answer = await asked(sqlite_registry, path)
        assert answer.status == 200, path
        policy = answer.headers["Content-Security-Policy"]
        held = r" 'sha256-[A-Za-z0-9+/=]{44}'" if path in ("/", "/index.html") else ""
        assert re.match(
            rf"default-src 'none'; script-src 'self'; style-src 'self'{held}; connect-src 'self'; ", policy
        )
        assert policy.endswith("frame-ancestors 'none'")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert ("immutable" in answer.headers["Cache-Control"]) == path.startswith("/v-")
        again = await asked(sqlite_registry, path, **{"If-None-Match": answer.headers["ETag"]})
        assert (again.status, again.body) == (304, b"")


async def test_there_is_nothing_but_the_console_s_files(sqlite_registry: Registry) -> None:
    for path in (
        "/js/main.js", "/js/nothing.js", "/console/index.html", "/types/daemon.d.ts",
        "/console/js/..%2f..%2findex.html", "/console/js/%2e%2e%2f%2e%2e%2fjsconfig.json",
        "/v-000000000000/app.css", "/console/js/main.js%00",
    ):  # fmt: skip
        assert (await asked(sqlite_registry, path)).status == 404, path
