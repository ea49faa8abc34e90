"""The program `modelhub-registry` as people start it."""

import contextlib
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
import sqlalchemy as sa

from modelhubd.registry.access import parse_token
from modelhubd.registry.database import Database
from modelhubd.registry.migrate import newest
from modelhubd.registry.schema import token
from tests import forked
from tests.fakes.postgres import fresh_database
from tests.fakes.registry import Person
from tests.fakes.registry_process import RegistryProcess, registry_process


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def program(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RegistryProcess]:
    """One that runs, on either database, and is no more than started."""
    folder = tmp_path_factory.mktemp("program")
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(fresh_database()) if request.param == "postgresql" else ""
        with forked.by_command():
            running = stack.enter_context(registry_process(folder / "state", database))
        yield running


async def test_there_is_no_default_credential(program: RegistryProcess) -> None:
    url = program.environ.get("MODELHUB_REGISTRY_DATABASE", f"sqlite:///{program.state_dir / 'registry.db'}")
    async with Database.open(url) as database, database.reading() as connection:
        assert (await connection.execute(sa.select(token))).all() == []
    assert "mhr_" not in program.log


def test_nobody_else_reads_what_it_keeps(program: RegistryProcess) -> None:
    kept = [program.state_dir, *program.state_dir.rglob("*")]
    open_to_others = [path.name for path in kept if path.stat().st_mode & 0o077]
    assert (len(kept) > 8, open_to_others) == (True, [])


async def test_one_command_runs_it_and_another_makes_the_first_token_meanwhile(
    program: RegistryProcess,
) -> None:
    with forked.by_command():
        token = program.create_admin()
    assert parse_token(token) is not None
    async with aiohttp.ClientSession() as session:
        admin = Person(url=program.url, token=token, session=session)
        me = (await admin.get("/me")).json
        assert (me["principal"], me["scopes"]) == ("admin", ["admin"])
    assert token not in program.log


async def test_a_token_can_be_made_before_the_service_ever_ran(tmp_path: Path, database_url: str) -> None:
    stopped = RegistryProcess(tmp_path / "state", database_url)
    token = stopped.create_admin()
    with registry_process(tmp_path / "state", database_url) as running:
        async with aiohttp.ClientSession() as session:
            admin = Person(url=running.url, token=token, session=session)
            assert (await admin.get("/me")).status == 200


def test_it_listens_to_other_machines_only_with_tls_or_behind_a_proxy(tmp_path: Path) -> None:
    stopped = RegistryProcess(tmp_path / "state", "", "--host", "0.0.0.0")
    assert stopped.spawn().wait(30) == 1
    assert "tls_cert" in stopped.log
    assert not (tmp_path / "state" / "registry.db").exists()
    with registry_process(tmp_path / "state", "", "--host", "0.0.0.0", "--behind-proxy") as running:
        assert running.process is not None


def test_migrate_says_what_form_the_database_has(tmp_path: Path, database_url: str) -> None:
    done = RegistryProcess(tmp_path / "state", database_url).command("migrate")
    assert (done.returncode, done.stdout) == (0, f"modelhub-registry: the database has form {newest()}\n"), (
        done.stderr
    )


def test_a_database_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    stopped = RegistryProcess(tmp_path / "state")
    assert stopped.command("migrate").returncode == 0
    path = tmp_path / "state" / "registry.db"
    path.chmod(0o644)
    assert stopped.command("migrate").returncode == 0
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_database_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    stopped = RegistryProcess(tmp_path / "state")
    assert stopped.command("migrate").returncode == 0
    path = tmp_path / "state" / "registry.db"
    database = sqlite3.connect(path)
    database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.commit()
    before = list(database.iterdump())
    database.close()
    assert stopped.spawn().wait(30) == 1
    assert "newer modelhub-registry has migrated it" in stopped.log
    database = sqlite3.connect(path)
    assert list(database.iterdump()) == before
    database.close()


def test_nobody_is_asked_for_passphrases_of_keys_that_cannot_be_kept(tmp_path: Path) -> None:
    prepared = RegistryProcess(tmp_path / "state")
    disk = tmp_path / "disk"
    disk.mkdir(mode=0o755)
    init = ("keys", "init", "--offline", str(disk), "--encrypt")
    refused = prepared.command(*init)
    assert (refused.returncode, "can be read by others" in refused.stderr) == (1, True), refused.stderr
    disk.chmod(0o700)
    assert "no terminal" in prepared.command(*init).stderr
    assert prepared.command(*init[:-1]).returncode == 0
    refused = prepared.command(*init)
    assert (refused.returncode, "keys rotate" in refused.stderr) == (1, True), refused.stderr


def test_wrong_settings_are_named(tmp_path: Path) -> None:
    stopped = RegistryProcess(tmp_path / "state")
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "registry.toml").write_text("prot = 1\n")
    done = stopped.command("migrate")
    assert done.returncode == 1
    assert "registry.toml sets prot" in done.stderr
    assert stopped.command("migrate", "--database", "mysql://x/y").returncode == 1
    assert stopped.command("nothing").returncode == 2


def test_a_signal_ends_it_cleanly(tmp_path: Path) -> None:
    with registry_process(tmp_path / "state") as running:
        assert running.process is not None
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(15) == 0
        assert "stopped" in running.log
