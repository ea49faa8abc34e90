"""What a check is. Pure and light: the process that runs checks imports it."""

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta

from modelhubd.wire.base import Request

ScriptSeconds: TypeAlias = Annotated[float, Meta(gt=0, le=60)]

MAX_PATTERN = 4000
MAX_SCRIPT_BYTES = 32 * 1024


class Check(Request, frozen=True, kw_only=True, omit_defaults=True, rename={"negated": "not"}):
    """One check. Exactly one of the first six is given: it says what kind of check it is."""

    json_schema: dict[str, Any] | bool | None = None
    """The answer is JSON and valid by this schema (draft 2020-12 unless `$schema` names another)."""
    regex: Annotated[str, Meta(min_length=1, max_length=MAX_PATTERN)] | None = None
    """A regular expression of Python's `re` that is found somewhere in the answer."""
    equals: str | None = None
    """The answer is this text, white space at its ends aside."""
    contains: Annotated[str, Meta(min_length=1)] | None = None
    """This text is found in the answer."""
    expected: Literal["equals", "normalised", "contains"] | None = None
    """How the answer has to match the `expected` of its line; lines without are not checked by it."""
    script: str | None = None
    """A program that begins with `#!`, run without network: the answer on its standard input, 0 is a pass,
    1 a fail, all else an error. The line's `expected` is in a file of that name in its folder, if there is
    one."""
    normalise: bool = False
    """For `equals` and `contains`: compare evened out texts, see `agreement.normalised`."""
    timeout_s: ScriptSeconds | None = None
    """For `script`: seconds it may take; 10 if none are named."""
    negated: bool = False
    """`not: true` turns pass into fail and fail into pass."""

    @property
    def kind(self) -> str:
        """Which kind it is; the empty text where none or several are given."""
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        return given[0] if len(given) == 1 else ""


KINDS = ("json_schema", "regex", "equals", "contains", "expected", "script")


class Named(Request, frozen=True, kw_only=True):
    """A check and what it is called."""

    name: str
    check: Check


class Order(Request, frozen=True, kw_only=True):
    """What the process that runs checks is asked: these checks on this answer, or only whether they can be
    used."""

    checks: tuple[Named, ...]
    answer: str = ""
    expected: str | None = None
    prove: bool = False
