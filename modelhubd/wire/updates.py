"""What is newer than what is installed, and going back."""

from enum import StrEnum
from typing import Any, Literal

from modelhubd.wire.base import Message, Request
from modelhubd.wire.catalog import Format, VersionNote
from modelhubd.wire.fit import Fit

Switch = Literal["next_load", "now"]


class UpdateState(StrEnum):
    AVAILABLE = "available"
    HELD_BACK = "held_back"
    DOWNLOADING = "downloading"
    READY = "ready"
    """The new version is installed and verified; what is loaded, or chosen by hand, is still the old one."""


class UpdateKind(StrEnum):
    VERSION = "version"
    CONTENT = "content"
    """The catalog states other bytes for the same version and option."""
    WITHDRAWN = "withdrawn"
    """There is nothing newer: the registry has withdrawn what is installed."""


class HeldBack(Message, frozen=True, kw_only=True):
    """One reason why a newer version is not offered. `code` is one of app_pin daemon llama_server policy
    does_not_fit no_option withdrawn content_replaced rolled_back requirement_unknown."""

    code: str
    by: str
    """Who or what: an application's id, a policy, `daemon`, `llama_server`, `device`, `registry`, `you`."""
    source: str | None = None
    """Of a policy the layer that has set it, such as `administrator`."""
    detail: str


class UpdateChange(Message, frozen=True, kw_only=True):
    """A difference between the entry that was installed and the newer one. `field` is a path such as
    `license/spdx`, `context_length`, `requires/app/my-editor`, `option/quantization`, `option/size_bytes`."""

    field: str
    before: Any = None
    after: Any = None


class UpdateError(Message, frozen=True, kw_only=True):
    """Why the last attempt did not end well."""

    code: str
    detail: str


class Update(Message, frozen=True, kw_only=True):
    """An installed artifact and what is newer. `id` is the installed one's library id."""

    id: str
    model: str
    display_name: str | None = None
    kind: UpdateKind = UpdateKind.VERSION
    state: UpdateState
    installed_version: int
    installed_option: str
    version: int
    """The newer one; the installed one where only its content differs or where it was withdrawn."""
    option: str | None = None
    """The option that would take the place of the installed one; None where there is none."""
    format: Format | None = None
    quantization: str | None = None
    size_bytes: int | None = None
    """To fetch: files that are here already under the same digest cost nothing."""
    total_bytes: int | None = None
    """Of the new option on the disk."""
    notes: tuple[VersionNote, ...] = ()
    """Of all versions after the installed one, newest first."""
    changes: tuple[UpdateChange, ...] = ()
    held_back: tuple[HeldBack, ...] = ()
    refusal: str | None = None
    """The first reason that a policy gives, in words."""
    fit: Fit | None = None
    active: bool = False
    """Whether the bare model id means what is installed of it here."""
    loaded_by: tuple[str, ...] = ()
    """Servers that run the installed one."""
    verified: bool = False
    """By an administrator of the registry."""
    withdrawn: str | None = None
    download: str | None = None
    """Id of the download of the new version, while there is one."""
    on_trial: bool = False
    """Whether the new version is installed beside the old one and tried; see `GET /trials`."""
    new_id: str | None = None
    """Library id of the new version once it is installed."""
    error: UpdateError | None = None
    published_at: str | None = None
    published_by: str | None = None


class ApplyUpdates(Request, frozen=True, kw_only=True):
    ids: tuple[str, ...] | None = None
    """Library ids of updates; all that are not held back where absent."""
    switch: Switch = "next_load"
    """`now`: what is loaded is loaded again from the new version, and unloaded once that one is ready."""
    force: bool = False
    """Also what does not fit, or is not for the programs here; never what a policy refuses."""
    dry_run: bool = False
    trial: bool | None = None
    """Whether each is tried beside the old version first, and takes its place only when the trial is
    promoted; unset is what `updates.trial_first` says."""


class RefusedUpdate(Message, frozen=True, kw_only=True):
    id: str
    code: str
    detail: str


class AppliedUpdates(Message, frozen=True, kw_only=True):
    """`applied` are the updates as they stand now; follow those with a `download`."""

    applied: tuple[Update, ...] = ()
    refused: tuple[RefusedUpdate, ...] = ()


class RollBack(Request, frozen=True, kw_only=True):
    model: str
    """`publisher/name`."""
    switch: Switch = "next_load"
    dry_run: bool = False


class RolledBack(Message, frozen=True, kw_only=True):
    model: str
    from_id: str
    from_version: int
    from_option: str
    to_id: str
    """Library id of what is active now."""
    to_version: int
    to_option: str
