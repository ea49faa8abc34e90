"""Values as people read them."""

from datetime import UTC, datetime

from modelhubd.wire.catalog import ModelSummary
from modelhubd.wire.fit import Fit, Verdict
from modelhubd.wire.units import human_bytes, human_duration

VERDICTS: dict[Verdict, tuple[str, str, str]] = {
    Verdict.COMPATIBLE: ("✓", "Compatible", "green"),
    Verdict.TIGHT: ("≈", "Tight fit", "yellow"),
    Verdict.PARTIAL: ("◐", "Partly on GPU", "cyan"),
    Verdict.TOO_LARGE: ("✗", "Too large", "red"),
    Verdict.UNSUPPORTED: ("⊘", "Unsupported", "red"),
    Verdict.UNKNOWN: ("?", "Unknown", "dim"),
}
"""Verdict → sign, word, style."""

STATE_STYLES = {
    "ready": "green", "completed": "green", "ok": "green", "active": "cyan", "loading": "cyan",
    "starting": "cyan", "verifying": "cyan", "installing": "cyan", "waiting": "yellow", "paused": "yellow",
    "draining": "yellow", "offline": "yellow", "missing": "yellow", "failed": "red", "damaged": "red",
    "cancelled": "dim", "stopped": "dim", "queued": "dim",
}  # fmt: skip


def badge(fit: Fit) -> str:
    """`✓ Compatible`."""
    sign, word, _ = VERDICTS[fit.verdict]
    return f"{sign} {word}"


def badge_style(fit: Fit) -> str:
    return VERDICTS[fit.verdict][2]


def standing(model: ModelSummary) -> str:
    """Its badge; `✗ Not allowed` where a policy refuses it, `‖ Held back` where it is for other programs."""
    if not model.allowed:
        return "✗ Not allowed"
    return badge(model.fit) if model.held_back is None else "‖ Held back"


def standing_style(model: ModelSummary) -> str:
    if not model.allowed:
        return "red"
    return badge_style(model.fit) if model.held_back is None else "yellow"


def size(count: float | None) -> str:
    """`5.03 GB`, or a dash while unknown."""
    return "–" if count is None else human_bytes(count)


def rate(bytes_per_s: float) -> str:
    return f"{human_bytes(bytes_per_s)}/s"


def left(eta_s: float) -> str:
    """`4 min 12 s left`; never nothing while something is still to come."""
    return f"{human_duration(max(1.0, eta_s))} left"


def count(number: int | None) -> str:
    """Parameters or tokens: `8.03B`, `137M`, `40k`."""
    if number is None:
        return "–"
    for limit, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= limit * 0.9995:
            return f"{number / limit:.3g}{unit}"
    return str(number)


def context(tokens: int | None) -> str:
    """A context length, in units of 1024 tokens where it is a multiple: `8k`, `128k`."""
    if tokens and tokens % 1024 == 0:
        return f"{tokens // 1024}k"
    return count(tokens)


def moment(text: str) -> datetime | None:
    """A time from the wire; None where it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def ago(text: str | None, now: datetime) -> str:
    """`5 min ago`; a date for what is over a month old."""
    then = moment(text) if text else None
    if then is None:
        return "–"
    seconds = max(0.0, (now - then).total_seconds())
    if seconds < 5:
        return "just now"
    for limit, length, unit in (
        (60, 1, "s"),
        (3600, 60, "min"),
        (172_800, 3600, "h"),
        (2_678_400, 86400, "days"),
    ):
        if seconds < limit:
            return f"{int(seconds // length)} {unit} ago"
    return then.date().isoformat()


def until(text: str | None, now: datetime) -> str:
    """`in 12 s`, or `now` when the time has come; empty where none is known."""
    then = moment(text) if text else None
    if then is None:
        return ""
    seconds = (then - now).total_seconds()
    return f"in {human_duration(seconds)}" if seconds >= 1 else "now"


def since(text: str | None, now: datetime) -> str:
    """How long it has been: `2 h 05 min`."""
    then = moment(text) if text else None
    return "–" if then is None else human_duration(max(0.0, (now - then).total_seconds()))


def counted(number: int, thing: str) -> str:
    """As `1 model`, `2 models`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def reference(model: str, version: int, option: str) -> str:
    """The exact name of an option of a model's version."""
    return f"{model}@{version}:{option}"
