"""`modelhub eval`, as somebody types it."""

import json
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from modelhubd.wire.evaluations import EvaluationState
from tests import forked
from tests.integration.evaluations.conftest import CHECKS, PARIS, ROME, Lab, lines

PROGRAM = [sys.executable, "-m", "modelhub_cli.main"]


def types(lab: Lab, *arguments: str | Path, given: str = "") -> subprocess.CompletedProcess[str]:
    return forked.run(PROGRAM[2], [*map(str, arguments)], lab.daemon.environ, given=given)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / "prompts.jsonl").write_text(lines(3))
    (folder / "checks.yaml").write_text(CHECKS)
    return folder


def test_the_command_of_the_manual_runs_shows_reports_and_removes(lab: Lab, files: Path) -> None:
    report = files / "report.html"
    run = types(
        lab, "eval", "run", "--set", files / "prompts.jsonl", "--models", PARIS, ROME,
        "--checks", files / "checks.yaml", "--threads", "1", "--ctx", "512", "--name", "cities",
        "--report", report,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    rows = [line.split("\t") for line in run.stdout.splitlines()]
    assert [(row[0], row[1], row[2], row[3]) for row in rows] == [
        (f"{PARIS}@1:gguf-f16", "3", "0", "1.0"), (f"{ROME}@1:gguf-f16", "3", "0", "0.0"),
    ]  # fmt: skip
    assert "completed, 6 of 6 answers" in run.stderr
    assert "check:right: not enough" in run.stderr
    assert report.read_text().startswith("<!doctype html>")
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    (made,) = [one for one in lab.client.evaluations().items if one.name == "cities"]
    listed = types(lab, "eval", "list").stdout
    assert f"{made.id}\tcities\tcompleted\t6\t{PARIS},{ROME}\t3" in listed
    assert types(lab, "eval", "show", made.id[:6], "-q").stdout == f"{made.id}\n"
    assert json.loads(types(lab, "eval", "show", "cities", "--json").stdout)["state"] == "completed"
    text = types(lab, "eval", "report", made.id).stdout
    assert text.startswith("# cities\n") and "It is Paris." in text
    figures = json.loads(types(lab, "eval", "report", made.id, "--json", "--questions", "0").stdout)
    assert figures["models"][0]["checks"]["right"]["count"] == 3 and figures["questions"] == []
    assert types(lab, "eval", "cancel", made.id).returncode == 5
    assert types(lab, "eval", "rm", made.id, "-q").stdout == f"{made.id}\n"
    assert types(lab, "eval", "show", made.id).returncode == 3


def test_a_set_from_standard_input_is_queued_and_watched_later(lab: Lab) -> None:
    queued = types(lab, "eval", "run", "--set", "-", PARIS, "-d", "-q", "--threads", "1", given=lines(2))
    assert queued.returncode == 0, queued.stderr
    made = queued.stdout.strip()
    watched = types(lab, "eval", "resume", "--watch", made, "--json")
    assert watched.returncode == 0, watched.stderr
    assert json.loads(watched.stdout.splitlines()[-1])["state"] == "completed"
    assert types(lab, "eval", "resume", made).returncode == 5


def test_ctrl_c_detaches_and_the_daemon_goes_on(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "many.jsonl").write_text(lines(2000))
    with subprocess.Popen(
        [*PROGRAM, "eval", "run", "--set", str(tmp_path / "many.jsonl"), PARIS, "--threads", "1"],
        env=lab.daemon.environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as typed:  # fmt: skip
        assert typed.stderr is not None
        told = next(line for line in typed.stderr if ": running" in line)
        made = told.partition(":")[0]
        typed.send_signal(signal.SIGINT)
        _, told = typed.communicate(timeout=30)
    assert typed.returncode == 130
    assert f"modelhub eval resume --watch {made}" in told
    done = lab.client.evaluation(made).done
    lab.until(made, lambda one: one.done > done or one.state.ended)
    assert lab.client.evaluation(made).state is not EvaluationState.CANCELLED
    cancelled = types(lab, "eval", "cancel", made)
    assert cancelled.returncode in (0, 5)
    lab.client.remove_evaluation(made)


def test_the_example_of_the_client_compares_two_models(lab: Lab) -> None:
    example = Path(__file__).parents[3] / "clients/python/examples/compare_models.py"
    ran = subprocess.run(
        [sys.executable, str(example), PARIS, ROME], env=lab.daemon.environ, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert f"{PARIS}@1:gguf-f16: 0 of 2 right" in ran.stdout
    assert "check:right: not_enough" in ran.stdout


def test_what_cannot_be_done_has_its_exit_code_and_says_where(lab: Lab, files: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text('{"prompt": "x"}\n{"promt": "y"}\n')
    bad = types(lab, "eval", "run", "--set", tmp_path / "bad.jsonl", PARIS)
    assert bad.returncode == 2
    assert "line 2" in bad.stderr
    assert types(lab, "eval", "run", "--set", files / "prompts.jsonl").returncode == 2
    assert types(lab, "eval", "run", "--set", files / "nothing", PARIS).returncode == 2
    assert types(lab, "eval", "run", "--set", files / "prompts.jsonl", "lab/nothing").returncode == 3
    odd = types(lab, "eval", "run", "--set", files / "prompts.jsonl", PARIS, "--report", "report.docx")
    assert odd.returncode == 2
    assert "--format" in odd.stderr
    assert types(lab, "eval", "report", "nothing").returncode == 3
