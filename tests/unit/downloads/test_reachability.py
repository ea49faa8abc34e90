"""Whether there is a network, without sending anything."""

import socket
import time
from typing import Any

import pytest

from modelhubd.downloads.reachability import has_network


def test_looking_for_a_route_takes_no_time() -> None:
    began = time.monotonic()
    has_network()
    assert time.monotonic() - began < 4


def test_a_machine_without_a_route_has_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    class Isolated(socket.socket):
        def connect(self, address: Any) -> None:
            raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket, "socket", Isolated)
    assert not has_network()
