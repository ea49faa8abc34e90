"""Two models answer a file of questions on the built-in server."""

import json
import os
import shutil
import signal
import stat
from pathlib import Path

import pytest

from modelhub_client import Conflict, InvalidRequest, NotFound, NotPermitted, ProblemError
from modelhub_client.client import Client
from modelhubd.wire.evaluations import EvaluationReport, EvaluationState, Sampling
from modelhubd.wire.evidence import CheckOutcome, Word
from modelhubd.wire.servers import LoadSettings
from tests.fakes.tiny_gguf import write_embedding
from tests.integration.evaluations.conftest import CANARY, CHECKS, PARIS, ROME, SMALL, Lab, lines, with_models
from tests.running import running_daemon


def texts_of(report: EvaluationReport) -> list[list[str]]:
    return [[answer.text for answer in question.answers] for question in report.questions]


def test_each_model_answers_each_question_and_the_report_tells_them_apart(lab: Lab) -> None:
    found = lab.completed(4, name="two cities", seed=7)
    assert [(model.model, model.answered, model.errors) for model in found.models] == [
        (PARIS, 4, 0),
        (ROME, 4, 0),
    ]
    report = lab.client.evaluation_report(found.id)
    assert texts_of(report) == [["It is Paris.", "No: it is Rome!"]] * 4
    paris, rome = report.models
    assert (paris.checks["right"].count, rome.checks["right"].count) == (4, 0)
    assert (paris.checks["short"].count, paris.checks["json"].count) == (4, 0)
    assert paris.checks["right"].interval is not None
    for model, tokens in ((paris, 5), (rome, 7)):
        assert model.latency_s.count == model.first_token_s.count == model.tokens_per_s.count == 4
        assert model.completion_tokens.mean == tokens
        assert model.confidence.mean is not None
        assert 0.5 < model.confidence.mean <= 1
    (pair,) = report.pairs
    assert (pair.agreement.exact.count, pair.agreement.normalised.count, pair.agreement.exact.of) == (0, 0, 4)
    assert pair.agreement.similarity.count == 0, "no embedding model is loaded"
    assert {each.verdict for each in pair.figures} == {Word.NOT_ENOUGH}, "four pairs show nothing"
    by_name = {each.figure: each for each in pair.figures}
    assert (by_name["check:right"].first, by_name["check:right"].second) == (4, 0)


def test_the_report_holds_all_that_is_needed_to_repeat_it_and_a_repeat_gives_the_same_answers(
    lab: Lab,
) -> None:
    warm = Sampling(temperature=5.0, max_tokens=12)
    made = [lab.completed(3, seed=seed, sampling=warm, models=[ROME]) for seed in (11, 11, 12)]
    one, again, others = (lab.client.evaluation_report(found.id) for found in made)
    assert texts_of(one) == texts_of(again)
    assert texts_of(one) != texts_of(others)
    about = one.evaluation
    assert (about.seed, about.sampling, about.load) == (11, warm, SMALL)
    assert (about.set_digest, about.checks_digest) == (made[1].set_digest, made[1].checks_digest)
    installed = {item.model: item.digest for item in lab.client.library().items}
    for model in about.models:
        assert model.digest == installed[model.model]
        assert len(model.builds) == 1
        assert model.settings["parallel"].value == 1
        assert model.settings["ctx"].value == 512


def test_its_servers_are_its_own_and_gone_at_the_end(lab: Lab) -> None:
    theirs = lab.client.load(PARIS, LoadSettings(ctx=1024, threads=1))
    lab.completed(2)
    assert [server.id for server in lab.client.servers().items] == [theirs.id]
    lab.client.unload(theirs.id)


def test_answers_are_compared_by_meaning_where_an_embedding_model_is_loaded(lab: Lab, tmp_path: Path) -> None:
    lab.have("lab/embedding", write_embedding(tmp_path / "embedding.gguf"))
    theirs = lab.client.load("lab/embedding", LoadSettings(threads=1))
    others = lab.client.load(PARIS, LoadSettings(ctx=1024, threads=1))
    found = lab.client.evaluation_report(lab.completed(2).id).pairs[0].agreement.similarity
    assert found.count == 2
    assert found.median is not None
    assert -1 <= found.median < 0.9999
    for server in (theirs, others):
        lab.client.unload(server.id)


def test_what_others_have_loaded_is_not_unloaded_unless_told(tmp_path: Path) -> None:
    one = LoadSettings(ctx=1024, threads=1, parallel=1)
    room = {"MODELHUB_LLAMA_MEMORY_BUDGET_BYTES": "24000000"}  # for one of them: it takes 15 MB
    with running_daemon(tmp_path / "home", room) as daemon:
        tight = with_models(daemon, tmp_path)
        theirs = tight.client.load(ROME, one)
        found = tight.ended(tight.made(1, models=[PARIS], load=one).id)
        assert (found.state, found.error and found.error.code) == (EvaluationState.FAILED, "would_evict")
        assert [server.id for server in tight.client.servers().items] == [theirs.id]
        assert tight.completed(1, models=[PARIS], load=one, evict=True).done == 1
        assert tight.client.servers().items == ()


