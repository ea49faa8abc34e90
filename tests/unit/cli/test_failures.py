"""Every error says what to do next, and has the exit code that scripts go by."""

import msgspec
import pytest

from modelhub_cli.failures import Failed, exit_code_of, next_step_of, report
from modelhub_client import ModelhubUnreachable, RegistryUnreachable, UnexpectedAnswer
from modelhub_client.errors import ClientError, error_of
from modelhubd.wire.problem import Problem
from tests.fakes.hub import problem_answer

EXIT_CODES = {
    400: 2, 401: 4, 403: 4, 404: 3, 409: 5, 412: 5, 413: 2, 415: 2, 421: 4, 422: 2, 429: 1, 500: 1, 502: 1,
    503: 1, 507: 1,
}  # fmt: skip
CODES = {
    "does_not_fit": 7, "not_enough_memory": 7, "requirement_not_met": 7, "refused_by_policy": 7,
    "checksum_mismatch": 8, "bad_signature": 8,
}  # fmt: skip


def _refused(status: int, code: str = "x", **rest: float) -> ClientError:
    return error_of(status, problem_answer(status, code, "No.", **rest).body)


@pytest.mark.parametrize("status", list(EXIT_CODES))
def test_every_refusal_has_its_exit_code_and_a_next_step(status: int) -> None:
    error = _refused(status)
    assert exit_code_of(error) == EXIT_CODES[status]
    assert next_step_of(error)


@pytest.mark.parametrize("code", list(CODES))
def test_some_refusals_are_told_apart_by_their_code(code: str) -> None:
    error = _refused(409, code)
    assert exit_code_of(error) == CODES[code]
    assert next_step_of(error)


@pytest.mark.parametrize("code", range(1, 9))
def test_a_failure_of_the_program_itself_has_a_next_step_too(code: int) -> None:
    assert next_step_of(Failed("No.", code=code))
    assert next_step_of(Failed("No.", code=code, next_step="Do this.")) == "Do this."


@pytest.mark.parametrize("error", [ModelhubUnreachable("x"), RegistryUnreachable("x"), UnexpectedAnswer("x")])
def test_who_does_not_answer_is_6_and_who_answers_nonsense_1(error: Exception) -> None:
    assert exit_code_of(error) == (1 if isinstance(error, UnexpectedAnswer) else 6)
    assert next_step_of(error)


def test_how_long_to_wait_is_said_where_it_is_known() -> None:
    assert "in 7 s" in (next_step_of(_refused(429, retry_after_s=7.0)) or "")
    assert "in a moment" in (next_step_of(_refused(503)) or "")


def test_a_note_on_an_error_goes_first(capsys: pytest.CaptureFixture[str]) -> None:
    error = _refused(404)
    error.add_note("Look there.")
    assert report(error) == 3
    assert capsys.readouterr().err == "modelhub: No.\n  → Look there.\n"


def test_what_should_never_happen_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(ZeroDivisionError("x")) == 1
    assert "should not happen" in capsys.readouterr().err


def test_a_problem_of_a_later_daemon_is_read_by_its_status() -> None:
    problem = Problem(type="x", title="x", status=418, detail="Tea.", code="teapot")
    error = error_of(418, msgspec.json.encode(problem))
    assert (exit_code_of(error), bool(next_step_of(error))) == (1, True)
