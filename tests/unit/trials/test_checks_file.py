"""A checks file: what it may say, and how it is refused."""

from typing import Any

import pytest

from modelhubd.errors import InvalidInput
from modelhubd.trials.checks.reading import MAX_CHECKS, Checks, read_checks
from modelhubd.trials.checks.spec import MAX_SCRIPT_BYTES, Check
from modelhubd.trials.checks.yaml_text import MAX_CHARS, MAX_DEPTH, MAX_NODES, BadYaml, read_yaml

GOOD = """\
checks:
  is_json: {json_schema: {type: object, required: [no, 12:30], properties: {on: {const: 0x1F}}}}
  polite: {regex: "(?i)please"}
  right: {expected: normalised}
  word: {contains: Paris, normalise: true, not: true}
  same: {equals: "yes"}
  own:
    timeout_s: 3
    script: |
      #!/bin/sh
      exit 0
"""


def refusal(text: str) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        read_checks(text)
    return caught.value


def test_a_checks_file_is_read_as_it_is_written() -> None:
    found = read_checks(GOOD)
    assert found.names == ("is_json", "polite", "right", "word", "same", "own")
    by_name = {named.name: named.check for named in found.checks}
    assert by_name["is_json"].json_schema == {
        "type": "object", "required": ["no", "12:30"], "properties": {"on": {"const": 31}}
    }  # fmt: skip
    assert by_name["word"] == Check(contains="Paris", normalise=True, negated=True)
    assert by_name["own"].script == "#!/bin/sh\nexit 0\n"
    assert by_name["own"].kind == "script"
    assert found.has_scripts
    assert not Checks(checks=found.checks[:5]).has_scripts
    assert found.digest is not None
    assert len(found.digest) == 64


def test_a_line_has_the_checks_that_it_names_and_needs_an_expected_answer_for_some() -> None:
    found = read_checks(GOOD)
    names = [named.name for named in found.for_line(None, expects=False)]
    assert names == ["is_json", "polite", "word", "same", "own"]
    assert [named.name for named in found.for_line(("right", "same"), expects=True)] == ["right", "same"]
    assert len(found.for_line(None, expects=True)) == 6


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: it needs `checks:`"),
        ("checks: []", "line 1: it needs `checks:`"),
        ("checks: {}", "line 1: it needs `checks:`"),
        ("checks:\n  a: {regex: x}\nother: 1", "line 3: 'other' is unknown"),
        ("checks:\n  a: {}", "line 2: a: give exactly one of"),
        ("checks:\n  a: {regex: x, equals: y}", "line 2: a: give exactly one of"),
        ("checks:\n  a:\n    regex: x\n    colour: red", "line 3: a: Object contains unknown field `colour`"),
        ("checks:\n  a:\n    regex:\n      - x", "line 4: a: regex: Expected `str | null`, got `array`"),
        ("checks:\n  a: 3", "line 2: a: Expected `object`, got `int`"),
        ("checks:\n  'a b': {regex: x}", "line 2: a b: a name has letters"),
        ("checks:\n  a: {regex: x, normalise: true}", "line 2: a: `normalise` is for"),
        ("checks:\n  a: {regex: x, timeout_s: 3}", "line 2: a: `timeout_s` is for"),
        ("checks:\n  a: {script: 'exit 0'}", "line 2: a: a script begins with `#!`"),
        (
            "checks:\n  a: {script: '#!/bin/sh', timeout_s: 61}",
            "line 2: a: timeout_s: Expected `float` <= 60",
        ),
        ("checks: {a: {regex: x}, a: {regex: y}}", "line 1: the key 'a' stands in it twice"),
        ("checks:\n  a: &b {regex: x}\n  c: *b", "line 3: aliases"),
        ("checks:\n  a: !!python/object/apply:os.system ['id']", "line 2: tags"),
        ("checks:\n  a: !x y", "line 2: tags"),
        ("checks:\n  [1]: {regex: x}", "line 2: a key must be a text"),
        ("checks: 1\n---\nchecks: 2", "line 2: only one document"),
        ("checks:\n  a: {regex: 'x}", "it is no YAML"),
        ("checks: \x01", "characters that may not be in it"),
        ("checks: \ud800", "characters that may not be in it"),
        ("checks: {a: {json_schema: {maximum: .inf}}}", "line 1: this number"),
        ("checks: {a: {json_schema: {maximum: 1e999}}}", "line 1: this number"),
        ("[" * 1000, "nested deeper"),
        ("x" * (MAX_CHARS + 1), "longer than 64 KiB"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_line(text: str, said: str) -> None:
    error = refusal(text)
    assert any(said in each.detail for each in error.errors), error.errors
    assert {each.pointer for each in error.errors} == {"/checks"}


def test_every_fault_is_named_in_the_order_of_the_lines() -> None:
    error = refusal("checks:\n  b: {}\n  a: {regex: 3}\nx: 1")
    assert [each.detail.partition(":")[0] for each in error.errors] == ["line 2", "line 3", "line 4"]
    assert error.detail.endswith("2 more.")


def test_too_much_is_refused() -> None:
    many = "checks:\n" + "".join(f"  c{n}: {{regex: x}}\n" for n in range(MAX_CHECKS + 1))
    assert "more than 64 checks" in refusal(many).errors[0].detail
    long = 'checks: {a: {script: "#!/bin/sh ' + "x" * MAX_SCRIPT_BYTES + '"}}'
    assert "32 KiB" in refusal(long).errors[0].detail
    with pytest.raises(BadYaml, match="more than"):
        read_yaml("[" + "1," * (MAX_NODES + 1) + "]")
    read_yaml("[" * MAX_DEPTH + "]" * MAX_DEPTH)


@pytest.mark.parametrize(
    ("text", "value"),
    [("~", None), ("Null", None), ("", None), ("TRUE", True), ("false", False), ("no", "no"), ("'1'", "1"),
     ("-12", -12),
     ("0o17", 15), ("012", 12), ("1.5e3", 1500.0), (".5", 0.5), ("1_000", "1_000"), ("1e", "1e"),
     ("2026-01-01", "2026-01-01"), ("<<: 1", {"<<": 1}), ("? a\n: b", {"a": "b"}), ("9" * 500, "9" * 500)],
)  # fmt: skip
def test_values_are_those_of_yaml_1_2(text: str, value: Any) -> None:
    assert read_yaml(text)[0] == value
    assert type(read_yaml(text)[0]) is type(value)
