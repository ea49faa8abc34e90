"""What a publisher sends, read: an entry that keeps every rule, or every fault in it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from modelhubd.entries.content import content_of
from modelhubd.entries.fields import faults_in_fields
from modelhubd.entries.issues_of_files import wrong_sums
from modelhubd.entries.reading import Fault, NotADocument, faults_in_json, parsed, pointed
from modelhubd.entries.rules import TEXT_MAX, faults_in_entry, with_sums
from modelhubd.errors import BadRequest, InvalidInput, TooLarge
from modelhubd.wire.catalog import CatalogEntry, Envelope
from modelhubd.wire.problem import FieldError

BODY_MAX = 256 * 1024
FAULTS_MAX = 64
"""Told of one publish; the rest shows once these are mended."""
ENVELOPES_MAX = 8
SIGNATURES_MAX = 8
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")


@dataclass(frozen=True, slots=True)
class Submission:
    """A publish as it would be stored. `content` is canonical; `entry` carries no hub-managed field."""

    entry: CatalogEntry
    notes: str | None
    content: bytes


def submission_of(body: bytes, model: str) -> Submission:
    """The body of a publish under the id `model`.

    A stated size that is not the sum is let pass: it is recorded as an issue that blocks the approval.

    Raises:
        TooLarge: more than `BODY_MAX` bytes.
        BadRequest: not JSON.
        InvalidInput: every fault with its pointer: unknown and hub-managed fields, rules of the catalog.
    """
    if len(body) > BODY_MAX:
        raise TooLarge(f"A publish takes at most {BODY_MAX // 1024} KiB. Shorten its texts or its options.")
    try:
        document = parsed(body)
    except NotADocument as error:
        raise BadRequest(f"The body cannot be read: {error}.") from error
    if not isinstance(document, dict):
        raise InvalidInput.at("", "not an object with the fields of a catalog entry")
    _refuse(faults_in_json(document, "", 1))
    _refuse([*faults_in_fields(document), *_identity(document, model)])
    notes = document.pop("notes", None)
    _refuse(_notes(notes))
    try:
        entry = msgspec.convert(document | {"id": model}, CatalogEntry)
    except msgspec.ValidationError as error:
        raise _refusal([pointed(str(error))]) from error
    entry = with_sums(entry)
    recorded = {pointer for pointer, _ in wrong_sums(entry)}
    _refuse(
        fault for fault in [*faults_in_entry(entry), *_envelopes(entry.envelopes)] if fault[0] not in recorded
    )
    return Submission(entry, notes or None, content_of(entry, notes))


def _refuse(faults: Iterable[Fault]) -> None:
    if found := list(faults):
        raise _refusal(found)


def _refusal(found: list[Fault]) -> InvalidInput:
    first, detail = found[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return InvalidInput(
        f"{first or 'The body'}: {detail}{more}",
        errors=tuple(FieldError(pointer=pointer, detail=reason) for pointer, reason in found[:FAULTS_MAX]),
    )


def _identity(document: dict[str, Any], model: str) -> Iterator[Fault]:
    if document.get("id", model) != model:
        yield "/id", f"not {model}, which the path names"


def _notes(notes: object) -> Iterator[Fault]:
    if notes is not None and not isinstance(notes, str):
        yield "/notes", "not text"
    elif notes is not None and len(notes) > TEXT_MAX:
        yield "/notes", f"longer than {TEXT_MAX} characters"


def _envelopes(envelopes: tuple[Envelope, ...]) -> Iterator[Fault]:
    if len(envelopes) > ENVELOPES_MAX:
        yield "/envelopes", f"more than {ENVELOPES_MAX} signatures"
    for index, envelope in enumerate(envelopes):
        here = f"/envelopes/{index}"
        if _BASE64.fullmatch(envelope.payload) is None:
            yield f"{here}/payload", "not base64"
        if not 1 <= len(envelope.signatures) <= SIGNATURES_MAX:
            yield f"{here}/signatures", f"an envelope has 1 to {SIGNATURES_MAX} signatures"
        for position, signature in enumerate(envelope.signatures):
            if _BASE64.fullmatch(signature.sig) is None:
                yield f"{here}/signatures/{position}/sig", "not base64"
