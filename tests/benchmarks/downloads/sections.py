"""What is measured: each function is one section of the page."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.downloads.daemon import Ours, running_ours
from tests.benchmarks.downloads.latency import meanwhile
from tests.benchmarks.downloads.link import BITS_PER_S, CONGESTION, ROUND_TRIP_MS, running_link
from tests.benchmarks.downloads.origin import SLOW_BYTES_PER_S, Origin, Served, make_file, running_origin
from tests.benchmarks.downloads.peers import (
    ARIA2,
    CURL_OPENSSL,
    FULL,
    OURS,
    TUNED,
    Contestant,
    Job,
    aria2,
    aria2_tuned,
    curl_openssl,
    curl_openssl_sync,
)
from tests.benchmarks.downloads.places import described
from tests.benchmarks.downloads.programs import Cost, Missing
from tests.benchmarks.downloads.results import Latency, Race, Results, Target
from tests.benchmarks.figures import percentile

SLOWEST_BYTES_PER_S = 1_000_000
"""A contestant that gets less than this is ended: a run is bounded."""
SMALL, LOSSY = 256 << 20, 64 << 20
LIMITED_BYTES_PER_S = 200_000_000
SYNCED = "curl + openssl dgst + sync"


@dataclass
class Run:
    """One run's settings and files."""

    folder: Path
    disk: Path
    rounds: int
    large: int
    results: Results
    say: Callable[[str], None]

    @property
    def small(self) -> int:
        return min(SMALL, self.large)

    @property
    def lossy(self) -> int:
        return min(LOSSY, self.large)

    def file(self, size: int) -> Served:
        """A file of this size, made once."""
        if size not in self._files:
            (self.folder / "files").mkdir(exist_ok=True)
            self._files[size] = make_file(self.folder / "files", size)
        return self._files[size]

    def __post_init__(self) -> None:
        self._files: dict[int, Served] = {}

    def job(self, origin: Origin, url: str, size: int, folder: Path | None = None) -> Job:
        file = self.file(size)
        target = (folder or self.folder) / "target"
        within_s = 60 + size / SLOWEST_BYTES_PER_S
        return Job(file, f"{url}/{file.name}", target, origin.authority, within_s)

    def race(self, title: str, job: Job, contestants: Sequence[Contestant], *targets: Target) -> Race:
        """Everybody once a round, each round begun by another; a program that is missing is told once."""
        race = Race(title, job.file.size, {one.name: [] for one in contestants}, targets)
        self.results.races.append(race)
        absent: set[str] = set()
        for turn in range(self.rounds):
            start = turn % len(contestants)
            for one in (*contestants[start:], *contestants[:start]):
                if one.name in absent or (one.rounds is not None and turn >= one.rounds):
                    continue
                cost = self._fetch(one, job, title)
                if cost is None:
                    absent.add(one.name)
                else:
                    race.costs[one.name].append(cost)
                    self.say(f"{title}, round {turn + 1}: {one.name} {cost.wall_s:.2f} s")
        return race

    def _fetch(self, one: Contestant, job: Job, title: str) -> Cost | None:
        job.folder.mkdir()
        try:
            return one.fetch(job)
        except Missing as missing:
            self.results.missing.append(f"{title}, {one.name}: {missing}")
        except RuntimeError as error:
            self.results.missing.append(f"{title}, {one.name}: {' '.join(str(error).split())[:300]}")
            self.say(f"{title}: {one.name}: {error}")
        finally:
            shutil.rmtree(job.folder)
        return None


def plain(run: Run, scheme: str, *targets: Target) -> None:
    """The large and the small file from nginx on loopback."""
    sizes = [run.large] if run.large == run.small else [run.large, run.small]
    files = [run.file(size) for size in sizes]
    with (
        running_origin(run.folder, files) as origin,
        running_ours(run.folder / f"home-{scheme}", origin) as ours,
    ):
        for size in sizes:
            job = run.job(origin, f"{getattr(origin, scheme)}/files", size)
            run.race(f"{scheme}, {mib(size)}", job, (*FULL, Contestant(OURS, ours.fetch)), *targets)


def http(run: Run) -> None:
    plain(
        run,
        "http",
        Target(CURL_OPENSSL, 0.55),
        Target(ARIA2, 0.28),
        Target(CURL_OPENSSL, 1.0, of_cpu=True),
    )


def https(run: Run) -> None:
    plain(
        run,
        "https",
        Target(CURL_OPENSSL, 0.90),
        Target(ARIA2, 0.42),
        Target(CURL_OPENSSL, 1.0, of_cpu=True),
    )


