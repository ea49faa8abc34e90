"""However many connect and say nothing, the process keeps files to open."""

import contextlib
import resource
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelhubd.errors import CannotStart
from modelhubd.web.listening import bounded, loopback_socket, most_connections, unix_socket

Maker = Callable[[contextlib.ExitStack, Path], socket.socket]


def ours(stack: contextlib.ExitStack, folder: Path) -> socket.socket:
    return stack.enter_context(unix_socket(folder / "s"))


def tcp(stack: contextlib.ExitStack, folder: Path) -> socket.socket:
    return stack.enter_context(loopback_socket(0))


def handed_over(stack: contextlib.ExitStack, folder: Path) -> socket.socket:
    plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    plain.bind(str(folder / "s"))
    plain.listen(512)
    return stack.enter_context(bounded(plain))


@pytest.fixture
def few_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("few_files")
@pytest.mark.parametrize("made", [ours, tcp, handed_over])
def test_whoever_comes_beyond_the_bound_is_turned_away_until_others_leave(
    made: Maker, tmp_path: Path
) -> None:
    with contextlib.ExitStack() as stack:
        listening = made(stack, tmp_path)

        def connect() -> socket.socket:
            client = stack.enter_context(socket.socket(listening.family, socket.SOCK_STREAM))
            client.connect(listening.getsockname())
            return client

        listening.setblocking(True)
        most = most_connections()
        for _ in range(most):
            connect()
        accepted = [stack.enter_context(listening.accept()[0]) for _ in range(most)]
        turned_away = connect()
        with pytest.raises(ConnectionAbortedError):
            listening.accept()
        assert turned_away.recv(1) == b""
        accepted[0].close()
        connect()
        stack.enter_context(listening.accept()[0])


@pytest.mark.parametrize(
    ("files", "most"), [(100, 64), (1024, 256), (10**6, 512), (resource.RLIM_INFINITY, 512)]
)
def test_the_bound_follows_the_files_a_process_may_open(
    monkeypatch: pytest.MonkeyPatch, files: int, most: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (files, files))
    assert most_connections() == most


def test_a_socket_left_by_a_daemon_that_died_is_replaced_and_anything_else_is_not(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "s"))
    with unix_socket(tmp_path / "s") as listening:
        assert listening.getsockname() == str(tmp_path / "s")
    assert not (tmp_path / "s").exists()
    (tmp_path / "s").write_text("mine")
    with pytest.raises(CannotStart, match="in the way"), unix_socket(tmp_path / "s"):
        pass
    assert (tmp_path / "s").read_text() == "mine"
