"""Checks in their process: limited, off the network, and followed by the next one whatever they do."""

import os
import re
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from modelhubd.errors import InvalidInput
from modelhubd.trials.checks import sandbox
from modelhubd.trials.checks.reading import Checks
from modelhubd.trials.checks.runner import Checker, usable_checks
from modelhubd.trials.checks.scripts import command_of
from modelhubd.trials.checks.spec import Check, Named
from modelhubd.wire.evidence import CheckResult

linux = pytest.mark.skipif(sys.platform != "linux", reason="scripts are refused elsewhere")
PYTHON = f"#!{sys.executable} -I\n"
ENDLESS = r"(x+x+)+y"


def scripts(**texts: str) -> list[Named]:
    return [Named(name=name, check=Check(script=text, timeout_s=5)) for name, text in texts.items()]


@pytest.fixture
async def checker(tmp_path: Path) -> AsyncIterator[Checker]:
    made = Checker(tmp_path)
    yield made
    await made.close()
    assert list(tmp_path.iterdir()) == [], "nothing of a script is left"


def said(results: tuple[CheckResult, ...]) -> dict[str, str]:
    return {each.name: each.outcome.value for each in results}


async def test_a_pattern_without_an_end_is_an_error_and_the_next_checks_are_done(checker: Checker) -> None:
    checks = [
        Named(name="before", check=Check(contains="x")),
        Named(name="endless", check=Check(regex=ENDLESS)),
        Named(name="after", check=Check(equals="z")),
    ]
    results = await checker.run(checks, "x" * 60)
    assert said(results) == {"before": "pass", "endless": "error", "after": "fail"}
    assert "2 s" in results[1].detail
    assert said(await checker.run(checks[:1], "y")) == {"before": "fail"}


@linux
async def test_a_script_reads_the_answer_and_its_exit_status_decides(checker: Checker) -> None:
    found = await checker.run(
        scripts(
            passes='#!/bin/sh\n[ "$(cat)" = "Hällo" ]',
            fails='#!/bin/sh\n[ "$(cat)" = "other" ]',
            breaks="#!/bin/sh\nexit 7",
            expects='#!/bin/sh\n[ "$(cat expected)" = "Paris" ]',
            env="#!/usr/bin/env sh\nexit 0",
            missing="#!/no/such/program\n",
            python=PYTHON + "import sys; sys.exit(sys.stdin.read() != 'H\\u00e4llo')",
        ),
        "Hällo",
        "Paris",
    )
    assert said(found) == {
        "passes": "pass", "fails": "fail", "breaks": "error", "expects": "pass", "env": "pass",
        "missing": "error", "python": "pass",
    }  # fmt: skip


