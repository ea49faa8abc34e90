"""What a llama-server says of itself, and whether models can be run on it."""

import re
from collections.abc import Iterator, Sequence

import msgspec

from modelhubd.llama.command import Options
from modelhubd.llama.failures import without_paths
from modelhubd.trust.text import printable
from modelhubd.wire.device import Gpu, LlamaBuild

MINIMUM_BUILD = 4400
"""The end of 2024; docs/decisions/0021 says why."""
REQUIRED = frozenset({"-m", "--host", "--port", "-c", "-np"})
"""Options that are always sent."""
LINE_MAX = 200
HEAD_MAX = 500
"""Characters of an option's names and value."""
OTHER_IS_CONFIGURED = "It is not used while the setting llama.binary names another one."


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a program wrote. `status` is None if it did not end in time, negative for a signal; `fault` says
    why it could not be run at all."""

    text: str = ""
    status: int | None = None
    fault: str | None = None


def read_options(usage: str) -> Options:
    """The options that a help text lists, in every spelling, without those it says were removed."""
    names: set[str] = set()
    for entry in _entries(usage):
        if "argument has been removed" not in entry:
            head = re.split(r"\s{2,}(?=[^-\s])|\n", entry[:HEAD_MAX], maxsplit=1)[0]
            names.update(re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*(?:\.[\w-]+)*", head))
    return Options(names=frozenset(names), text=usage)


def _entries(usage: str) -> Iterator[str]:
    """Each option's lines. Explanations are indented."""
    yield from re.findall(r"^-\S.*(?:\n[ \t].*)*", usage.replace("\r", ""), re.MULTILINE)


def build_number(version: str) -> int | None:
    """The build number in a version, however it is told: `version: N (commit)`, `version: X (build N, …)`,
    `bN` or `N`. None where there is none: builds made without git's history say 0 or 1."""
    found = re.search(r"\(build (\d{1,9})\b", version) or re.match(
        r"(?:version: )?b?(\d{1,9})(?![\d.])", version
    )
    number = int(found[1]) if found else 0
    return number if number > 1 else None


def read_version(text: str) -> tuple[int | None, str | None]:
    """(build number, how to show the version) from what `--version` answers; None for what is not told."""
    found = re.search(r"^version: (\S{1,64}) \(.*$", text.replace("\r", ""), re.MULTILINE)
    return (build_number(found[0]), printable(found[1])) if found else (None, None)


def read_devices(text: str) -> tuple[Gpu, ...]:
    """The devices that `--list-devices` names; `free` is at the time of asking."""
    return tuple(
        Gpu(
            id=found[1],
            name=found[2],
            total_bytes=int(found[3]) * 1024**2,
            free_bytes=int(found[4]) * 1024**2,
            unified=found[1].startswith(("Metal", "MTL")),
        )
        for found in re.finditer(
            r"^  (\S+): (.+) \((\d+) MiB, (\d+) MiB free\)$", text.replace("\r", ""), re.MULTILINE
        )
    )


def fault_of(usage: Answer, options: Options, build: int | None) -> str | None:
    """Why a program that answered `--help` so cannot run models; None if it can."""
    if usage.fault is not None:
        return f"It cannot be run: {usage.fault}."
    if not options.names >= REQUIRED:
        return _no_answer(usage)
    if build is not None and build < MINIMUM_BUILD:
        return f"It is build {build}, which is too old. Update it: {MINIMUM_BUILD} or newer is needed."
    return None


def _no_answer(usage: Answer) -> str:
    if usage.status is None:
        return "It did not answer --help in time."
    if usage.status == 0:
        return "It does not answer --help as llama-server does."
    how = f"status {usage.status}" if usage.status > 0 else f"signal {-usage.status}"
    lines = [line for line in usage.text.splitlines() if line.strip()]
    telling = next((line for line in lines if re.search(r"error|cannot|not loaded", line, re.IGNORECASE)), "")
    said = printable(without_paths(telling or (lines[-1] if lines else ""))).strip()[:LINE_MAX]
    return f"It ended with {how}" + (f": {said}" if said else ".")


def in_force(builds: Sequence[LlamaBuild]) -> tuple[LlamaBuild, ...]:
    """The builds as loads may use them, the first usable one first to be used. A configured one that cannot
    be used is not silently replaced."""
    if not builds or builds[0].origin != "configured" or builds[0].usable:
        return tuple(builds)
    first, *others = builds
    return (first, *(_set_aside(build) if build.usable else build for build in others))


def _set_aside(build: LlamaBuild) -> LlamaBuild:
    return msgspec.structs.replace(build, usable=False, reason=OTHER_IS_CONFIGURED)
