"""What llama.cpp itself says that a load takes: `llama-fit-params -fitp on`, which allocates nothing.

It is the program of that name in the folder of the llama-server that would load the model, and no other. It
prints, for each device and for the main memory, the MiB of weights, context and compute buffers, rounded
down; projectors are not among them. Source: tools/fit-params and common/fit.cpp of llama.cpp b11434.
"""

import asyncio
import os
import re
import stat
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import msgspec

from modelhubd.llama.command import INHERITED
from modelhubd.llama.discovery import PROGRAM as SERVER
from modelhubd.llama.discovery import Build
from modelhubd.llama.process import Process
from modelhubd.tasks import TaskOwner
from modelhubd.wire.servers import LoadSettings

PROGRAM = "llama-fit-params"
HOST = "Host"
ASK_S = 10.0
ANSWER_BYTES = 64 * 1024
KEPT = 64
DEVICES_MAX = 64
MIB = 1024 * 1024
_LINE = re.compile(r"([A-Za-z][A-Za-z0-9_.:-]{0,63}) ([0-9]{1,9}) ([0-9]{1,9}) ([0-9]{1,9}) ?", re.ASCII)


class DeviceFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes on one device, as llama-fit-params tells them; `Host` is the main memory."""

    device: str
    model_bytes: int
    context_bytes: int
    compute_bytes: int

    @property
    def total_bytes(self) -> int:
        return self.model_bytes + self.context_bytes + self.compute_bytes


class FitParams:
    """Asks once for each file and settings; the last answers are kept."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = {"HOME": "/"} | {key: environ[key] for key in INHERITED if environ.get(key)}
        self._known: OrderedDict[tuple[object, ...], tuple[DeviceFigures, ...]] = OrderedDict()
        self._asking = asyncio.Lock()

    async def figures(self, build: Build, model: Path, settings: LoadSettings) -> tuple[DeviceFigures, ...]:
        """What it prints for this load; empty where there is no such program or it fails."""
        found = await asyncio.to_thread(_found, build, model)
        if found is None:
            return ()
        arguments = fit_arguments(settings, model)
        program, *version = found
        key = (program, *version, arguments)
        async with self._asking:
            if key not in self._known:
                self._known[key] = read_figures(await self._answer([str(program), *arguments]))
                while len(self._known) > KEPT:
                    self._known.popitem(last=False)
            self._known.move_to_end(key)
            return self._known[key]

    async def _answer(self, program: list[str]) -> str:
        text = bytearray()

        def take(data: bytes) -> None:
            text.extend(data[: max(ANSWER_BYTES - len(text), 0)])

        async with TaskOwner(PROGRAM) as tasks:
            try:
                process = await Process.start(program, self._environ, tasks, take)
            except OSError:
                return ""
            done, _ = await asyncio.wait([process.ended], timeout=ASK_S)
        return text.decode("utf-8", "replace") if done and process.ended.result() == 0 else ""


def _found(build: Build, model: Path) -> tuple[Path, int, int] | None:
    """The program, and what tells one state of the file from another."""
    program = beside(build.program)
    if program is None:
        return None
    try:
        file = model.stat()
    except OSError:
        return None
    return program, file.st_mtime_ns, file.st_size


def beside(server: tuple[str, ...]) -> Path | None:
    """The llama-fit-params of this llama-server: in its folder, or in the one its link leads to. None where
    there is none, where it belongs to somebody else than the server does, or where others may write to it."""
    if len(server) != 1 or Path(server[0]).name != SERVER:
        return None
    given = Path(server[0])
    for folder in dict.fromkeys((given.parent, Path(os.path.realpath(given)).parent)):
        candidate = folder / PROGRAM
        try:
            found, owner = candidate.stat(), given.stat().st_uid
        except OSError:
            continue
        trusted = found.st_uid == owner and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if stat.S_ISREG(found.st_mode) and trusted and os.access(candidate, os.X_OK):
            return candidate
    return None


def fit_arguments(settings: LoadSettings, model: Path) -> tuple[str, ...]:
    """Its command line for a load with these settings."""
    arguments = ["-m", str(model), "-fitp", "on", "-c", str(settings.ctx or 0), "-t", "1"]
    arguments += ["-np", str(settings.parallel or 1), "--offline"]
    if settings.kv_type_k:
        arguments += ["-ctk", settings.kv_type_k]
    if settings.kv_type_v:
        arguments += ["-ctv", settings.kv_type_v]
    if settings.flash_attention in ("on", "off"):
        arguments += ["-fa", settings.flash_attention]
    if settings.batch:
        arguments += ["-b", str(settings.batch)]
    if settings.gpu_layers not in (None, "auto"):
        arguments += ["-ngl", str(settings.gpu_layers)]
    return tuple(arguments)


def read_figures(text: str) -> tuple[DeviceFigures, ...]:
    """The devices in what it printed, the main memory last. Empty unless the last of such lines is that of
    the main memory: the output was cut, or is another program's.

    What is printed is rounded down; half a MiB is added to what is there at all.
    """
    figures = []
    for line in text.splitlines():
        if found := _LINE.fullmatch(line):
            model, context, compute = (_bytes(number) for number in found.groups()[1:])
            figures.append(
                DeviceFigures(
                    device=found[1], model_bytes=model, context_bytes=context, compute_bytes=compute
                )
            )
    names = [figure.device for figure in figures]
    if not names or len(names) > DEVICES_MAX or names[-1] != HOST or len(set(names)) != len(names):
        return ()
    return tuple(figures)


def _bytes(mebibytes: str) -> int:
    return int(mebibytes) * MIB + (MIB // 2 if int(mebibytes) else 0)
