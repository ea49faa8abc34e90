"""The service manager's protocols, against real sockets."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhubd.errors import CannotStart
from modelhubd.notify import activated_sockets, ping_watchdog, sd_notify, watchdog_interval_s


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5)
        yield listening


def environment(manager: socket.socket) -> dict[str, str]:
    return {"NOTIFY_SOCKET": manager.getsockname()}


def test_the_service_manager_is_told(manager: socket.socket) -> None:
    assert sd_notify("READY=1", environment(manager))
    assert manager.recv(100) == b"READY=1"


@pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's")
def test_a_service_manager_on_an_abstract_socket_is_told() -> None:
    name = f"modelhub-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name}")
        listening.settimeout(5)
        assert sd_notify("READY=1", {"NOTIFY_SOCKET": f"@{name}"})
        assert listening.recv(100) == b"READY=1"


def test_nobody_is_told_where_there_is_no_service_manager() -> None:
    assert not sd_notify("READY=1", {})
    assert not sd_notify("READY=1", {"NOTIFY_SOCKET": ""})


def test_a_service_manager_that_is_gone_stops_nothing(tmp_path: Path) -> None:
    assert not sd_notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "gone")})


@pytest.mark.parametrize(
    ("environ", "interval_s"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_signs_of_life_come_twice_as_often_as_asked(
    environ: dict[str, str], interval_s: float | None
) -> None:
    assert watchdog_interval_s(environ, pid=7) == interval_s


async def test_the_watchdog_hears_from_the_event_loop(manager: socket.socket) -> None:
    environ = environment(manager) | {"WATCHDOG_USEC": "40000"}
    pinging = asyncio.create_task(ping_watchdog(environ))
    heard = [await asyncio.to_thread(manager.recv, 100) for _ in range(3)]
    pinging.cancel()
    await asyncio.gather(pinging, return_exceptions=True)
    assert heard == [b"WATCHDOG=1"] * 3


async def test_no_watchdog_is_no_task() -> None:
    await asyncio.wait_for(ping_watchdog({}), 20)


def hand_over(code: str, *, make: str, announce: str = "str(os.getpid())", count: str = "1") -> str:
    """What `code` prints in a process that has the socket `make` as its descriptor 3."""
    program = f"""
import os, socket, sys
made = {make}
os.dup2(made.fileno(), 3)
if made.fileno() != 3: made.close()
os.set_inheritable(3, True)
os.environ["LISTEN_PID"] = {announce}
os.environ["LISTEN_FDS"] = {count!r}
from modelhubd.errors import CannotStart
from modelhubd.notify import activated_sockets
environ = dict(os.environ)
{code}
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True
    )
    return done.stdout.strip()


LISTENING = "socket.socket(socket.AF_UNIX); made.bind('\\0modelhub-%d' % os.getpid()); made.listen()"
TAKE = """
try:
    taken = activated_sockets(environ, os.getpid())
except CannotStart as error:
    print("refused:", error)
else:
    print(len(taken), [one.family.name for one in taken], [os.get_inheritable(one.fileno()) for one in taken],
          [name for name in (*environ, *os.environ) if name.startswith("LISTEN_")])
"""


def test_the_socket_that_was_made_for_us_is_taken_and_announced_to_no_child() -> None:
    assert hand_over(TAKE, make=LISTENING) == "1 ['AF_UNIX'] [False] []"


def test_a_socket_made_for_another_process_is_left_alone() -> None:
    assert hand_over(TAKE, make=LISTENING, announce="'1'") == "0 [] [] []"


@pytest.mark.parametrize(
    "make",
    [
        "socket.create_server(('127.0.0.1', 0))",
        "socket.socket(socket.AF_UNIX)",
        "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)",
        "open(os.devnull)",
    ],
)
def test_anything_but_a_listening_unix_socket_is_refused(make: str) -> None:
    assert hand_over(TAKE, make=make).startswith("refused: The service manager")


def test_sockets_that_are_announced_and_not_there_are_refused() -> None:
    assert hand_over(TAKE, make=LISTENING, count="3").startswith("refused: The service manager announced")


@pytest.mark.parametrize("count", ["", "x", "-1"])
def test_a_count_that_is_none_is_no_socket(count: str) -> None:
    assert activated_sockets({"LISTEN_PID": "7", "LISTEN_FDS": count}, 7) == []


def test_too_many_sockets_are_refused() -> None:
    with pytest.raises(CannotStart, match="takes one"):
        activated_sockets({"LISTEN_PID": "7", "LISTEN_FDS": "900"}, 7)
