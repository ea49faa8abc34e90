"""Processes of their own: several on one PostgreSQL, and the commands beside them."""

import shutil
from pathlib import Path

import aiohttp
import pytest

from tests.fakes.registry import Person
from tests.fakes.registry_process import RegistryProcess, registry_process
from tests.fakes.registry_template import Place, copied_place
from tests.fakes.tuf_client import Client, Fetcher

pytestmark = pytest.mark.timeout(300)
"""Each starts half a dozen programs, one after the other."""


async def test_two_processes_on_one_postgresql_serve_the_same_bytes(tmp_path: Path) -> None:
    with (
        copied_place("postgresql", tmp_path / "one") as place,
        registry_process(place.state_dir, place.url) as one,
    ):
        url = place.url
        shutil.copytree(tmp_path / "one" / "keys", tmp_path / "two" / "keys")
        (tmp_path / "two").chmod(0o700)
        token = place.tokens["admin"]
        with registry_process(tmp_path / "two", url) as two:
            async with aiohttp.ClientSession() as session:
                first = Person(url=one.url, token=token, session=session)
                second = Person(url=two.url, token=token, session=session)
                for number, person in enumerate((first, second, first)):
                    made = await person.post("/publishers", {"name": f"p{number}"})
                    assert made.status == 201, made.body
                    suspended = {"status": "suspended", "reason": "a test"}
                    assert (await person.patch(f"/publishers/p{number}", suspended)).status == 200
                    own = await person.get("/catalog")
                    assert f"p{number}" in {one["name"] for one in own.json["publishers"]}
                    other = await _same(second if person is first else first, "/catalog", own.headers["ETag"])
                    assert other.body == own.body
                timestamp = await first.get("/tuf/timestamp.json")
                assert (await _same(second, "/tuf/timestamp.json", timestamp.headers["ETag"])).body == (
                    timestamp.body
                )


async def test_what_one_process_revokes_the_other_one_refuses(tmp_path: Path) -> None:
    with (
        copied_place("postgresql", tmp_path / "one") as place,
        registry_process(place.state_dir, place.url) as one,
    ):
        shutil.copytree(tmp_path / "one" / "keys", tmp_path / "two" / "keys")
        (tmp_path / "two").chmod(0o700)
        with registry_process(tmp_path / "two", place.url) as two:
            async with aiohttp.ClientSession() as session:
                admin = Person(url=one.url, token=place.tokens["admin"], session=session)
                for number in range(20):
                    wanted = {"principal": f"p{number}", "scopes": ["read"], "expires_in_s": 3600}
                    made = (await admin.post("/tokens", wanted)).json
                    person = Person(url=two.url, token=made["token"], session=session)
                    assert (await person.get("/me")).status == 200
                    assert (await admin.delete(f"/tokens/{made['info']['id']}")).status == 204
                    assert (await person.get("/me")).status == 401


async def _same(person: Person, path: str, tag: str):  # type: ignore[no-untyped-def]
    """The answer, once this process has heard of the release that another one made."""
    for _ in range(200):
        answer = await person.get(path)
        if answer.headers["ETag"] == tag:
            return answer
    raise AssertionError(f"{path} is never the same")


async def test_the_commands_replace_keys_while_the_service_runs(tmp_path: Path, database_url: str) -> None:
    prepared = RegistryProcess(tmp_path / "state", database_url)
    offline = tmp_path / "offline"
    words = [
        secret_file(tmp_path / f"words-{number}", f"five words of person {number}") for number in (1, 2, 3)
    ]
    made = prepared.command(
        "keys", "init", "--offline", str(offline), "--root-keys", "3", "--threshold", "2",
        *(f"--passphrase-file={file}" for file in words),
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert "not encrypted" not in made.stderr
    assert "Move the root keys to disks that are not connected" in made.stderr
    first, second, third = sorted(offline.glob("root-*.pem"))
    with registry_process(tmp_path / "state", database_url) as running:
        assert not (tmp_path / "state" / "offline-root").exists()
        root = running.command("keys", "root", "--first").stdout.strip().encode()
        token = running.create_admin()
        client = Client(tmp_path / "client", running.url, root, Fetcher(token))
        before = await client.refresh()
        closed = running.command("keys", "rotate", "--root-key", str(first))
        assert (closed.returncode, "no terminal" in closed.stderr) == (1, True), closed.stderr
        refused = running.command("keys", "rotate", f"--root-key={first}", f"--passphrase-file={words[0]}")
        assert refused.returncode == 1
        assert "needs 2 root keys" in refused.stderr
        done = running.command(
            "keys", "recover", "--root-key", str(second), "--root-key", str(third),
            f"--passphrase-file={words[2]}", f"--passphrase-file={words[1]}",
            "--beyond-version", str(2**60), "--beyond-revision", "5000",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "No signature" not in done.stderr + running.log, "two of three sign, and that is enough"
        async with aiohttp.ClientSession() as session:
            admin = Person(url=running.url, token=token, session=session)
            await _settled(admin, "2.root.json")
            assert (await admin.post("/publishers", {"name": "later"})).status == 201
        assert (await client.refresh()).revision > 5000 > before.revision


async def test_the_commands_move_a_registry(tmp_path: Path, place: Place) -> None:
    with registry_process(place.state_dir, place.url) as running:
        exported = running.command("export", str(tmp_path / "export"), "--with-tokens")
        assert exported.returncode == 0, exported.stderr
        backed = running.command("backup", str(tmp_path / "backup"))
        assert backed.returncode == 0, backed.stderr
    other = RegistryProcess(tmp_path / "other")
    imported = other.command("import", str(tmp_path / "export"))
    assert imported.returncode == 0, imported.stderr
    assert imported.stdout == exported.stdout
    shutil.copytree(tmp_path / "state" / "keys", tmp_path / "other" / "keys")
    with registry_process(tmp_path / "other") as moved:
        client = Client(tmp_path / "client", moved.url, place.first_root, Fetcher(place.tokens["reader"]))
        assert (await client.refresh()).registry == "registry.test"


def test_a_command_on_a_folder_without_a_registry_makes_none(tmp_path: Path) -> None:
    nothing = RegistryProcess(tmp_path / "state")
    for arguments in (
        ("keys", "root"),
        ("export", str(tmp_path / "export")),
        ("backup", str(tmp_path / "b")),
    ):
        done = nothing.command(*arguments)
        assert done.returncode == 1, done.stdout
        assert "There is no" in done.stderr
    assert not (tmp_path / "state" / "registry.db").exists()


def secret_file(path: Path, text: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(f"{text}\n")
    return path


async def _settled(person: Person, name: str) -> None:
    for _ in range(500):
        if (await person.get(f"/tuf/{name}")).status == 200:
            return
    raise AssertionError(f"{name} never comes")