def test_a_report_can_be_read_as_markdown_and_as_a_page(lab: Lab) -> None:
    found = lab.completed(2, name="<b>two</b>", models=[PARIS])
    text = lab.client.evaluation_report_text(found.id, "md")
    assert "lab/paris" in text and "It is Paris." in text
    page = lab.client.evaluation_report_text(found.id, "html")
    assert page.startswith("<!doctype html>")
    assert "<svg" in page and "<b>" not in page and "<script" not in page
    assert json.loads(lab.client.evaluation_report_text(found.id, "json"))["evaluation"]["id"] == found.id
    without = lab.client.evaluation_report_text(found.id, "md", questions=0)
    assert CANARY not in without


def test_questions_and_answers_are_in_files_that_nobody_else_reads_nowhere_else_and_go_with_it(
    lab: Lab,
) -> None:
    found = lab.completed(2)
    folder = lab.daemon.home / "state" / "evaluations" / found.id
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = sorted(folder.iterdir())
    assert [file.name for file in files] == ["answers", "checks.yaml", "set.jsonl"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert CANARY not in repr(lab.client.evaluation(found.id))
    state = lab.daemon.home / "state"
    for text in (CANARY, "is Rome!"):
        assert holds(state / "evaluations", text), "where it may be"
        places = holds(state, text) | holds(lab.daemon.home / "run", text)
        assert {place for place in places if "/evaluations/" not in place} == set()
        assert text not in lab.daemon.log_file.read_text()
    lab.client.remove_evaluation(found.id)
    assert not folder.exists()
    with pytest.raises(NotFound):
        lab.client.evaluation(found.id)
    with pytest.raises(NotFound):
        lab.client.evaluation_report(found.id)


def holds(folder: Path, text: str) -> set[str]:
    """Files below that have the text in them."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file) for file in files if text.encode() in file.read_bytes()}


def test_a_bad_set_or_checks_file_or_model_is_refused_with_its_place(lab: Lab) -> None:
    client = lab.client
    with pytest.raises(InvalidRequest) as bad:
        client.create_evaluation('{"prompt": "x"}\n{"promt": "x"}\n{}\n', [PARIS])
    assert [(fault.pointer, fault.detail.partition(":")[0]) for fault in bad.value.problem.errors] == [
        ("/set", "line 2"), ("/set", "line 3"),
    ]  # fmt: skip
    with pytest.raises(InvalidRequest) as bad:
        client.create_evaluation(lines(1), [PARIS], checks="checks:\n  a: {regex: '('}")
    assert bad.value.problem.errors[0].pointer == "/checks"
    with pytest.raises(NotFound):
        client.create_evaluation(lines(1), ["lab/nothing"])
    with pytest.raises(InvalidRequest) as bad:
        client.create_evaluation(lines(1), [PARIS, f"{PARIS}@1"])
    assert bad.value.problem.errors[0].pointer == "/models/1"
    wide = json.dumps({"prompt": "x" * 200_000}) + "\n"
    with pytest.raises(InvalidRequest, match="line 5"):
        client.create_evaluation(wide * 4 + "{}\n", [PARIS])
    with pytest.raises(ProblemError) as large:
        client.create_evaluation(wide * 6, [PARIS])
    assert large.value.problem.status == 413
    assert [one for one in client.evaluations(limit=200).items if one.questions == 1] == []


def test_scripts_are_taken_over_the_socket_only(lab: Lab, tmp_path: Path) -> None:
    checks = "checks:\n  own:\n    script: |\n      #!/bin/sh\n      grep -q Paris\n"
    over_tcp = Client(url=lab.daemon.url, token=lab.daemon.token)
    with pytest.raises(NotPermitted) as refused:
        over_tcp.create_evaluation(lines(1), [PARIS], checks=checks)
    assert refused.value.code == "socket_only"
    found = lab.completed(1, checks=checks)
    paris, rome = lab.client.evaluation_report(found.id).questions[0].answers
    assert [answer.checks[0].outcome for answer in (paris, rome)] == [CheckOutcome.PASS, CheckOutcome.FAIL]
    assert not list((lab.daemon.home / "state" / "evaluations" / "scratch").iterdir())


def test_what_runs_cannot_be_removed_what_is_cancelled_can_be_resumed(lab: Lab, tmp_path: Path) -> None:
    made = lab.made(400, load=LoadSettings(ctx=512, threads=1))
    lab.until(made.id, lambda one: one.done > 3)
    with pytest.raises(Conflict):
        lab.client.remove_evaluation(made.id)
    assert lab.client.cancel_evaluation(made.id).state is EvaluationState.CANCELLED
    assert lab.client.servers().items == ()
    stopped = lab.client.evaluation(made.id)
    assert 3 < stopped.done < 800
    assert lab.client.evaluation_report(made.id).models[0].answered == stopped.models[0].answered
    lab.client.resume_evaluation(made.id)
    further = lab.until(made.id, lambda one: one.done > stopped.done + 2)
    assert further.started_at == lab.client.evaluation(made.id).started_at
    lab.client.cancel_evaluation(made.id)
    answers = lab.daemon.home / "state" / "evaluations" / made.id / "answers"
    answers.unlink()
    (tmp_path / "elsewhere").write_text("not ours")
    answers.symlink_to(tmp_path / "elsewhere")
    lab.client.resume_evaluation(made.id)
    failed = lab.ended(made.id)
    assert (failed.state, failed.error and failed.error.code) == (EvaluationState.FAILED, "io_error")
    assert (tmp_path / "elsewhere").read_text() == "not ours"
    lab.client.remove_evaluation(made.id)
    for refused in (lab.client.cancel_evaluation, lab.client.resume_evaluation, lab.client.remove_evaluation):
        with pytest.raises(NotFound):
            refused(made.id)


def test_what_was_changed_or_lost_meanwhile_is_not_gone_on_with(lab: Lab) -> None:
    made = lab.made(300, models=[PARIS])
    lab.until(made.id, lambda one: one.done > 1)
    lab.client.cancel_evaluation(made.id)
    folder = lab.daemon.home / "state" / "evaluations" / made.id
    with (folder / "set.jsonl").open("a") as file:
        file.write(lines(1).replace("q0", "added"))
    lab.client.resume_evaluation(made.id)
    failed = lab.ended(made.id)
    assert (failed.state, failed.error and failed.error.code) == (EvaluationState.FAILED, "set_changed")
    shutil.rmtree(folder)
    with pytest.raises(NotFound) as lost:
        lab.client.evaluation_report(made.id)
    assert lost.value.code == "evaluation_incomplete"
    lab.client.remove_evaluation(made.id)


def test_an_answer_that_cannot_be_given_is_an_error_and_the_rest_goes_on(lab: Lab) -> None:
    long = json.dumps({"prompt": "word " * 3000}) + "\n"
    made = lab.client.create_evaluation(long + lines(1), [PARIS], load=SMALL, checks=CHECKS)
    found = lab.ended(made.id)
    assert (found.state, found.models[0].answered, found.models[0].errors) == (
        EvaluationState.COMPLETED,
        2,
        1,
    )
    report = lab.client.evaluation_report(found.id)
    assert report.models[0].errors == {"http_400": 1}
    assert [question.answers[0].error for question in report.questions] == ["http_400", None]
    assert report.models[0].checks["right"].of == 1


def test_a_server_that_is_killed_ends_it_with_the_reason_and_it_can_be_resumed(lab: Lab) -> None:
    made = lab.made(300, models=[PARIS])
    lab.until(made.id, lambda one: one.done > 3)
    (server,) = lab.client.servers().items
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    found = lab.ended(made.id)
    assert found.state is EvaluationState.FAILED, found
    assert found.error is not None
    assert found.error.code in ("killed", "server_gone"), found.error
    assert 3 < found.done < 300
    lab.client.resume_evaluation(made.id)
    lab.until(made.id, lambda one: one.done > found.done)
    lab.client.cancel_evaluation(made.id)
    lab.client.remove_evaluation(made.id)


def test_the_daemons_end_takes_nothing_of_it(tmp_path: Path, lab: Lab) -> None:
    """A kill -9 in the middle: the next daemon goes on with what is not answered."""
    made = lab.made(32, seed=3)
    lab.until(made.id, lambda one: one.done > 5)
    lab.daemon.kill()
    junk = lab.daemon.home / "state" / "evaluations" / "0123456789ab"
    junk.mkdir()
    (junk / "set.jsonl").write_text("of nobody")
    answers = lab.daemon.home / "state" / "evaluations" / made.id / "answers"
    with answers.open("ab") as file:
        file.write(b"half an ans")
    lab.daemon.start()
    found = lab.ended(made.id)
    assert (found.state, found.done) == (EvaluationState.COMPLETED, 64)
    report = lab.client.evaluation_report(made.id, questions=32)
    assert texts_of(report) == [["It is Paris.", "No: it is Rome!"]] * 32
    assert not junk.exists()
    whole = 32 * len("It is Paris.No: it is Rome!") + len("half an ans")
    assert os.stat(answers).st_size - whole in (0, len("It is Paris.")), "one at most is asked again"
    (pair,) = report.pairs
    verdicts = {each.figure: each.verdict for each in pair.figures}
    assert verdicts["check:right"] is Word.WORSE
    assert verdicts["check:short"] is Word.NOT_ENOUGH, "nobody has won a pair"
    assert verdicts["completion_tokens"] is Word.WORSE
    lab.client.remove_evaluation(made.id)