def limited(run: Run) -> None:
    """An origin that gives each connection little."""
    with (
        running_origin(run.folder, [run.file(run.small)]) as origin,
        running_ours(run.folder / "home-limited", origin) as ours,
    ):
        job = run.job(origin, f"{origin.http}/slow", run.small)
        title = f"{SLOW_BYTES_PER_S // 1_000_000} MB/s per connection, {mib(run.small)}"
        race = run.race(title, job, _several(ours), Target(ARIA2, 0.40))
        race.notes.append(
            "nginx counts by request and gives each its first second at once: pieces below 10 MB gain by that"
        )


def link(run: Run) -> None:
    """A long line, without and with loss."""
    for loss, size in ((0.0, run.small), (0.001, run.lossy)):
        lossless = loss == 0
        title = f"{ROUND_TRIP_MS} ms round trip at {BITS_PER_S // 10**9} Gbit/s"
        title += f"{'' if lossless else f', {loss:.1%} loss'}, {mib(size)}"
        with (
            running_link(run.folder, [run.file(size)], loss) as line,
            running_ours(run.folder / f"home-link-{loss}", line.origin) as ours,
        ):
            job = run.job(line.origin, f"{line.origin.http}/files", size)
            curl = Contestant(CURL_OPENSSL, curl_openssl, rounds=None if lossless else 1)
            race = run.race(title, job, (curl, *_several(ours)), Target(ARIA2, 0.80))
        race.notes.append(
            "The line is a program of ours that carries packets between two TUN devices "
            f"(tests/fakes/wire.py), nginx in a network namespace behind it, its TCP {CONGESTION}. {line}"
        )


def disk(run: Run) -> None:
    """With the files on the real disk; ours alone has them synced at the end, so one peer does as well."""
    title = f"http, {mib(run.large)}, on the disk"
    run.disk.mkdir()
    with (
        running_origin(run.folder, [run.file(run.large)]) as origin,
        running_ours(run.disk / "home", origin) as ours,
    ):
        job = run.job(origin, f"{origin.http}/files", run.large, run.disk)
        contestants = (
            Contestant(CURL_OPENSSL, curl_openssl),
            Contestant(SYNCED, curl_openssl_sync),
            Contestant(OURS, ours.fetch),
        )
        place = described(run.disk)
        race = run.race(title, job, contestants)
        race.notes.append(f"The disk: {place}. Ours syncs before it says completed; curl does not")


def api(run: Run) -> None:
    """Latency and memory while the large file comes in."""
    with (
        running_origin(run.folder, [run.file(run.large)]) as origin,
        running_ours(run.folder / "home-api", origin) as ours,
    ):
        jobs = {url: run.job(origin, f"{url}/files", run.large) for url in origin.origins}
        for url, job in jobs.items():
            title = f"{url.partition(':')[0]}, as fast as it goes"
            run.results.latencies.append(_latency(run, title, ours, job, 50))
        if not ours.limit(LIMITED_BYTES_PER_S):
            run.results.missing.append("API meanwhile, at 200 MB/s: the daemon does not take a limit")
            return
        for url, job in jobs.items():
            title = f"{url.partition(':')[0]}, limited to {LIMITED_BYTES_PER_S // 10**6} MB/s"
            run.results.latencies.append(_latency(run, title, ours, job, 10))


def _latency(run: Run, title: str, ours: Ours, job: Job, most_p99_ms: float) -> Latency:
    found = meanwhile(ours, job)
    run.say(f"API meanwhile, {title}: p99 {percentile(found.samples, 0.99) * 1000:.2f} ms")
    return Latency(
        title,
        percentile(found.samples, 0.5) * 1000,
        percentile(found.samples, 0.99) * 1000,
        max(found.samples) * 1000,
        len(found.samples),
        job.file.size / found.download_s,
        most_p99_ms,
        found.peaks.daemon,
        found.peaks.daemon_resident,
        found.peaks.worker,
        found.peaks.worker_resident,
    )


def _several(ours: Ours) -> tuple[Contestant, ...]:
    return Contestant(ARIA2, aria2), Contestant(TUNED, aria2_tuned), Contestant(OURS, ours.fetch)


def mib(size: int) -> str:
    return f"{size >> 30} GiB" if size % (1 << 30) == 0 else f"{size >> 20} MiB"


SECTIONS: dict[str, Callable[[Run], None]] = {
    "http": http,
    "https": https,
    "limited": limited,
    "link": link,
    "disk": disk,
    "api": api,
}
