"""Publishes, approvals, flips, reads and reports, many in flight, and whether all is right afterwards."""

import asyncio
import functools
import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from modelhub_cli.audit_check import check_log
from modelhub_client import RegistryClient
from tests.benchmarks.registry.people import People, at_once, registry_of
from tests.fakes.registry import Answered
from tests.unit.registry.samples import publish_json

MODELS = 30
TEMPLATES = 10
PAGE = 50


@dataclass(frozen=True, kw_only=True)
class Work:
    """How much of each."""

    in_flight: int
    versions: int
    flips: int
    reads: int
    reports: int


Made = tuple[str, int, str]
"""Model, version, digest of the content."""


async def measure(folder: Path, database: str, work: Work) -> list[list[str]]:
    """The rows of a table; that everything is right afterwards is asserted."""
    async with registry_of(folder, database, work.in_flight) as people:
        models = [f"acme/model-{number}" for number in range(min(MODELS, work.versions))]
        made, rows = await _publish(people, models, work)
        rows.append(await _look_through(people, len(made)))
        rows.append(await _approve(people, made, work))
        await _put_templates(people, models)
        rows.append(await _flip(people, models, work))
        rows.append(await _read(people, work))
        rows.append(await _report(people, models, work))
        await asyncio.to_thread(check, people, made, folder)
        rows.append(["dense, one winner each, badges, audit log", "right", "", "", ""])
        return rows


async def _publish(people: People, models: list[str], work: Work) -> tuple[list[Made], list[list[str]]]:
    async def publish(number: int) -> Answered:
        body = publish_json(description=f"Content {number}.")
        model = models[number % len(models)]
        return await people.author.post(f"/models/{model}/versions", body, key=f"publish-{number}")

    jobs = [functools.partial(publish, number) for number in range(work.versions)]
    answers, measured = await at_once(jobs, work.in_flight)
    assert {answer.status for answer in answers} == {201}, Counter(answer.status for answer in answers)
    made = [
        (models[number % len(models)], answer.json["version"], answer.json["content_sha256"])
        for number, answer in enumerate(answers)
    ]
    return made, [measured.row("publishes")]


async def _look_through(people: People, waiting: int) -> list[str]:
    """A reviewer's console reads the queue from its beginning to its end, one page after the other."""
    after = ""

    async def page() -> int:
        nonlocal after
        found = (await people.reviewers[0].get(f"/reviews?status=pending&limit={PAGE}{after}")).json
        after = f"&after={found['next']}" if found["next"] else ""
        return len(found["items"])

    counts, measured = await at_once([page] * math.ceil(waiting / PAGE), 1)
    assert sum(counts) == waiting, counts
    return measured.row(f"pages of the queue, {PAGE} each, one by one")


async def _approve(people: People, made: list[Made], work: Work) -> list[str]:
    """Two reviewers are after each version; one of them gets it."""

    async def approve(number: int, who: int) -> int:
        model, version, digest = made[number]
        wanted = {"decision": "approve", "content_sha256": digest}
        answer = await people.reviewers[who].post(f"/models/{model}/versions/{version}/decision", wanted)
        return answer.status

    jobs = [functools.partial(approve, number, who) for number in range(len(made)) for who in (0, 1)]
    statuses, measured = await at_once(jobs, work.in_flight)
    pairs = Counter(tuple(sorted(pair)) for pair in zip(statuses[::2], statuses[1::2], strict=True))
    assert pairs == {(200, 409): len(made)}, pairs
    return measured.row("approvals (two ask for each)", len(made))


async def _put_templates(people: People, models: list[str]) -> None:
    for number in range(TEMPLATES):
        wanted = {
            "name": f"Template {number}",
            "models": models[number % len(models) :: max(1, len(models) // 4)],
        }
        answer = await people.admin.put(f"/templates/template-{number}", wanted)
        assert answer.status == 200, answer.body


async def _flip(people: People, models: list[str], work: Work) -> list[str]:
    async def flip(number: int) -> int:
        method = "PUT" if number * 7 % 5 else "DELETE"
        model = models[number * 13 % len(models)]
        return (await people.admin.ask(method, f"/models/{model}/verification")).status

    jobs = [functools.partial(flip, number) for number in range(work.flips)]
    statuses, measured = await at_once(jobs, work.in_flight)
    assert set(statuses) == {200}, Counter(statuses)
    return measured.row("flips of verification")


async def _read(people: People, work: Work) -> list[str]:
    tag = (await people.reader.get("/catalog")).headers["ETag"]

    async def read() -> int:
        return (await people.reader.get("/catalog", headers={"If-None-Match": tag})).status

    statuses, measured = await at_once([read] * work.reads, work.in_flight)
    assert set(statuses) == {304}, Counter(statuses)
    return measured.row("conditional reads of the catalog")


async def _report(people: People, models: list[str], work: Work) -> list[str]:
    async def report(number: int) -> int:
        path = f"/models/{models[number % len(models)]}/downloads"
        return (await people.reader.post(path, key=f"install-{number}")).status

    jobs = [functools.partial(report, number) for number in range(work.reports)]
    statuses, measured = await at_once(jobs, work.in_flight)
    assert set(statuses) <= {202}, Counter(statuses)
    return measured.row("reports of downloads")


def check(people: People, made: list[Made], folder: Path) -> None:
    """Versions are dense, each has one who approved it, badges follow from the verified models, and the audit
    log holds.

    Raises:
        AssertionError: they are not.
    """
    wanted = defaultdict(set)
    for model, version, _ in made:
        wanted[model].add(version)
    with RegistryClient(people.process.url, token=people.admin.token) as admin:
        verified = set()
        for model, versions in wanted.items():
            known = list(admin.every_version(model))
            assert versions == set(range(1, len(versions) + 1)) == {version.version for version in known}
            assert {version.status.value for version in known} == {"approved"}
            assert {version.decided_by for version in known} <= {"reviewer", "another"}
            found = admin.model(model)
            assert found.served_version == len(versions)
            verified |= {model} if found.verified else set()
        for template in admin.every_template():
            assert template.compliant == (set(template.models) <= verified), template
        approvals = Counter(entry.subject for entry in admin.every_audit_entry(action="version.approved"))
        assert approvals == {f"{model}@{version}": 1 for model, version, _ in made}
        held = check_log(admin, folder, key=None, earlier=None, with_entries=True)
        assert held.read == held.size
