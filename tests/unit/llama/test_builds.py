"""What builds say of themselves is read as it is, and one that cannot run models is told why."""

import pytest

from modelhubd.llama.builds import (
    MINIMUM_BUILD,
    OTHER_IS_CONFIGURED,
    Answer,
    build_number,
    fault_of,
    in_force,
    read_devices,
    read_options,
    read_version,
)
from modelhubd.llama.builtin import usage
from modelhubd.wire.device import LlamaBuild
from tests.fakes.llama_options import HELP, VERSIONS, values_of

USAGE = """----- common params -----

-h,    --help, --usage                  print usage and exit
--version                               show version and build info
-t,    --threads N                      number of threads (default: -1), see --poll
                                        (env: LLAMA_ARG_THREADS)
--no-perf                               disable -x things
-fa,   --flash-attn [on|off|auto]       set Flash Attention use ('on', 'off', or 'auto', default: 'auto')
--reasoning-budget N                    controls the amount of thinking
-hf,   -hfr, --hf-repo <user>/<model>[:quant]
                                        Hugging Face model repository; --not-an-option
--draft, --draft-n N                    the argument has been removed. use --spec-draft-n-max
--draft-min N
                                        the argument has been removed.
"""


def test_options_are_read_in_every_spelling_and_not_from_their_explanations() -> None:
    assert read_options(USAGE).names == {
        "-h", "--help", "--usage", "--version", "-t", "--threads", "--no-perf", "-fa", "--flash-attn",
        "--reasoning-budget", "-hf", "-hfr", "--hf-repo",
    }  # fmt: skip
    assert read_options(USAGE.replace("\n", "\r\n")).names == read_options(USAGE).names


def test_a_help_text_without_measure_is_read_in_one_go() -> None:
    """Under the test's time limit: blanks that no explanation follows were searched over and over."""
    assert read_options("-x" + " " * 2_000_000 + "\n" + "-y\n" * 100_000).names == {"-x", "-y"}


@pytest.mark.parametrize("year", ["2024", "2025", "2026"])
def test_the_options_of_every_year_are_read_but_for_those_that_are_gone(year: str) -> None:
    found = read_options(HELP[year])
    assert found.names == values_of(HELP[year]).keys()
    assert found.sockets is (year != "2024")
    number, _ = read_version(VERSIONS[year])
    assert fault_of(Answer(text=HELP[year], status=0), found, number) is None


def test_the_builtin_servers_help_is_read_like_any_other() -> None:
    found = read_options(usage())
    assert {"-m", "--host", "-np", "--cache-ram", "--no-ui", "--reasoning", "--mmproj", "-lv"} <= found.names
    assert found.sockets


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version: 4589 (eb7cf15a)\nbuilt with cc for x86_64-linux-gnu", (4589, "4589")),
        ("noise\nversion: 1.2.3 (build 11434, commit abc)\n", (11434, "1.2.3")),
        ("version: 0.1.0-dev (build 10448, commit ad1de39e0)\r\n", (10448, "0.1.0-dev")),
        ("version: 11549 (xllamacpp 2026.10.11549)", (11549, "11549")),
        ("version: 0 (unknown)", (None, "0")),
        ("version: 1 (a5b1c2d)", (None, "1")),
        ("version: unknown (x)", (None, "unknown")),
        ("version: \x1b[31m7000 (x)", (None, "7000")),
        ("hello", (None, None)),
        ("", (None, None)),
    ],
)
def test_both_forms_of_the_version_are_known(text: str, expected: tuple[int | None, str | None]) -> None:
    assert read_version(text) == expected


@pytest.mark.parametrize(
    ("version", "number"),
    [
        ("11434", 11434), ("b11434", 11434), ("version: 8000 (abc)", 8000), ("b8000-dirty", 8000),
        ("version: 0.1.0-dev (build 10448, commit a)", 10448), ("0.1.0-dev (build 10448, commit a)", 10448),
        ("1.2.3", None), ("12.3", None), ("0", None), ("1", None), ("", None), ("unknown", None),
        ("9999999999999", None), ("version: 5 (build 99999999999)", 5), ("-5", None), ("x8000", None),
    ],
)  # fmt: skip
def test_the_build_number_is_found_in_every_spelling(version: str, number: int | None) -> None:
    assert build_number(version) == number


def test_devices_are_read_with_their_memory() -> None:
    gpu, metal = read_devices(
        "Available devices:\n  CUDA0: NVIDIA RTX (x) (24217 MiB, 23871 MiB free)\r\n"
        "  Metal: Apple M2 (10922 MiB, 10922 MiB free)\n"
    )
    assert (gpu.id, gpu.name, gpu.unified) == ("CUDA0", "NVIDIA RTX (x)", False)
    assert (gpu.total_bytes, gpu.free_bytes) == (24217 * 2**20, 23871 * 2**20)
    assert metal.unified
    assert read_devices("Available devices:\n  (none)\n") == ()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(fault="Permission denied"), "It cannot be run: Permission denied."),
        (Answer(text="…"), "It did not answer --help in time."),
        (Answer(text="hello", status=0), "It does not answer --help as llama-server does."),
        (Answer(text="--host HOST   address", status=0), "It does not answer --help as llama-server does."),
        (Answer(text="", status=3), "It ended with status 3."),
        (Answer(text="", status=-9), "It ended with signal 9."),
        (
            Answer(
                text="/opt/my gpu/llama-server: error while loading shared libraries: libx.so.1: no file\n",
                status=127,
            ),
            "status 127: llama-server: error while loading shared libraries: libx.so.1: no file",
        ),
        (Answer(text="one\n\x1b[1mtwo\n\n", status=2), "It ended with status 2: two"),
        (Answer(text="dyld: Library not loaded: x\nReason: tried", status=-6), "signal 6: dyld: Library not"),
        (Answer(text="error " + "x" * 999, status=1), "x" * 190),
    ],
)
def test_a_program_that_cannot_run_models_is_told_why(answer: Answer, said: str) -> None:
    found = fault_of(answer, read_options(answer.text), None)
    assert found is not None
    assert said in found
    assert len(found) < 300


@pytest.mark.parametrize(
    ("build", "is_too_old"),
    [(2, True), (MINIMUM_BUILD - 1, True), (MINIMUM_BUILD, False), (11434, False), (None, False)],
)
def test_a_build_that_is_too_old_is_told_what_is_needed(build: int | None, is_too_old: bool) -> None:
    found = fault_of(Answer(text=HELP["2024"], status=0), read_options(HELP["2024"]), build)
    assert (found is not None) is is_too_old
    assert found is None or f"{MINIMUM_BUILD} or newer" in found


def made(origin: str, usable: bool) -> LlamaBuild:
    return LlamaBuild(
        id=origin, origin=origin, version="1", usable=usable, reason=None if usable else "broken"
    )


def test_a_configured_build_that_is_broken_is_not_silently_replaced() -> None:
    broken, other, worse = in_force([made("configured", False), made("path", True), made("builtin", False)])
    assert (broken.reason, other.usable, other.reason) == ("broken", False, OTHER_IS_CONFIGURED)
    assert worse.reason == "broken"


@pytest.mark.parametrize(
    "builds",
    [[], [made("configured", True), made("path", True)], [made("path", False), made("builtin", True)]],
)
def test_otherwise_the_first_usable_build_is_used(builds: list[LlamaBuild]) -> None:
    assert in_force(builds) == tuple(builds)
