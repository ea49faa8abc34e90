"""Whether an answer passes a check: values in, an outcome out. Scripts are run elsewhere."""

import json
import re
from collections.abc import Iterable
from typing import Any, NoReturn

from modelhubd.trials.agreement import normalised
from modelhubd.trials.checks.spec import Check
from modelhubd.wire.evidence import CheckOutcome

Decided = tuple[CheckOutcome, str]


def decide(check: Check, answer: str, expected: str | None) -> Decided:
    """The outcome of a check that is no script, and why."""
    match check.kind:
        case "json_schema":
            outcome, detail = _schema(check.json_schema, answer)
        case "regex":
            assert check.regex is not None
            outcome, detail = _found(re.search(check.regex, answer) is not None, "the pattern is not found")
        case "equals":
            assert check.equals is not None
            outcome, detail = _compared("equals", check.equals, answer, normalise=check.normalise)
        case "contains":
            assert check.contains is not None
            outcome, detail = _compared("contains", check.contains, answer, normalise=check.normalise)
        case "expected" if expected is not None:
            how = "equals" if check.expected == "normalised" else str(check.expected)
            outcome, detail = _compared(how, expected, answer, normalise=check.expected == "normalised")
        case _:
            return CheckOutcome.ERROR, "there is nothing to check it by"
    return turned(outcome, detail) if check.negated else (outcome, detail)


def turned(outcome: CheckOutcome, detail: str) -> Decided:
    """What `not` makes of it; an error stays one."""
    if outcome is CheckOutcome.PASS:
        return CheckOutcome.FAIL, "it passed, and `not` is set"
    return (CheckOutcome.PASS, "") if outcome is CheckOutcome.FAIL else (outcome, detail)


def of_exit(status: int) -> Decided:
    """What a script's exit status says; negative is the signal that ended it."""
    if status == 0:
        return CheckOutcome.PASS, ""
    if status == 1:
        return CheckOutcome.FAIL, "the script says no"
    return CheckOutcome.ERROR, f"the script ended with {'signal' if status < 0 else 'status'} {abs(status)}"


def unusable(check: Check) -> str:
    """Why a check can never be done; the empty text if it can."""
    if check.regex is not None:
        try:
            re.compile(check.regex)
        except (re.error, OverflowError, RecursionError) as error:
            return f"regex: {error}"
    if check.json_schema is not None:
        return _bad_schema(check.json_schema)
    return ""


def _found(found: bool, otherwise: str) -> Decided:
    return (CheckOutcome.PASS, "") if found else (CheckOutcome.FAIL, otherwise)


def _compared(how: str, wanted: str, answer: str, *, normalise: bool) -> Decided:
    one, other = (normalised(wanted), normalised(answer)) if normalise else (wanted.strip(), answer.strip())
    if how == "contains":
        return _found(one in other, "the text is not in it")
    return _found(one == other, "it is another text")


def _schema(schema: Any, answer: str) -> Decided:
    from jsonschema import validators  # takes a fifth of a second, and few need it
    from referencing.jsonschema import EMPTY_REGISTRY

    try:
        value = json.loads(answer, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return CheckOutcome.FAIL, "it is no JSON"
    try:
        kind = validators.validator_for(schema, default=validators.validator_for({}))
        # With a registry of its own jsonschema fetches nothing.
        error = next(iter(kind(schema, registry=EMPTY_REGISTRY).iter_errors(value)), None)
    except Exception as fault:  # the schema is anybody's, and so is what it raises
        return CheckOutcome.ERROR, f"the schema cannot be applied ({type(fault).__name__})"
    if error is None:
        return CheckOutcome.PASS, ""
    return CheckOutcome.FAIL, f"`{error.validator}` of the schema is not met at {_depth(error.absolute_path)}"


def _depth(path: Iterable[Any]) -> str:
    """Where a fault is, without telling the answer's own words."""
    steps = len(list(path))
    return "the top" if steps == 0 else f"level {steps}"


def _bad_schema(schema: Any) -> str:
    from jsonschema import SchemaError, validators

    if any(not reference.startswith("#") for reference in _references(schema)):
        return "json_schema: a $ref that leaves the schema; nothing is fetched"
    try:
        validators.validator_for(schema, default=validators.validator_for({})).check_schema(schema)
    except SchemaError as error:
        return f"json_schema: {error.json_path}: {error.message[:200]}"
    return ""


def _references(schema: Any) -> Iterable[str]:
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    if isinstance(schema, dict):
        yield from (
            schema[key]
            for key in ("$ref", "$dynamicRef", "$recursiveRef")
            if isinstance(schema.get(key), str)
        )
    for each in inner:
        yield from _references(each)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
