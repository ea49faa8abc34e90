"""The log's two forms."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from modelhubd.journal import start_logging


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def written(form: str, message: str) -> str:
    stream = io.StringIO()
    start_logging("info", form, stream)
    logging.getLogger("modelhubd.test").warning("%s", message)
    return stream.getvalue()


def test_a_line_of_json_has_time_level_logger_and_message() -> None:
    line = json.loads(written("json", "one\ntwo"))
    assert (line["level"], line["logger"], line["message"]) == ("warning", "modelhubd.test", "one\ntwo")
    assert line["time"].endswith("Z")


def test_a_name_that_is_no_text_is_logged_as_escapes() -> None:
    assert json.loads(written("json", "a\udcff.gguf"))["message"] == "a\\udcff.gguf"


def test_a_message_cannot_speak_to_the_terminal() -> None:
    line = written("text", "\x1b]0;owned\x07\x1b[31mred\x1b[0m\u202etxt.exe")
    assert line.endswith(" WARNING redtxt.exe\n")


def test_bytes_that_are_no_request_are_not_logged() -> None:
    stream = io.StringIO()
    start_logging("debug", "json", stream)
    logging.getLogger("aiohttp.server").error("Error handling request", exc_info=ValueError())
    assert stream.getvalue() == ""
