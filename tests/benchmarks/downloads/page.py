"""The results as Markdown."""

from collections.abc import Sequence

from tests.benchmarks.downloads.peers import ARIA2, CURL_OPENSSL, OURS, TUNED
from tests.benchmarks.downloads.results import Latency, Race, Results, Target

DAEMON_MOST, WORKER_MOST = 100_000_000, 200_000_000
INTRODUCTION = """\
From start to a verified file, side by side in one run, the contestants taking turns. Ours is the whole way
through the daemon's API: from `POST /downloads` to `completed` in the event stream, with the file synced,
checked and installed. The peers are what Debian and PyPI ship, called as people call them; the clock runs
until the SHA-256 has been checked. Made by `python -m tests.benchmarks downloads --write`.
"""


def page(results: Results, plot: str | None) -> str:
    parts = [f"# Downloads beside others\n\n{INTRODUCTION}", f"{results.machine}. {results.place}\n"]
    if plot:
        parts.append(f"![Seconds to a verified file]({plot})\n")
    parts += [_race(race) for race in results.races]
    if results.latencies:
        parts.append(_latencies(results.latencies))
    if results.missing:
        parts.append("## Not measured\n\n" + "\n".join(f"- {line}" for line in results.missing) + "\n")
    return "\n".join(parts)


def _race(race: Race) -> str:
    bases = [name for name in (CURL_OPENSSL, ARIA2, TUNED) if race.costs.get(name)]
    head = ["", "seconds", "from … to", "MB/s", "CPU s", *(f"× {name}" for name in bases), "rounds"]
    rows = []
    for name, costs in race.costs.items():
        if not costs:
            continue
        low, high = race.spread(name)
        seconds = race.seconds(name)
        ratios = [f"{seconds / race.seconds(base):.2f}" for base in bases]
        shown = f"**{name}**" if name == OURS else name
        spread = f"{low:.2f} … {high:.2f}"
        speed = f"{race.size / seconds / 1e6:.0f}"
        rows.append(
            [shown, f"{seconds:.2f}", spread, speed, f"{race.cpu(name):.2f}", *ratios, str(len(costs))]
        )
    lines = [f"## {race.title}\n", table(head, rows)]
    lines += [f"- {line}" for target in race.targets if (line := _verdict(race, target))]
    lines += [f"- {note}." for note in race.notes]
    return "\n".join(lines) + "\n"


def _verdict(race: Race, target: Target) -> str:
    ratio = race.ratio(target)
    what = f"{'CPU seconds ' if target.of_cpu else ''}≤ {target.most:.2f} × {target.peer}"
    return f"target {what}: " + (
        "not measured" if ratio is None else f"{ratio:.2f}, {met(ratio, target.most)}"
    )


def met(value: float, most: float) -> str:
    return "met" if value <= most else "**missed**"


def _latencies(latencies: Sequence[Latency]) -> str:
    head = ["`GET /api/v1/version` meanwhile", "p50 ms", "p99 ms", "worst ms", "asked", "MB/s", "target p99"]
    rows = [
        [
            found.title,
            f"{found.p50_ms:.2f}",
            f"{found.p99_ms:.2f}",
            f"{found.worst_ms:.2f}",
            str(found.asked),
            f"{found.bytes_per_s / 1e6:.0f}",
            f"≤ {found.most_p99_ms:.0f} ms: {met(found.p99_ms, found.most_p99_ms)}",
        ]
        for found in latencies
    ]
    memory_head = [
        "most memory meanwhile, MB",
        "daemon",
        "with its files",
        "worker",
        "with its files",
        "target",
    ]
    memory = [
        [
            found.title,
            *(
                f"{size / 1e6:.0f}"
                for size in (
                    found.daemon_bytes,
                    found.daemon_resident,
                    found.worker_bytes,
                    found.worker_resident,
                )
            ),
            f"≤ 100 and ≤ 200: {_memory_met(found)}",
        ]
        for found in latencies
    ]
    note = (
        "Memory is anonymous memory (`RssAnon`), the page cache aside; beside it everything resident "
        "(`VmRSS`), with libraries and mapped files.\n"
    )
    return f"## The API meanwhile\n\n{table(head, rows)}\n{table(memory_head, memory)}\n{note}"


def _memory_met(found: Latency) -> str:
    within = found.daemon_bytes <= DAEMON_MOST and found.worker_bytes <= WORKER_MOST
    return "met" if within else "**missed**"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, the first column to the left, the others to the right."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    widths = [max(len(row[column]) for row in [head, rule, *rows]) for column in range(len(head))]
    lines = []
    for row in [head, rule, *rows]:
        cells = []
        for n, (text, width) in enumerate(zip(row, widths, strict=True)):
            if row is rule:
                cells.append("-" * width if n == 0 else "-" * (width - 1) + ":")
            else:
                cells.append(text.ljust(width) if n == 0 else text.rjust(width))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
