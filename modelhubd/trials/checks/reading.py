"""A checks file: what stands in it, refused at once with the line and the place of what is wrong. Pure."""

import hashlib
import re
from typing import Any

import msgspec

from modelhubd.errors import InvalidInput
from modelhubd.trials.checks.spec import KINDS, MAX_SCRIPT_BYTES, Check, Named
from modelhubd.trials.checks.yaml_text import BadYaml, Path, read_yaml
from modelhubd.wire.problem import FieldError

MAX_CHECKS = 64
MAX_TOLD = 20
"""So many faults are named at once."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `\$?(?P<path>.*)`)?$", re.DOTALL)


class Checks(msgspec.Struct, frozen=True, kw_only=True):
    """A checks file, read. `digest` is the SHA-256 of its text in hexadecimal digits."""

    checks: tuple[Named, ...] = ()
    digest: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(named.name for named in self.checks)

    @property
    def has_scripts(self) -> bool:
        return any(named.check.script is not None for named in self.checks)

    def for_line(self, wanted: tuple[str, ...] | None, *, expects: bool) -> tuple[Named, ...]:
        """The checks of a line: the `wanted` ones, or all where it names none. `expected` checks need that
        it has an expected answer."""
        return tuple(
            named
            for named in self.checks
            if (wanted is None or named.name in wanted) and (expects or named.check.expected is None)
        )


def read_checks(text: str, pointer: str = "/checks") -> Checks:
    """The checks in a YAML text (JSON is YAML): `checks:` with a name for each.

    Raises:
        InvalidInput: at `pointer`, each fault with its line.
    """
    try:
        value, lines = read_yaml(text)
    except BadYaml as fault:
        raise _refused(pointer, [(fault.line, fault.detail)]) from None
    if not isinstance(value, dict) or not isinstance(value.get("checks"), dict) or not value["checks"]:
        raise _refused(pointer, [(1, "it needs `checks:` with a name and a check in each line below")])
    faults = [
        (lines[(key,)], f"{key[:60]!r} is unknown; only `checks` may stand here")
        for key in value
        if key != "checks"
    ]
    if len(value["checks"]) > MAX_CHECKS:
        faults.append((lines[("checks",)], f"there are more than {MAX_CHECKS} checks"))
    found = []
    for name, written in value["checks"].items():
        try:
            found.append(Named(name=_name(name), check=_check(written)))
        except _Fault as fault:
            place: Path = ("checks", name, *fault.place)
            faults.append((lines.get(place, lines["checks", name]), f"{name[:60]}: {fault.detail}"))
    if faults:
        raise _refused(pointer, faults)
    return Checks(checks=tuple(found), digest=hashlib.sha256(text.encode()).hexdigest())


class _Fault(Exception):
    def __init__(self, detail: str, place: Path = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.place = place


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise _Fault("a name has letters, digits and . _ - only, at most 64")
    return name


def _check(written: Any) -> Check:
    try:
        check = msgspec.convert(written, Check)
    except msgspec.ValidationError as error:
        match = _PLACE.match(str(error))
        assert match is not None
        path = (match["path"] or "").strip(".")
        raise _Fault(f"{path}: {match['what']}" if path else match["what"], (path,) if path else ()) from None
    if not check.kind:
        raise _Fault(f"give exactly one of {', '.join(KINDS)}")
    if check.normalise and check.kind not in ("equals", "contains"):
        raise _Fault("`normalise` is for `equals` and `contains`", ("normalise",))
    if check.timeout_s is not None and check.kind != "script":
        raise _Fault("`timeout_s` is for `script`", ("timeout_s",))
    if check.script is not None:
        _refuse_bad_script(check.script)
    return check


def _refuse_bad_script(script: str) -> None:
    if not script.startswith("#!/"):
        raise _Fault(
            "a script begins with `#!` and the path of the program that runs it, such as #!/bin/sh",
            ("script",),
        )
    if len(script.encode()) > MAX_SCRIPT_BYTES or "\0" in script:
        raise _Fault(f"a script has at most {MAX_SCRIPT_BYTES // 1024} KiB of text", ("script",))


def _refused(pointer: str, faults: list[tuple[int, str]]) -> InvalidInput:
    told = [f"line {line}: {detail}" if line else detail for line, detail in sorted(faults)[:MAX_TOLD]]
    return InvalidInput(
        f"The checks cannot be used: {told[0]}." + (f" {len(faults) - 1} more." if len(faults) > 1 else ""),
        errors=tuple(FieldError(pointer=pointer, detail=detail) for detail in told),
    )
