"""A fork is what the program would have been by its command (docs/decisions/0052)."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests import forked
from tests.running import running_daemon, still_running

PORTRAIT = "tests.fakes.self_portrait"
pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="nothing is forked here")


def environ(**more: str) -> dict[str, str]:
    return {name: os.environ[name] for name in forked.INHERITED if name in os.environ} | more


def said(program: "subprocess.Popen[bytes]", output: Path) -> tuple[int, str]:
    return program.wait(20), output.read_text()


def both(tmp_path: Path, *arguments: str, **more: str) -> tuple[tuple[int, str], tuple[int, str]]:
    """How a fork and an ordinary process end, and what they said."""
    found = []
    for begin in (forked.start, forked.start_by_command):
        given, output = tmp_path / "given", tmp_path / begin.__name__
        given.write_text("three\nlines\nof it")
        with given.open("rb") as stdin, output.open("wb") as stdout:
            program = begin(PORTRAIT, arguments, environ(**more), stdin=stdin, stdout=stdout)
        assert isinstance(program, forked.Forked) == (begin is forked.start)
        found.append(said(program, output))
    return found[0], found[1]


def test_it_finds_what_it_would_have_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code, fork), (_, ordinary) = both(tmp_path, "a", "b c", SOMETHING="else", PYTHONUNBUFFERED="1")
    assert code == 0, fork
    assert json.loads(fork) == json.loads(ordinary)
    assert json.loads(fork)["given"] == "three\nlines\nof it"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    before, heard = resource.getrlimit(resource.RLIMIT_NOFILE), signal.getsignal(signal.SIGINT)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, before[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    (tmp_path / "elsewhere" / "tests").symlink_to(Path(__file__).parent.parent)
    try:
        (_, fork), (_, ordinary) = both(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        signal.signal(signal.SIGINT, heard)
    assert json.loads(fork) == json.loads(ordinary)
    assert json.loads(fork)["limits"]["RLIMIT_NOFILE"][0] == 200


@pytest.mark.parametrize(
    ("ending", "code"),
    [(("exit", "7"), 7), (("raise",), 1), (("signal",), -signal.SIGTERM), (("say", "it"), 0)],
    ids=str,
)
def test_it_ends_as_it_would_have_ended(tmp_path: Path, ending: tuple[str, ...], code: int) -> None:
    fork, ordinary = both(tmp_path, *ending)
    assert fork[0] == ordinary[0] == code
    assert sorted(fork[1].splitlines()[-2:]) == sorted(ordinary[1].splitlines()[-2:])


def test_signals_reach_it_and_waiting_for_it_has_a_limit(tmp_path: Path) -> None:
    with (tmp_path / "output").open("wb") as output:
        program = forked.start(PORTRAIT, ["wait"], environ(), stdout=output)
    assert program.poll() is None
    began = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        program.wait(0.1)
    assert time.monotonic() - began >= 0.1
    program.kill()
    assert program.wait(20) == program.poll() == -signal.SIGKILL
    program.kill()


def test_what_it_says_is_told_apart() -> None:
    done = forked.run(PORTRAIT, ["say", "it"], environ())
    assert (done.returncode, done.stdout, done.stderr) == (0, "it\n", "and this\n")
    with pytest.raises(subprocess.TimeoutExpired):
        forked.run(PORTRAIT, ["wait"], environ(), within_s=0.1)


@pytest.mark.parametrize("variable", ["PYTHONOPTIMIZE", "LC_ALL", "TZ", "LD_PRELOAD", "SSL_CERT_FILE"])
def test_what_counts_at_birth_is_no_fork(variable: str, tmp_path: Path) -> None:
    value = {"LC_ALL": "C.UTF-8", "TZ": "Asia/Tokyo"}.get(variable, "")
    with (tmp_path / "output").open("wb") as output:
        program = forked.start(PORTRAIT, (), environ(**{variable: value}), stdout=output)
    assert not isinstance(program, forked.Forked)
    assert program.wait(20) == 0


def test_a_daemon_is_one_and_its_very_start_is_none_where_it_counts(home: Path) -> None:
    with running_daemon(home) as daemon:
        assert isinstance(daemon.process, forked.Forked)
    with forked.by_command(), running_daemon(home) as daemon:
        assert not isinstance(daemon.process, forked.Forked)


ASKING = f"""
import os, sys, time
from tests import forked
with open(os.devnull, "wb") as output:
    program = forked.start({PORTRAIT!r}, ["wait"], dict(os.environ), stdout=output)
assert isinstance(program, forked.Forked)
print(*forked.mothers(), program.pid, flush=True)
time.sleep(60)
"""


def test_a_mother_ends_with_whoever_asked_however_that_ends() -> None:
    asking = subprocess.Popen(
        [sys.executable, "-c", ASKING], stdout=subprocess.PIPE, text=True, env=environ(PYTEST_VERSION="9")
    )
    assert asking.stdout is not None
    mother, fork = map(int, asking.stdout.readline().split())
    seen = psutil.Process(mother)
    asking.kill()
    asking.communicate()
    assert not still_running([seen], within_s=20)
    orphan = psutil.Process(fork)
    assert orphan.is_running(), "as any program would"
    orphan.kill()
