"""Which token goes where, and which file is not believed."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest

from modelhubd.downloads import credentials
from modelhubd.downloads.credentials import MAX_BYTES, CredentialsRefused, authorization

SECRET = "hf_thisIsTheSecret"
HUB = "https://huggingface.co"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    home = tmp_path / "somebody"
    home.mkdir()
    return {"HOME": str(home)}


def tokens(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "tokens.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def netrc(environ: dict[str, str], text: str, mode: int = 0o600) -> Path:
    path = Path(environ["HOME"]) / ".netrc"
    path.write_text(text)
    path.chmod(mode)
    return path


def basic(login: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode()


def refusal(url: str, environ: dict[str, str], config_dir: Path | None) -> str:
    with pytest.raises(CredentialsRefused) as refused:
        authorization(url, environ, config_dir)
    detail = refused.value.detail
    assert SECRET not in detail and SECRET not in repr(refused.value)
    assert "/" not in detail.replace("https://", ""), "no path"
    assert refused.value.__cause__ is None, "what a parser says may hold what the file holds"
    assert refused.value.__context__ is None or refused.value.__suppress_context__
    return detail


def test_nothing_is_sent_where_nothing_is_kept(tmp_path: Path, environ: dict[str, str]) -> None:
    assert authorization(f"{HUB}/x", environ, tmp_path) is None
    assert authorization(f"{HUB}/x", environ, tmp_path / "not there") is None
    assert authorization(f"{HUB}/x", environ, None) is None
    tokens(tmp_path, "")
    assert authorization(f"{HUB}/x", environ, tmp_path) is None
    assert authorization(f"{HUB}/x", environ, tmp_path / "tokens.toml") is None


@pytest.mark.parametrize(
    "key", [HUB, f"{HUB}/", "https://HuggingFace.CO", f"{HUB}:443", "HTTPS://huggingface.co"]
)
@pytest.mark.parametrize("url", [f"{HUB}/a/b?c=d", f"{HUB}:443/a", "HTTPS://HUGGINGFACE.co/a", HUB])
def test_a_token_goes_to_its_origin_however_that_is_written(
    key: str, url: str, tmp_path: Path, environ: dict[str, str]
) -> None:
    tokens(tmp_path, f'"{key}" = "{SECRET}"\n')
    assert authorization(url, environ, str(tmp_path)) == f"Bearer {SECRET}"


@pytest.mark.parametrize(
    "url",
    [
        "http://huggingface.co/x",
        f"{HUB}:8443/x",
        "https://huggingface.co./x",
        "https://www.huggingface.co/x",
        "https://huggingface.co.evil.example/x",
        "https://evilhuggingface.co/x",
        "https://co/x",
        "https://example.org/huggingface.co",
        f"https://example.org/?{HUB}",
        "https://huggingface.co@example.org/x",
        "https://example.org@huggingface.co/x",
        "ftp://huggingface.co/x",
        "file://huggingface.co/x",
    ],
)
def test_a_token_goes_nowhere_else(url: str, tmp_path: Path, environ: dict[str, str]) -> None:
    tokens(tmp_path, f'"{HUB}" = "{SECRET}"\n')
    assert authorization(url, environ, tmp_path) is None


def test_each_origin_has_its_own(tmp_path: Path, environ: dict[str, str]) -> None:
    tokens(
        tmp_path,
        f'# mine\n"{HUB}" = "one"\n"https://mirror.example:8443" = "two"\n"http://[::1]:9000" = "three"\n'
        '"http://127.0.0.1:9000" = "four"\n',
    )
    for url, token in (
        (f"{HUB}/x", "one"),
        ("https://mirror.example:8443/x", "two"),
        ("http://[::1]:9000/x", "three"),
        ("http://127.0.0.1:9000/x", "four"),
    ):
        assert authorization(url, environ, tmp_path) == f"Bearer {token}"
    for url in ("https://mirror.example/x", "https://127.0.0.1:9000/x", "http://127.0.0.1:9001/x"):
        assert authorization(url, environ, tmp_path) is None


def test_a_new_token_counts_at_the_next_request(tmp_path: Path, environ: dict[str, str]) -> None:
    path = tokens(tmp_path, f'"{HUB}" = "old"')
    before = path.stat()
    assert authorization(f"{HUB}/x", environ, tmp_path) == "Bearer old"
    path.write_text(f'"{HUB}" = "new"')
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert authorization(f"{HUB}/x", environ, tmp_path) == "Bearer new", "same size, inode and time"
    path.unlink()
    assert authorization(f"{HUB}/x", environ, tmp_path) is None


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o602, 0o601, 0o644, 0o666, 0o700 | 0o077])
def test_a_token_file_that_is_open_to_others_is_not_used(
    mode: int, tmp_path: Path, environ: dict[str, str]
) -> None:
    path = tokens(tmp_path, f'"{HUB}" = "{SECRET}"', mode)
    detail = refusal(f"{HUB}/x", environ, tmp_path)
    assert "tokens.toml" in detail and "chmod 600" in detail
    assert authorization("https://example.org/x", environ, tmp_path) is None, "nobody else has to wait"
    path.chmod(0o600)
    assert authorization(f"{HUB}/x", environ, tmp_path) == f"Bearer {SECRET}"
    path.chmod(mode)
    refusal(f"{HUB}/x", environ, tmp_path)


def test_a_read_only_token_file_of_ours_is_used(tmp_path: Path, environ: dict[str, str]) -> None:
    tokens(tmp_path, f'"{HUB}" = "{SECRET}"', 0o400)
    assert authorization(f"{HUB}/x", environ, tmp_path) == f"Bearer {SECRET}"


def test_a_file_of_somebody_else_is_not_used(
    tmp_path: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens(tmp_path, f'"{HUB}" = "{SECRET}"')
    netrc(environ, f"machine example.org login me password {SECRET}")
    monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)
    assert "tokens.toml" in refusal(f"{HUB}/x", environ, tmp_path)
    assert "netrc" in refusal("https://example.org/x", environ, tmp_path)
    assert authorization("https://third.example/x", environ, tmp_path) is None


@pytest.mark.parametrize("kind", ["link", "dangling link", "folder", "pipe"])
def test_what_is_no_plain_token_file_is_not_used(kind: str, tmp_path: Path, environ: dict[str, str]) -> None:
    path = tmp_path / "tokens.toml"
    match kind:
        case "link":
            elsewhere = tmp_path / "elsewhere"
            elsewhere.mkdir()
            path.symlink_to(tokens(elsewhere, f'"{HUB}" = "{SECRET}"'))
        case "dangling link":
            path.symlink_to(tmp_path / "nothing")
        case "folder":
            path.mkdir()
        case _:
            os.mkfifo(path, 0o600)
    assert "tokens.toml" in refusal(f"{HUB}/x", environ, tmp_path)


def test_a_file_without_end_is_not_read(tmp_path: Path, environ: dict[str, str]) -> None:
    path = tokens(tmp_path, f'"{HUB}" = "{SECRET}"\n')
    os.truncate(path, MAX_BYTES + 1)
    assert "longer than 256 KiB" in refusal(f"{HUB}/x", environ, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        '"{hub}" = "{secret}\n',
        '"{hub}" = {secret}\n',
        '"{hub}" = "{secret}"\n"{hub}" = "{secret}"\n',
        '"{hub}" = "{secret}"\n"{hub}:443" = "{secret}"\n',
        '"{hub}" = ""\n',
        '"{hub}" = "Bearer {secret}"\n',
        '"{hub}" = "{secret}\\r\\nX-Other: yes"\n',
        '"{hub}" = "{secret}\\u0000"\n',
        '"{hub}" = "{secret}\\n"\n',
        '"{hub}" = "{secret}é"\n',
        '"{hub}" = """\n{secret}\n"""\n',
        '"{hub}" = ["{secret}"]\n',
        '"{hub}" = 5\n',
        '["{hub}"]\ntoken = "{secret}"\n',
        'huggingface.co = "{secret}"\n',
        '"huggingface.co" = "{secret}"\n',
        '"*.huggingface.co" = "{secret}"\n"huggingface.co" = "{secret}"\n',
        '"{hub}/models" = "{secret}"\n',
        '"{hub}/?a=b" = "{secret}"\n',
        '"{hub}#x" = "{secret}"\n',
        '"{hub}:port" = "{secret}"\n',
        '"https://me@huggingface.co" = "{secret}"\n',
        '"ftp://huggingface.co" = "{secret}"\n',
        '" {hub}" = "{secret}"\n',
        '"{hub}" = ' + "[" * 5000 + '"{secret}"',
    ],
)
def test_a_token_file_that_says_it_wrongly_is_told_without_its_content(
    text: str, tmp_path: Path, environ: dict[str, str]
) -> None:
    tokens(tmp_path, text.replace("{hub}", HUB).replace("{secret}", SECRET))
    assert "tokens.toml" in refusal(f"{HUB}/x", environ, tmp_path)
    assert authorization("https://example.org/x", environ, tmp_path) is None


def test_a_token_file_in_another_encoding_is_told(tmp_path: Path, environ: dict[str, str]) -> None:
    path = tokens(tmp_path, "")
    path.write_bytes(f'# caf\xe9\n"{HUB}" = "{SECRET}"\n'.encode("latin-1"))
    assert "UTF-8" in refusal(f"{HUB}/x", environ, tmp_path)


def test_netrc_is_asked_for_the_exact_machine_over_https(tmp_path: Path, environ: dict[str, str]) -> None:
    netrc(
        environ,
        f"machine Models.Example.org login me password {SECRET}\ndefault login any password {SECRET}\n",
    )
    assert authorization("https://models.example.org/x", environ, tmp_path) == basic("me", SECRET)
    assert authorization("https://models.example.org/x", environ, None) == basic("me", SECRET)
    for url in (
        "http://models.example.org/x",
        "https://example.org/x",
        "https://a.models.example.org/x",
        "https://models.example.org./x",
        "https://default/x",
    ):
        assert authorization(url, environ, tmp_path) is None, url


def test_a_token_of_the_origin_comes_before_netrc(tmp_path: Path, environ: dict[str, str]) -> None:
    netrc(environ, "machine huggingface.co login me password other")
    tokens(tmp_path, f'"{HUB}" = "{SECRET}"')
    assert authorization(f"{HUB}/x", environ, tmp_path) == f"Bearer {SECRET}"
    assert authorization(f"{HUB}:8443/x", environ, tmp_path) == basic("me", "other")


def test_netrc_may_be_somewhere_else(tmp_path: Path, environ: dict[str, str]) -> None:
    netrc(environ, "machine example.org login me password here")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("machine example.org login me password there")
    elsewhere.chmod(0o600)
    link = tmp_path / "link"
    link.symlink_to(elsewhere)
    for path in (elsewhere, link):
        assert authorization("https://example.org/", environ | {"NETRC": str(path)}, None) == basic(
            "me", "there"
        )
    for nothing in ("/dev/null", str(tmp_path / "nothing")):
        assert authorization("https://example.org/", environ | {"NETRC": nothing}, None) is None
    assert authorization("https://example.org/", environ | {"NETRC": ""}, None) == basic("me", "here")


def test_the_home_of_an_environment_without_one_is_the_users(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc(environ, "machine example.org login me password here")
    monkeypatch.setenv("HOME", environ["HOME"])
    assert authorization("https://example.org/", {}, None) == basic("me", "here")


def test_a_netrc_that_cannot_be_opened_matters_only_if_it_was_asked_for(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert "NETRC" in refusal("https://example.org/", environ | {"NETRC": str(loop)}, None)
    (Path(environ["HOME"]) / ".netrc").symlink_to(loop)
    assert authorization("https://example.org/", environ, None) is None


def test_an_open_netrc_is_not_used_for_whom_it_names(environ: dict[str, str]) -> None:
    netrc(environ, f"machine example.org login me password {SECRET}", 0o644)
    detail = refusal("https://example.org/x", environ, None)
    assert "netrc" in detail and "chmod 600" in detail
    assert authorization("https://other.example/x", environ, None) is None


@pytest.mark.parametrize(
    "text",
    [
        "machine example.org login me passwort {secret}",
        "machine example.org {secret}",
        "{secret} example.org",
        "machine example.org login me:you password {secret}",
    ],
)
def test_a_netrc_that_says_it_wrongly_is_told_without_its_content(text: str, environ: dict[str, str]) -> None:
    netrc(environ, text.replace("{secret}", SECRET))
    assert "netrc" in refusal("https://example.org/x", environ, None)
    assert authorization("https://other.example/x", environ, None) is None


def test_a_machine_without_login_and_password_is_none(environ: dict[str, str]) -> None:
    netrc(environ, "machine example.org\nmachine other.example login me\n# machine third.example\n")
    assert authorization("https://example.org/x", environ, None) is None
    assert authorization("https://other.example/x", environ, None) == basic("me", "")
    assert authorization("https://third.example/x", environ, None) is None


def test_what_netrc_holds_cannot_break_a_header(environ: dict[str, str]) -> None:
    netrc(environ, 'machine example.org login "me\r\nX- y" password "a\tb é"')
    found = authorization("https://example.org/x", environ, None)
    assert found is not None and found.isascii() and found.isprintable()


def test_no_descriptor_is_left_open(tmp_path: Path, environ: dict[str, str]) -> None:
    tokens(tmp_path, f'"{HUB}" = "{SECRET}"')
    netrc(environ, "machine example.org login me password x\nmachine bad.example nonsense")
    folder = Path("/dev/fd")
    before = len(list(folder.iterdir()))
    for url in (f"{HUB}/x", "https://example.org/x", "https://bad.example/x", "https://none.example/"):
        for config_dir in (tmp_path, None):
            try:
                authorization(url, environ, config_dir)
            except CredentialsRefused:
                assert "bad" in url or "example.org" in url
    assert len(list(folder.iterdir())) == before


def test_no_repr_shows_a_token(tmp_path: Path, environ: dict[str, str]) -> None:
    tokens(tmp_path, f'"{HUB}" = "{SECRET}"')
    assert authorization(f"{HUB}/x", environ, tmp_path) == f"Bearer {SECRET}"
    parsed = credentials._parsed(f'"{HUB}" = "{SECRET}"')
    assert SECRET not in repr(parsed) + str(parsed) + f"{parsed}" + repr(credentials._parsed)


def test_it_is_light() -> None:
    code = "import sys; before = set(sys.modules); import modelhubd.downloads.credentials as it\n"
    code += "print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"aiohttp", "aiosqlite", "asyncio", "netrc", "pycurl", "tomllib", "watchfiles"}
    assert "modelhubd.downloads.credentials" in done.stdout and not heavy & set(done.stdout.split())
