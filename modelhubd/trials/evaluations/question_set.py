"""A set of questions: read strictly, each fault with its line. Pure."""

import hashlib
from typing import Any, Literal

import msgspec
from msgspec import Struct

from modelhubd.errors import InvalidInput
from modelhubd.trials.checks.reading import MAX_TOLD, Checks
from modelhubd.wire.base import Request
from modelhubd.wire.problem import FieldError

MAX_QUESTIONS = 2000
MAX_LINE_BYTES = 256 * 1024
MAX_ID = 100


class TextPart(Request, frozen=True, kw_only=True):
    type: Literal["text"]
    text: str


class QuestionMessage(Request, frozen=True, kw_only=True):
    """One message of a conversation. Texts only: nothing is fetched for a question."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | tuple[TextPart, ...]

    @property
    def text(self) -> str:
        return (
            self.content if isinstance(self.content, str) else "\n".join(part.text for part in self.content)
        )


class Line(Request, frozen=True, kw_only=True):
    """What a line may hold."""

    id: str | int | None = None
    prompt: str | None = None
    messages: tuple[QuestionMessage, ...] | None = None
    expected: str | None = None
    checks: tuple[str, ...] | None = None


class Question(Struct, frozen=True, kw_only=True):
    """A question, and what is known of its answer."""

    id: str
    messages: tuple[QuestionMessage, ...]
    expected: str | None = None
    checks: tuple[str, ...] | None = None
    """Names of those that apply; None for all."""


class QuestionSet(Struct, frozen=True, kw_only=True):
    questions: tuple[Question, ...]
    digest: str
    """SHA-256 of the text in hexadecimal digits."""


def read_set(text: str, checks: Checks = Checks(), pointer: str = "/set") -> QuestionSet:  # noqa: B008  # frozen
    """The questions in a JSONL text. Empty lines are skipped; a question without an id is called by its line.

    Raises:
        InvalidInput: at `pointer`, each fault with its line; also for checks that `checks` does not have.
    """
    questions: list[Question] = []
    faults: list[str] = []
    ids: dict[str, int] = {}
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if not line.strip():
            continue
        try:
            question = _question(line, number, checks)
            if question.id in ids:
                raise _Fault(f"its id is that of line {ids[question.id]}")
        except _Fault as fault:
            faults.append(f"line {number}: {fault}")
            if len(faults) >= MAX_TOLD:
                break
            continue
        ids[question.id] = number
        questions.append(question)
    if not faults and not questions:
        faults.append("it has no question")
    if len(questions) > MAX_QUESTIONS:
        faults.append(f"it has more than {MAX_QUESTIONS} questions")
    if faults:
        raise InvalidInput(
            f"The set cannot be used: {faults[0]}." + (f" {len(faults) - 1} more." if faults[1:] else ""),
            errors=tuple(FieldError(pointer=pointer, detail=fault) for fault in faults),
        )
    return QuestionSet(questions=tuple(questions), digest=hashlib.sha256(text.encode()).hexdigest())


class _Fault(Exception):
    """What is wrong with a line."""


def _question(line: str, number: int, checks: Checks) -> Question:
    if len(line.encode()) > MAX_LINE_BYTES:
        raise _Fault(f"it is longer than {MAX_LINE_BYTES // 1024} KiB")
    try:
        found = msgspec.json.decode(line, type=Line)
    except msgspec.ValidationError as error:
        raise _Fault(str(error).replace("`$.", "`")) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise _Fault(f"it is no JSON: {error}") from None
    name = str(number) if found.id is None else str(found.id)
    if not name or len(name) > MAX_ID:
        raise _Fault(f"an `id` has 1 to {MAX_ID} characters")
    for wanted in found.checks or ():
        _refuse_check(wanted, found.expected, checks)
    return Question(id=name, messages=_messages(found), expected=found.expected, checks=found.checks)


def _messages(line: Line) -> tuple[QuestionMessage, ...]:
    if (line.prompt is None) == (line.messages is None):
        raise _Fault("give either `messages` or `prompt`")
    if line.prompt is not None:
        return (QuestionMessage(role="user", content=line.prompt),)
    if not line.messages or line.messages[-1].role != "user":
        raise _Fault("`messages` must end with one of the user")
    return line.messages


def _refuse_check(wanted: str, expected: str | None, checks: Checks) -> None:
    check = next((named.check for named in checks.checks if named.name == wanted), None)
    if check is None:
        raise _Fault(f"there is no check {wanted[:60]!r} in the checks file")
    if check.expected is not None and expected is None:
        raise _Fault(f"the check {wanted!r} needs `expected`")


def message_values(question: Question) -> list[dict[str, Any]]:
    """The messages as a request has them."""
    return [msgspec.to_builtins(message) for message in question.messages]
