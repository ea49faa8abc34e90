"""Which TCP requests may pass the gate."""

import os
import socket

import pytest

from modelhubd.errors import Misdirected, NotAllowed
from modelhubd.web.callers import Gate, check_peer, peer_uid

GATE = Gate(port=7717, allow_origins=frozenset({"https://app.example", "http://localhost:3000"}))


@pytest.mark.parametrize("host", ["127.0.0.1:7717", "localhost:7717", "LOCALHOST:7717", "[::1]:7717"])
def test_a_loopback_name_with_our_port_passes(host: str) -> None:
    GATE.check(hosts=[host], origins=[], fetch_sites=[])


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        ["127.0.0.1"],
        ["127.0.0.1:7718"],
        ["evil.example:7717"],
        ["127.0.0.1.nip.io:7717"],
        ["localhost.:7717"],
        ["127.0.0.1:7717", "127.0.0.1:7717"],
        ["127.1:7717"],
        ["0.0.0.0:7717"],
        [""],
    ],
)
def test_any_other_host_is_misdirected(hosts: list[str]) -> None:
    with pytest.raises(Misdirected):
        GATE.check(hosts=hosts, origins=[], fetch_sites=[])


def test_on_port_80_the_port_may_be_left_out() -> None:
    Gate(port=80).check(hosts=["localhost"], origins=["http://localhost"], fetch_sites=[])


@pytest.mark.parametrize(
    "origin",
    ["http://127.0.0.1:7717", "http://localhost:7717", "https://app.example", "http://localhost:3000"],
)
def test_our_own_and_configured_origins_pass(origin: str) -> None:
    GATE.check(hosts=["127.0.0.1:7717"], origins=[origin], fetch_sites=[])


@pytest.mark.parametrize(
    "origins",
    [
        ["http://evil.example"],
        ["null"],
        ["http://localhost:5173"],
        ["https://127.0.0.1:7717"],
        ["https://app.example.evil.example"],
        ["https://app.example", "https://app.example"],
        [""],
    ],
)
def test_a_foreign_origin_is_refused(origins: list[str]) -> None:
    with pytest.raises(NotAllowed):
        GATE.check(hosts=["127.0.0.1:7717"], origins=origins, fetch_sites=[])


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything"])
def test_another_sites_page_is_refused_even_without_an_origin(site: str) -> None:
    with pytest.raises(NotAllowed):
        GATE.check(hosts=["127.0.0.1:7717"], origins=[], fetch_sites=[site])
    GATE.check(hosts=["127.0.0.1:7717"], origins=[], fetch_sites=[site], page_navigation=True)
    GATE.check(hosts=["127.0.0.1:7717"], origins=["https://app.example"], fetch_sites=[site])


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_our_own_page_and_the_address_bar_pass(site: str) -> None:
    GATE.check(hosts=["127.0.0.1:7717"], origins=[], fetch_sites=[site])


def test_the_peer_of_a_unix_socket_is_known_by_the_kernel() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert peer_uid(ours) == os.getuid()
        check_peer(ours)
