"""Whether an answer passes."""

from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from modelhubd.trials.checks.deciding import decide, of_exit, unusable
from modelhubd.trials.checks.spec import Check
from modelhubd.wire.evidence import CheckOutcome

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["city"],
    "properties": {"city": {"$ref": "#/$defs/word"}},
    "$defs": {"word": {"type": "string", "minLength": 2}},
}


@pytest.mark.parametrize(
    ("check", "answer", "outcome"),
    [
        (Check(json_schema=SCHEMA), '{"city": "Paris"}', "pass"),
        (Check(json_schema=SCHEMA), '{"city": "P"}', "fail"),
        (Check(json_schema=SCHEMA), "[]", "fail"),
        (Check(json_schema=SCHEMA), "It is Paris.", "fail"),
        (Check(json_schema=SCHEMA), "[" * 100_000, "fail"),
        (Check(json_schema={}), "NaN", "fail"),
        (Check(json_schema=True), "1", "pass"),
        (Check(json_schema=False), "1", "fail"),
        (Check(json_schema={"$ref": "http://127.0.0.1:9/x"}), "1", "error"),
        (Check(json_schema={"$ref": "#/nowhere"}), "1", "error"),
        (Check(json_schema={"$ref": "#"}), "1", "error"),
        (Check(json_schema={"type": "string", "pattern": "^a+$"}, negated=True), '"b"', "pass"),
        (Check(regex=r"\bParis\b"), "In Paris.", "pass"),
        (Check(regex=r"^\d+$"), "12 or so", "fail"),
        (Check(regex="x", negated=True), "y", "pass"),
        (Check(regex="x", negated=True), "x", "fail"),
        (Check(equals="Paris"), " Paris\n", "pass"),
        (Check(equals="Paris"), "paris", "fail"),
        (Check(equals="Paris", normalise=True), "paris.", "pass"),
        (Check(contains="Paris"), "It is Paris.", "pass"),
        (Check(contains="paris"), "It is Paris.", "fail"),
        (Check(contains="PARIS", normalise=True), "It is Paris.", "pass"),
    ],
)
def test_a_check_decides(check: Check, answer: str, outcome: str) -> None:
    found, detail = decide(check, answer, None)
    assert found.value == outcome
    assert (detail == "") == (found is CheckOutcome.PASS)


@pytest.mark.parametrize(
    ("how", "answer", "outcome"),
    [("equals", "Paris", "pass"), ("equals", "paris", "fail"), ("normalised", "paris.", "pass"),
     ("contains", "In Paris", "pass"), ("contains", "in paris", "fail")],
)  # fmt: skip
def test_an_answer_is_compared_with_what_its_line_expects(how: Any, answer: str, outcome: str) -> None:
    assert decide(Check(expected=how), answer, "Paris")[0].value == outcome


def test_without_anything_to_check_by_it_is_an_error_whichever_way_it_is_turned() -> None:
    assert decide(Check(expected="equals"), "x", None)[0] is CheckOutcome.ERROR
    assert decide(Check(json_schema={"$ref": "#/x"}, negated=True), "1", None)[0] is CheckOutcome.ERROR


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_schema_that_refers_to_an_address_fetches_nothing() -> None:
    asked: list[str] = []

    class Schemas(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Schemas) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            schema = {"$ref": f"http://127.0.0.1:{server.server_port}/schema"}
            assert decide(Check(json_schema=schema), "1", None)[0] is CheckOutcome.ERROR
        finally:
            server.shutdown()
            thread.join()
    assert asked == []


def test_no_word_of_an_answer_is_told() -> None:
    canary = "canary-7f3a"
    checks = (
        Check(json_schema={"additionalProperties": False}),
        Check(json_schema={"properties": {canary: {"const": 1}}}),
        Check(regex="^x"),
        Check(equals="x"),
        Check(contains="zzz"),
    )
    for check in checks:
        assert canary not in decide(check, f'{{"{canary}": "{canary}"}}', None)[1]


@pytest.mark.parametrize(
    ("status", "outcome", "said"),
    [(0, "pass", ""), (1, "fail", "says no"), (2, "error", "status 2"), (-9, "error", "signal 9")],
)
def test_a_scripts_exit_status_decides(status: int, outcome: str, said: str) -> None:
    found, detail = of_exit(status)
    assert found.value == outcome
    assert said in detail


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (Check(regex="("), "regex: missing )"),
        (Check(json_schema={"type": "strin"}), "json_schema: $.type"),
        (Check(json_schema={"allOf": [{"$ref": "https://example.org/x"}]}), "leaves the schema"),
        (Check(json_schema={"minLength": -1}), "json_schema: $.minLength"),
    ],
)
def test_a_check_that_can_never_be_done_is_found_out(check: Check, said: str) -> None:
    assert said in unusable(check)


@pytest.mark.parametrize(
    "check", [Check(regex="a+"), Check(json_schema=SCHEMA), Check(json_schema=True), Check(equals="x")]
)
def test_a_check_that_can_be_done_is_let_through(check: Check) -> None:
    assert unusable(check) == ""
