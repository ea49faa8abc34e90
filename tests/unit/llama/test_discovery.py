"""Builds are found in order and asked once; what is wrong with one is told."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from modelhubd.errors import Conflict
from modelhubd.llama import discovery as discovery_module
from modelhubd.llama.admission import usable_build
from modelhubd.llama.builds import MINIMUM_BUILD, OTHER_IS_CONFIGURED
from modelhubd.llama.discovery import Discovery, candidates
from modelhubd.wire.device import LlamaBuild
from tests.fakes.llama_options import HELP
from tests.fakes.llama_server import install

SHELL = {"PATH": "/bin:/usr/bin"}


def script(program: Path, text: str) -> Path:
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return program


def told(folder: Path, version: str = "version: 9000 (abc)") -> Path:
    """A program that notes that it was asked, and answers as a build of 2024 with this version does."""
    (folder / "help").write_text(HELP["2024"])
    return script(
        folder / "llama-server",
        f'echo "$1" >>{folder}/asked\n'
        f'case $1 in --version) echo "{version}" >&2;; *) cat {folder}/help;; esac',
    )


async def about(binary: Path | str, path: str = "") -> list[LlamaBuild]:
    found = await Discovery(str(binary), {"PATH": path}).builds()
    return [build.about for build in found]


def test_builds_are_looked_for_in_order_and_a_file_counts_once(tmp_path: Path) -> None:
    mine, other = script(tmp_path / "a/llama-server", ""), script(tmp_path / "b/llama-server", "")
    (tmp_path / "link").symlink_to(other)

    def origins(binary: str, path: Path) -> list[str]:
        return [candidate.origin for candidate in candidates(binary, {"PATH": str(path)})]

    assert origins("", tmp_path / "nothing") == ["builtin"]
    assert origins("", mine.parent) == ["path", "builtin"]
    assert origins(str(mine), other.parent) == ["configured", "path", "builtin"]
    assert origins(str(tmp_path / "link"), other.parent) == ["configured", "builtin"]


async def test_several_builds_are_listed_each_with_its_version(tmp_path: Path) -> None:
    old, new = install(tmp_path / "a", "2024"), install(tmp_path / "b", "2026")
    found = await about(old, str(new.parent))
    assert [(build.origin, build.build, build.usable) for build in found[:2]] == [
        ("configured", 4404, True), ("path", 10964, True),
    ]  # fmt: skip
    assert found[2].origin == "builtin"
    assert found[2].usable and found[2].build is not None


async def test_a_missing_binary_is_told_and_not_replaced(tmp_path: Path) -> None:
    builds = await Discovery(str(tmp_path / "gone"), {}).builds()
    first, wheel = (build.about for build in builds)
    assert (first.usable, first.reason) == (False, "There is no such file.")
    assert (wheel.usable, wheel.reason) == (False, OTHER_IS_CONFIGURED)
    assert wheel.build is not None
    with pytest.raises(Conflict, match=r"configured: There is no such file.*llama\.binary") as refused:
        usable_build(builds)
    assert refused.value.code == "binary_missing"


async def test_a_build_that_is_too_old_is_told_so_and_passed_over(tmp_path: Path) -> None:
    told(tmp_path, "version: 3000 (abc)")
    builds = await Discovery("", {"PATH": f"{tmp_path}:/bin:/usr/bin"}).builds()
    old = builds[0].about
    assert (old.origin, old.version, old.build, old.usable) == ("path", "3000", 3000, False)
    assert old.reason is not None
    assert str(MINIMUM_BUILD) in old.reason
    assert usable_build(builds).about.origin == "builtin"
    with pytest.raises(Conflict, match=f"path: It is build 3000.*{MINIMUM_BUILD} or newer"):
        usable_build(builds[:1])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("echo hello", "It does not answer --help as llama-server does."),
        ("echo 'x: error while loading shared libraries: libcuda.so.1' >&2; exit 127", "libcuda.so.1"),
        ("kill -9 $$", "It ended with signal 9."),
    ],
)
async def test_a_program_that_fails_is_told_why(tmp_path: Path, text: str, reason: str) -> None:
    [build, _] = await about(script(tmp_path / "llama-server", text), "/bin:/usr/bin")
    assert not build.usable
    assert build.reason is not None
    assert reason in build.reason


async def test_a_file_that_is_no_program_is_told_so(tmp_path: Path) -> None:
    program = tmp_path / "llama-server"
    program.write_text("not a program")
    [closed, _] = await about(program)
    assert closed.reason is not None
    assert closed.reason.startswith("It cannot be run: ")
    program.write_bytes(b"\x7fELF" + bytes(99))
    program.chmod(0o755)
    [broken, _] = await about(program)
    assert broken.reason is not None
    assert "xec format" in broken.reason


async def test_a_program_is_asked_again_only_when_its_file_has_changed(tmp_path: Path) -> None:
    discovery = Discovery(str(told(tmp_path, "version: 5001 (abc)")), SHELL)
    assert [(await discovery.builds())[0].about.build for _ in range(3)] == [5001, 5001, 5001]
    assert sorted((tmp_path / "asked").read_text().split()) == ["--help", "--version"]
    program = tmp_path / "llama-server"
    before = program.stat()
    for version, times in ((500022, (before.st_atime, before.st_mtime)), (500033, (1, 1))):
        told(tmp_path, f"version: {version} (abc)")
        os.utime(program, times)
        assert (await discovery.builds())[0].about.build == version


async def test_whoever_asks_at_the_same_time_waits_for_one_answer(tmp_path: Path) -> None:
    discovery = Discovery(str(told(tmp_path)), SHELL)
    await asyncio.gather(*(discovery.builds() for _ in range(5)))
    assert len((tmp_path / "asked").read_text().split()) == 2, (
        "no device is asked for where none can be listed"
    )


async def test_a_program_that_did_not_answer_in_time_is_asked_again_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    discovery = Discovery(str(script(tmp_path / "llama-server", f"cat {tmp_path}/usage")), SHELL)
    assert not (await discovery.builds())[0].about.usable
    (tmp_path / "usage").write_text(HELP["2025"])
    assert not (await discovery.builds())[0].about.usable, "not at once: a load would wait for it each time"
    monkeypatch.setattr(discovery_module, "ASK_AGAIN_S", 0)
    assert (await discovery.builds())[0].about.usable


async def test_a_broken_program_that_is_not_needed_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery_module, "ASK_AGAIN_S", 0)
    script(tmp_path / "llama-server", f"echo x >>{tmp_path}/asked; exit 1")
    discovery = Discovery("", {"PATH": f"{tmp_path}:/bin:/usr/bin"})
    for _ in range(3):
        assert [build.about.usable for build in await discovery.builds()] == [False, True]
    assert len((tmp_path / "asked").read_text().split()) == 2


async def test_a_build_that_is_set_aside_is_not_asked_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery_module, "ASK_AGAIN_S", 0)
    told(tmp_path)
    discovery = Discovery(str(tmp_path / "gone"), {"PATH": f"{tmp_path}:/bin:/usr/bin"})
    for _ in range(3):
        assert (await discovery.builds())[1].about.reason == OTHER_IS_CONFIGURED
    assert len((tmp_path / "asked").read_text().split()) == 2


async def test_what_is_asked_inherits_no_option(tmp_path: Path) -> None:
    program = script(tmp_path / "llama-server", f"env >>{tmp_path}/env; exit 1")
    await Discovery(str(program), SHELL | {"LLAMA_ARG_MODEL": "x", "HF_TOKEN": "y"}).builds()
    found = (tmp_path / "env").read_text()
    assert "PATH=" in found
    assert not [word for word in ("LLAMA_", "HF_TOKEN") if word in found]


def test_looking_for_the_wheel_does_not_load_it() -> None:
    """Its native library would be mapped into the daemon, and would make it start late."""
    looked = (
        "import sys; from modelhubd.llama.discovery import candidates; import modelhubd.llama.service;"
        "assert [found.origin for found in candidates('', {})] == ['builtin'];"
        "assert not {'xllamacpp', 'modelhubd.llama.builtin'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", looked], check=True, timeout=60, env=dict(os.environ))
