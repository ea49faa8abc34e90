"""llama-fit-params: which program may be asked, with what, and what its answer means."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from modelhubd.llama.command import Options
from modelhubd.llama.discovery import Build
from modelhubd.llama.fit_params import MIB, DeviceFigures, FitParams, beside, fit_arguments, read_figures
from modelhubd.wire.device import LlamaBuild
from modelhubd.wire.servers import LoadSettings

CARD = "CUDA0 17904 384 898 \nHost 58259 0 12 \n"


def test_each_device_has_its_figures_and_half_a_mib_for_what_was_rounded_away() -> None:
    card, host = read_figures(
        "0.00.018 I llama_fit_params: printing estimated memory in MiB to stdout (device, model, context,"
        " compute) ...\n" + CARD
    )
    assert card == DeviceFigures(
        device="CUDA0",
        model_bytes=17904 * MIB + MIB // 2,
        context_bytes=384 * MIB + MIB // 2,
        compute_bytes=898 * MIB + MIB // 2,
    )
    assert (host.device, host.context_bytes) == ("Host", 0)
    assert host.total_bytes == (58259 + 12 + 1) * MIB


@pytest.mark.parametrize(
    "text",
    [
        "",
        "error: unknown argument",
        "CUDA0 17904 384 898 \n",
        "Host 1 2\n",
        "Host 1 2 3 4\n",
        "Host -1 2 3\n",
        "Host 1.5 2 3\n",
        "Host 1 2 99999999999\n",
        "Host 1 2 3\nHost 1 2 3\n",
        "Host 1 2 3\nCUDA0 1 2 3\n",
        "".join(f"CUDA{n} 1 1 1\n" for n in range(64)) + "Host 1 1 1\n",
    ],
)
def test_what_is_no_such_answer_gives_no_figures(text: str) -> None:
    assert read_figures(text) == ()


def test_it_is_asked_for_just_the_load_that_would_be_done() -> None:
    settings = LoadSettings(
        ctx=4096, kv_type_k="q8_0", kv_type_v="f16", flash_attention="on", parallel=2, batch=256, gpu_layers=7
    )
    assert " ".join(fit_arguments(settings, Path("/m.gguf"))) == (
        "-m /m.gguf -fitp on -c 4096 -t 1 -np 2 --offline -ctk q8_0 -ctv f16 -fa on -b 256 -ngl 7"
    )
    auto = LoadSettings(flash_attention="auto", gpu_layers="auto")
    assert " ".join(fit_arguments(auto, Path("/m.gguf"))) == "-m /m.gguf -fitp on -c 0 -t 1 -np 1 --offline"


def program(path: Path, text: str = "exit 0") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_only_the_one_in_the_servers_folder_is_asked(tmp_path: Path) -> None:
    server = program(tmp_path / "bin" / "llama-server")
    program(tmp_path / "llama-fit-params")
    assert beside((str(server),)) is None
    found = program(tmp_path / "bin" / "llama-fit-params")
    assert beside((str(server),)) == found
    assert beside((sys.executable, "-P", str(server))) is None, "the built-in server has none"
    assert beside((str(program(tmp_path / "bin" / "my-server")),)) is None


def test_a_link_to_the_server_leads_to_its_folder(tmp_path: Path) -> None:
    server = program(tmp_path / "build" / "llama-server")
    found = program(tmp_path / "build" / "llama-fit-params")
    link = tmp_path / "bin" / "llama-server"
    link.parent.mkdir()
    link.symlink_to(server)
    assert beside((str(link),)) == found


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o644])
def test_one_that_others_may_change_or_nobody_may_run_is_not_asked(tmp_path: Path, mode: int) -> None:
    server = program(tmp_path / "llama-server")
    program(tmp_path / "llama-fit-params").chmod(mode)
    assert beside((str(server),)) is None


def test_a_folder_of_that_name_is_not_asked(tmp_path: Path) -> None:
    server = program(tmp_path / "llama-server")
    (tmp_path / "llama-fit-params").mkdir()
    assert beside((str(server),)) is None
    server.unlink()
    assert beside((str(server),)) is None


def build(server: Path) -> Build:
    about = LlamaBuild(id="configured", origin="configured", version="b1")
    return Build(program=(str(server),), options=Options(names=frozenset()), about=about)


async def figures(folder: Path, text: str, asker: FitParams | None = None) -> tuple[DeviceFigures, ...]:
    server = program(folder / "llama-server")
    program(folder / "llama-fit-params", text)
    model = folder / "m.gguf"
    model.write_bytes(b"x")
    return await (asker or FitParams(os.environ)).figures(build(server), model, LoadSettings())


async def test_the_program_is_run_once_for_each_load(tmp_path: Path) -> None:
    asker = FitParams(os.environ)
    text = f"echo . >> {tmp_path}/runs; echo 'Host 1 2 3 '"
    first = await figures(tmp_path, text, asker)
    assert [figure.device for figure in first] == ["Host"]
    server, model = build(tmp_path / "llama-server"), tmp_path / "m.gguf"
    assert await asker.figures(server, model, LoadSettings()) == first
    assert (tmp_path / "runs").read_text() == ".\n"
    assert await asker.figures(server, model, LoadSettings(ctx=7)) == first
    assert (tmp_path / "runs").read_text() == ".\n.\n"
    model.write_bytes(b"xy")
    assert await asker.figures(server, model, LoadSettings(ctx=7)) == first
    assert (tmp_path / "runs").read_text() == ".\n.\n.\n", "the file is another one"


@pytest.mark.parametrize(
    "text", ["exit 1", "echo 'Host 1 2 3 '; exit 1", "kill -9 $$", "echo nothing of use"]
)
async def test_one_that_fails_gives_no_figures(tmp_path: Path, text: str) -> None:
    assert await figures(tmp_path, text) == ()


async def test_one_that_writes_for_ever_costs_little(tmp_path: Path) -> None:
    assert await figures(tmp_path, "head -c 5000000 /dev/zero; echo; echo 'Host 1 2 3 '") == ()


async def test_no_program_and_no_file_give_no_figures(tmp_path: Path) -> None:
    asker = FitParams({})
    server = program(tmp_path / "llama-server")
    assert await asker.figures(build(server), tmp_path / "m.gguf", LoadSettings()) == ()
    program(tmp_path / "llama-fit-params")
    assert await asker.figures(build(server), tmp_path / "m.gguf", LoadSettings()) == ()


async def test_one_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelhubd.llama.fit_params.ASK_S", 0.3)
    assert await figures(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 600") == ()
    pid = int((tmp_path / "pid").read_text())
    for _ in range(500):
        if not Path(f"/proc/{pid}").exists():
            break
        await asyncio.sleep(0.01)
    else:
        pytest.fail("it still runs")
