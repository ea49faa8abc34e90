"""Why a registry's catalog is not taken: one code and one sentence for everything that can be wrong. Pure."""

from collections.abc import Mapping

ROOT, TIMESTAMP, SNAPSHOT, TARGETS, TARGET = "root", "timestamp", "snapshot", "targets", "target"
KEPT_ON = "The last verified catalog stays in use."

REASONS: Mapping[str, str] = {
    "no_root": "No trusted root is set, so nothing that the registry says can be checked. Get its "
    "1.root.json from the registry's administrator (not from the registry itself), put it on this machine "
    "and name it with [catalog] registry_root.",
    "bad_root": "The file that [catalog] registry_root names is no TUF root that vouches for itself. Get the "
    "registry's 1.root.json anew from its administrator.",
    "bad_url": "[catalog] registry_url cannot be used: {}.",
    "offline": "This machine is kept offline by policy, so the registry is not asked.",
    "credentials": "{}",
    "unreachable": "The registry cannot be reached: {}. It is asked again by itself.",
    "not_secure": "A secure connection to the registry cannot be made ({}). Check this machine's clock and "
    "certificates, or sign in to the network.",
    "too_slow": "The registry sends next to nothing, or did not answer in time. It is asked again by itself.",
    "not_allowed": "The registry does not accept this machine's token, or there is none. Put one of scope "
    "read for its origin into tokens.toml in the configuration folder.",
    "http_error": "The registry answers with status {}. Check [catalog] registry_url; it is asked again by "
    "itself.",
    "redirected": "The registry answers with a redirect, which is not followed. Set [catalog] registry_url "
    "to the address it is really at, or sign in to the network.",
    "not_a_registry": "Something that is no registry answers at its address, as the sign-in page of a "
    "network does. Sign in to the network, or check [catalog] registry_url.",
    "oversized": "The registry sends more than {} may have, so it was cut off.",
    "wrong_root": "What the registry serves is not signed by the root that is trusted here. Either it is "
    "another registry, or [catalog] registry_root is another one's. Compare them with its administrator.",
    "bad_signature": "The registry's {} is not signed by the keys that its root names. " + KEPT_ON,
    "rolled_back": "The registry offers an older catalog than the one seen before. " + KEPT_ON,
    "mixed": "The registry's {} does not belong to the rest of what it offers. " + KEPT_ON,
    "expired": "The registry's {} has expired, so it may be an old one that is shown again. If this "
    "machine's clock is right, the registry's administrator has to see why it is not renewed. " + KEPT_ON,
    "incomplete": "The registry signs no catalog. " + KEPT_ON,
    "bad_metadata": "The registry's {} cannot be understood. " + KEPT_ON,
    "bad_document": "The registry's catalog cannot be used: {}. " + KEPT_ON,
    "newer_schema": "The registry's catalog is of a newer kind than this program knows. Update modelhub.",
    "clock_wrong": "This machine's clock cannot be right: {}. Set it, for without it an old catalog cannot "
    "be told from a new one.",
    "audit_alarm": "{} The catalog that is signed over this log is not taken. Ask the registry's "
    "administrator; acknowledge the alarm only once you know why.",
    "audit_proof_missing": "The registry does not show that its audit log continues the one seen before "
    "({}). " + KEPT_ON,
    "overtaken": "Another catalog came into use meanwhile. It is looked at again by itself.",
    "storage": "The catalog cannot be kept on this machine's disk ({}).",
    "unexpected": "The catalog could not be taken in ({}). The daemon's log says more.",
}  # fmt: skip
SHOWN = {
    ROOT: "root", TIMESTAMP: "timestamp", SNAPSHOT: "list of versions", TARGETS: "list of files",
    TARGET: "catalog",
}  # fmt: skip


class NotTaken(Exception):
    """A sync that ended without a new catalog. `code` is one of `REASONS`; `detail` says what to do."""

    def __init__(self, code: str, about: str = "", *, retry_after_s: float | None = None) -> None:
        self.code = code
        self.detail = REASONS[code].format(about)
        self.retry_after_s = retry_after_s
        super().__init__(self.detail)


def of_status(status: int, retry_after_s: float | None = None) -> NotTaken:
    """What an HTTP status other than success means."""
    if status in (401, 403):
        return NotTaken("not_allowed")
    if 300 <= status < 400:
        return NotTaken("redirected")
    return NotTaken("http_error", str(status), retry_after_s=retry_after_s)


def of_repository(error: Exception, role: str, *, first: bool) -> NotTaken:
    """What python-tuf raised over the file of `role`; `first` says that nothing was ever taken from this
    registry."""
    # Here, as whoever has no registry never needs them; whoever calls this has them loaded.
    from tuf.api import exceptions
    from tuf.api.serialization import DeserializationError

    shown = SHOWN[role]
    match error:
        case DeserializationError():
            return NotTaken("bad_metadata", shown)
        case exceptions.UnsignedMetadataError():
            if role == ROOT or (first and role == TIMESTAMP):
                return NotTaken("wrong_root")
            return NotTaken("bad_signature", shown)
        case exceptions.ExpiredMetadataError():
            # A root is looked at for its age when the timestamp comes.
            return NotTaken("expired", SHOWN[ROOT] if "root" in str(error) else shown)
        case exceptions.BadVersionNumberError():
            return NotTaken("rolled_back") if role in (ROOT, TIMESTAMP) else NotTaken("mixed", shown)
        case exceptions.LengthOrHashMismatchError():
            return NotTaken("mixed", shown)
        case exceptions.DownloadLengthMismatchError():
            return NotTaken("oversized", f"its {shown}")
        case _:
            return NotTaken("bad_metadata", shown)
