"""Checks a draft as the registry will, by the same rules, before anything is sent."""

import hashlib
import json
from dataclasses import dataclass

import msgspec

from modelhub_cli.failures import USAGE, Failed
from modelhubd.entries.content import canonical, content_of
from modelhubd.entries.drafts import Draft
from modelhubd.entries.issues import Surroundings, issues_in
from modelhubd.entries.submission import Submission, submission_of
from modelhubd.errors import BadRequest, InvalidInput, TooLarge
from modelhubd.wire.catalog import Envelope
from modelhubd.wire.registry import Issue


class _Named(msgspec.Struct):
    id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """What the registry takes."""

    submission: Submission

    @property
    def model(self) -> str:
        return self.submission.entry.id

    @property
    def content_sha256(self) -> str:
        return hashlib.sha256(self.submission.content).hexdigest()

    @property
    def envelopes(self) -> tuple[Envelope, ...]:
        return self.submission.entry.envelopes

    def body(self, envelopes: tuple[Envelope, ...] | None = None) -> bytes:
        """What is sent, with these signatures: equal content gives equal bytes."""
        return canonical(document_of(self, envelopes))

    def issues(self) -> tuple[Issue, ...]:
        """What the registry would record, as far as it can be told without its models and publishers."""
        entry = self.submission.entry
        return issues_in(entry, self.submission.notes, Surroundings())


def check_draft(draft: Draft) -> Checked:
    """
    Raises:
        Failed: the registry would refuse it (exit code 2); the message has every fault.
    """
    return check_body(content_of(draft.entry, draft.notes), draft.entry.id)


def check_body(body: bytes, model: str | None) -> Checked:
    """The publish that `body` holds, under the id in it unless `model` names one.

    Raises:
        Failed: as `check_draft`.
    """
    try:
        return Checked(submission=submission_of(body, model or _id_in(body)))
    except InvalidInput as error:
        lines = [f"  {fault.pointer or 'the entry'}: {fault.detail}" for fault in error.errors]
        raise Failed("\n".join(["This cannot be published:", *lines]), code=USAGE) from error
    except (BadRequest, TooLarge) as error:
        raise Failed(f"This cannot be published. {error.detail}", code=USAGE) from error


def document_of(checked: Checked, envelopes: tuple[Envelope, ...] | None = None) -> dict[str, object]:
    """The entry file: what is published, as JSON values."""
    document: dict[str, object] = json.loads(checked.submission.content)
    signed = checked.envelopes if envelopes is None else envelopes
    if signed:
        document["envelopes"] = msgspec.to_builtins(signed)
    return document


def _id_in(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Named).id
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