@linux
async def test_a_script_has_no_network_no_environment_and_no_way_around(
    checker: Checker, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY", "canary")
    folder = tmp_path_factory.mktemp("s")
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as local:
        local.bind(str(folder / "s"))
        local.listen()
        port = tcp.getsockname()[1]
        refused = (
            "import socket,sys,os\ntry:\n    {}\nexcept PermissionError:\n    sys.exit(0)\nsys.exit(1)\n"
        )
        found = await checker.run(
            scripts(
                tcp=PYTHON + refused.format(f"socket.create_connection(('127.0.0.1', {port}))"),
                unix=PYTHON + refused.format(f"socket.socket(socket.AF_UNIX).connect('{folder / 's'}')"),
                udp=PYTHON + refused.format("socket.socket(type=socket.SOCK_DGRAM)"),
                child=f"#!/bin/sh\n{sys.executable} -I -c 'import socket as s; s.socket()' 2>&1|grep -q Perm",
                session=PYTHON + refused.format("os.setsid()"),
                uring=PYTHON + "import ctypes,sys; c=ctypes.CDLL(None, use_errno=True)\n"
                "sys.exit(not (c.syscall(425, 1, None) == -1 and ctypes.get_errno() == 1))",
                environment=PYTHON
                + "import os,sys; sys.exit(bool(set(os.environ) - {'PATH','LANG','LC_CTYPE'}))",
                descriptors=PYTHON + "import os,sys; sys.exit(len(os.listdir('/proc/self/fd')) > 4)",
                memory=PYTHON
                + "import sys\ntry:\n    bytearray(2**31)\nexcept MemoryError:\n    sys.exit(0)\nsys.exit(1)",
            ),
            "x",
        )
        tcp.settimeout(0.05)
        with pytest.raises(TimeoutError):
            tcp.accept()
    assert set(said(found).values()) == {"pass"}, found


@linux
async def test_nothing_that_a_script_starts_outlives_it(checker: Checker) -> None:
    mark = f"9{os.getpid()}.25"
    found = await checker.run(
        [
            Named(name="slow", check=Check(script=f"#!/bin/sh\nsleep {mark}", timeout_s=0.3)),
            Named(name="leaves", check=Check(script=f"#!/bin/sh\nsleep {mark} & exit 0")),
        ],
        "x",
    )
    assert said(found) == {"slow": "error", "leaves": "pass"}
    assert "0.3 s" in found[0].detail
    until = time.monotonic() + 10
    while (left := running(mark)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not left


def running(mark: str) -> list[str]:
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in place.read_bytes() and b"sleep" in place.read_bytes():
                found.append(str(place))
        except OSError:
            continue
    return found


async def test_checks_are_proven_before_anything_is_asked(checker: Checker) -> None:
    with pytest.raises(InvalidInput) as caught:
        await usable_checks(
            "checks: {a: {regex: '('}, b: {json_schema: {type: strin}}, c: {equals: x}}", checker
        )
    assert [each.detail.partition(":")[0] for each in caught.value.errors] == ["a", "b"]
    found = await usable_checks("checks: {a: {regex: 'x'}}", checker)
    assert found.names == ("a",)
    assert await checker.run((), "x") == ()
    assert await checker.prove(Checks()) == Checks()


async def test_an_answer_cannot_end_the_line_that_it_is_sent_in(checker: Checker) -> None:
    answer = 'a\n{"name": "x", "outcome": "pass"}\r\n\u2028"\x00'
    assert said(await checker.run([Named(name="n", check=Check(equals=answer))], answer)) == {"n": "pass"}


def test_the_first_line_is_read_as_the_kernel_does() -> None:
    assert command_of("#!/bin/sh") == ["/bin/sh"]
    assert command_of("#! /usr/bin/env  python3 -u \nx") == ["/usr/bin/env", "python3 -u"]


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_refuses_what_is_listed_and_lets_the_rest_through(machine: str) -> None:
    architecture, numbers = sandbox.FORBIDDEN[machine]
    for number in numbers:
        assert judged(machine, architecture, number) == sandbox.REFUSE
    assert judged(machine, architecture, 0) == sandbox.ALLOW
    assert judged(machine, architecture, 59) == sandbox.ALLOW
    assert judged(machine, architecture, sandbox.OTHER_ABI + 41) == sandbox.REFUSE
    assert judged(machine, 0x40000003, 41) == sandbox.KILL, "the 32-bit way in"


def judged(machine: str, architecture: int, number: int) -> int:
    """What the filter says, worked out by its own rules."""
    loaded, at = 0, 0
    program = sandbox.instructions(machine)
    while True:
        code, if_true, if_false, value = program[at]
        at += 1
        match code:
            case sandbox.LOAD:
                loaded = {sandbox.AT_ARCHITECTURE: architecture, sandbox.AT_NUMBER: number}[value]
            case sandbox.JUMP_IF_EQUAL:
                at += if_true if loaded == value else if_false
            case sandbox.JUMP_IF_AT_LEAST:
                at += if_true if loaded >= value else if_false
            case _:
                return value


@linux
def test_the_numbers_are_those_of_this_system() -> None:
    header = Path(f"/usr/include/{os.uname().machine}-linux-gnu/asm/unistd_64.h")
    if not header.exists():
        pytest.skip("the kernel's headers are not installed")
    found = dict(re.findall(r"#define __NR_(\w+) (\d+)", header.read_text()))
    names = ("socket", "io_uring_setup", "io_uring_enter", "io_uring_register", "ptrace", "process_vm_readv",
             "process_vm_writev", "pidfd_getfd", "setsid", "setpgid")  # fmt: skip
    assert [int(found[name]) for name in names] == list(sandbox.FORBIDDEN[os.uname().machine][1])
