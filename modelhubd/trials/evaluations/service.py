"""Evaluations: made, run one after another, looked at, resumed, removed."""

import asyncio
import contextlib
import platform
import secrets
import sqlite3
from collections.abc import Awaitable, Callable, MutableSequence
from datetime import datetime
from functools import partial
from pathlib import Path

import aiohttp

from modelhubd.errors import Conflict, InvalidInput, NoSpace, NotAllowed, NotFound, TooManyRequests
from modelhubd.events import Bus
from modelhubd.paging import page_of
from modelhubd.storage.database import Database, Transaction
from modelhubd.tasks import TaskOwner, freed, gently, in_thread, uninterrupted
from modelhubd.trials.checks.reading import Checks, read_checks
from modelhubd.trials.checks.runner import Checker, usable_checks
from modelhubd.trials.evaluations import store
from modelhubd.trials.evaluations.contents import Contents
from modelhubd.trials.evaluations.evidence import Material, report_of
from modelhubd.trials.evaluations.failing import error_of
from modelhubd.trials.evaluations.question_set import QuestionSet, read_set
from modelhubd.trials.evaluations.run import Loads, Run, Work
from modelhubd.trials.evaluations.states import Event, advance
from modelhubd.trials.evaluations.store import Answered
from modelhubd.trials.persisting import AGAIN_S, until_written
from modelhubd.trials.similarity import similarity
from modelhubd.trust.text import printable
from modelhubd.wire.base import Page, rfc3339
from modelhubd.wire.evaluations import (
    CreateEvaluation,
    EvaluatedModel,
    Evaluation,
    EvaluationError,
    EvaluationProgress,
    EvaluationReport,
    EvaluationState,
)
from modelhubd.wire.events import Removed
from modelhubd.wire.library import Artifact
from modelhubd.wire.servers import Server

MAX_EVALUATIONS = 200
"""There may be so many, ended ones counted."""
PATIENCE_S = 20.0
"""For a run that is cancelled: its server is unloaded meanwhile."""


class Evaluations:
    """`resolve` finds an artifact by its id or a reference, `embedder` an embedding model that is loaded. Use
    `start` once, `close` at the end."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        *,
        folder: Path,
        loads: Loads,
        resolve: Callable[[str], Awaitable[Artifact]],
        embedder: Callable[[], aiohttp.ClientSession | None],
        version: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._bus = bus
        self._contents = Contents(folder)
        self._loads = loads
        self._resolve = resolve
        self._embedder = embedder
        self._version = version
        self._clock = clock
        self._checker = Checker(self._contents.scratch)
        self._owner = TaskOwner("evaluations", patience_s=PATIENCE_S)
        self._wake = asyncio.Event()
        self._running: tuple[str, asyncio.Task[None]] | None = None

    async def start(self) -> None:
        """Take up what was interrupted, and remove what belongs to nothing."""
        known = {one.id for one in await store.every(self._database.reader)}
        await in_thread(lambda: self._contents.tidy(known))
        for evaluation in await store.interrupted(self._database.reader):
            await self._advance(evaluation, Event.INTERRUPTED)
        self._owner.start(self._work(), name="queue")

    async def close(self) -> None:
        """Stop what runs; it goes on at the next start."""
        await self._owner.close()
        await self._checker.close()

    async def create(self, asked: CreateEvaluation, *, may_run_scripts: bool) -> Evaluation:
        """Queue an evaluation.

        Raises:
            InvalidInput: the set, the checks or a model; each fault with its line.
            NotFound: nothing installed is called so.
            NotAllowed: (`socket_only`) scripts, where `may_run_scripts` is not set.
            TooManyRequests: there are too many already.
            NoSpace: the disk is full.
        """
        checks = Checks()
        if asked.checks is not None:
            checks = await usable_checks(asked.checks, self._checker)
        if checks.has_scripts and not may_run_scripts:
            raise NotAllowed(
                "Checks with scripts are taken only over the Unix socket. Use the command line.",
                code="socket_only",
            )
        questions = await asyncio.to_thread(read_set, asked.set, checks)
        evaluation = self._new(asked, questions, checks, await self._models(asked.models))
        if len(await store.every(self._database.reader)) >= MAX_EVALUATIONS:
            raise TooManyRequests(f"There are {MAX_EVALUATIONS} evaluations. Remove some (modelhub eval rm).")
        try:
            await in_thread(lambda: self._contents.begin(evaluation.id, asked.set, asked.checks))
            async with self._database.transaction() as tx:
                await store.add(tx, evaluation)
                self._tell_after(tx, evaluation)
        except (OSError, sqlite3.OperationalError) as error:
            await in_thread(lambda: self._contents.remove(evaluation.id))
            why = error.strerror if isinstance(error, OSError) else error
            raise NoSpace(f"The set cannot be kept: {why}. Make room and try again.") from error
        self._wake.set()
        return evaluation

    async def list(self, limit: int, after: str | None) -> Page[Evaluation]:
        """The newest last, page by page."""
        found = await store.every(self._database.reader)
        return page_of(found, lambda one: (one.created_at, one.id), tuple[str, str], limit, after)

    async def recent(self) -> tuple[Evaluation, ...]:
        """The newest first, at most fifty."""
        return tuple((await store.every(self._database.reader))[:50])

    async def get(self, evaluation_id: str) -> Evaluation:
        """Raises NotFound."""
        found = await store.get(self._database.reader, evaluation_id)
        if found is None:
            raise NotFound(
                f"There is no evaluation {printable(evaluation_id)[:40]}. GET /evaluations lists them.",
                code="evaluation_not_found",
            )
        return found

    async def cancel(self, evaluation_id: str) -> Evaluation:
        """Stop it, what it has stays. Raises NotFound, Conflict (`wrong_state`)."""
        cancelled = await self._advance((await self.get(evaluation_id)).id, Event.CANCEL)
        if self._running is not None and self._running[0] == evaluation_id:
            task = self._running[1]
            task.cancel()
            await asyncio.wait([task], timeout=PATIENCE_S)
        return cancelled

    async def resume(self, evaluation_id: str) -> Evaluation:
        """Go on with what is not answered. Raises NotFound, Conflict (`wrong_state`)."""
        resumed = await self._advance((await self.get(evaluation_id)).id, Event.RESUME)
        self._wake.set()
        return resumed

    async def remove(self, evaluation_id: str) -> None:
        """Forget it, with questions and answers. Raises NotFound, Conflict (`wrong_state`) unless it has
        ended."""
        async with self._database.transaction() as tx:
            found = await store.get(tx, evaluation_id)
            if found is not None:
                advance(found.state, Event.REMOVE)
                await store.remove(tx, evaluation_id)
                tx.after_commit(
                    lambda: self._bus.publish("evaluation.removed", found.id, Removed(id=found.id))
                )
        if found is None:
            await self.get(evaluation_id)
        await in_thread(lambda: self._contents.remove(evaluation_id))

    async def report(self, evaluation_id: str, *, shown: int) -> EvaluationReport:
        """What it has come to so far, with at most `shown` questions and their answers.

        Raises:
            NotFound: there is none, or its files are gone.
        """
        evaluation = await self.get(evaluation_id)
        with gently():
            answers = await store.answers(self._database.reader, evaluation_id)
            try:
                return await in_thread(partial(self._report, evaluation, answers, shown))
            except FileNotFoundError:
                raise NotFound(
                    "The files of this evaluation are gone. Remove it (modelhub eval rm) and make it again.",
                    code="evaluation_incomplete",
                ) from None

    def _report(
        self, evaluation: Evaluation, answers: MutableSequence[Answered], shown: int
    ) -> EvaluationReport:
        """Computes for a while. `answers` is empty then."""
        try:
            set_text, _ = self._contents.texts(evaluation.id)
            texts = self._contents.read(evaluation.id, [one.place for one in answers])
            material = Material(
                evaluation=evaluation,
                questions=read_set(set_text, self._checks_of(evaluation.id)).questions,
                answers=answers,
                texts={(one.model, one.question): text for one, text in zip(answers, texts, strict=True)},
                daemon=self._version,
                machine=f"{platform.system()} {platform.machine()}",
            )
            return report_of(material, shown=shown)
        finally:
            freed(answers)

    def _checks_of(self, evaluation_id: str) -> Checks:
        _, text = self._contents.texts(evaluation_id)
        return Checks() if text is None else read_checks(text)

    async def _models(self, names: tuple[str, ...]) -> tuple[EvaluatedModel, ...]:
        found: dict[str, EvaluatedModel] = {}
        for place, name in enumerate(names):
            artifact = await self._resolve(name)
            if artifact.id in found:
                raise InvalidInput.at(
                    f"/models/{place}", f"it is the model that {found[artifact.id].asked} is"
                )
            found[artifact.id] = EvaluatedModel(
                asked=name,
                library_id=artifact.id,
                model=artifact.model,
                version=artifact.version,
                option=artifact.option,
                digest=artifact.digest,
            )
        return tuple(found.values())

    def _new(
        self,
        asked: CreateEvaluation,
        questions: QuestionSet,
        checks: Checks,
        models: tuple[EvaluatedModel, ...],
    ) -> Evaluation:
        return Evaluation(
            id=secrets.token_hex(6),
            name=None if asked.name is None else printable(asked.name),
            state=EvaluationState.QUEUED,
            models=models,
            questions=len(questions.questions),
            checks=checks.names,
            seed=asked.seed,
            sampling=asked.sampling,
            load=asked.load,
            evict=asked.evict,
            set_digest=questions.digest,
            checks_digest=checks.digest,
            created_at=rfc3339(self._clock()),
        )

    async def _work(self) -> None:
        """Run what is queued, one after another, for ever."""
        while True:
            self._wake.clear()
            evaluation = await store.next_queued(self._database.reader)
            if evaluation is None:
                await self._wake.wait()
                continue
            task = self._owner.start(self._run(evaluation), name=f"evaluation {evaluation}")
            self._running = evaluation, task
            await asyncio.wait([task])
            self._running = None
            if not task.cancelled() and task.exception() is not None:
                await asyncio.sleep(AGAIN_S)  # it is logged, and still queued maybe

    async def _run(self, evaluation_id: str) -> None:
        try:
            begun = await self._noted(evaluation_id, Event.BEGIN)
        except Conflict:
            return  # cancelled just before
        end, trouble = Event.FINISH, None
        try:
            await self._all(begun)
        except Exception as error:
            end, trouble = Event.FAIL, error_of(evaluation_id, error)
        with contextlib.suppress(Conflict):  # cancelled at the last moment
            await self._noted(evaluation_id, end, trouble)

    async def _noted(
        self, evaluation_id: str, event: Event, error: EvaluationError | None = None
    ) -> Evaluation:
        """As `_advance`, once there is room to write it down."""
        what = f"how the evaluation {evaluation_id} stands"
        return await until_written(lambda: self._advance(evaluation_id, event, error), what)

    async def _all(self, evaluation: Evaluation) -> None:
        def read() -> Work:
            set_text, checks_text = self._contents.texts(evaluation.id)
            checks = Checks() if checks_text is None else read_checks(checks_text)
            return Work(evaluation=evaluation, questions=read_set(set_text, checks), checks=checks)

        work = await in_thread(read)
        if (work.questions.digest, work.checks.digest) != (evaluation.set_digest, evaluation.checks_digest):
            raise Conflict("Its set or its checks were changed meanwhile. Make it anew.", code="set_changed")
        run = Run(
            work,
            loads=self._loads,
            artifact=self._resolve,
            checker=self._checker,
            contents=self._contents,
            books=_Books(self, evaluation),
        )
        await run.all()
        await self._compare(evaluation)

    async def _compare(self, evaluation: Evaluation) -> None:
        """How near each answer is to the first model's, if an embedding model is loaded just now."""
        if len(evaluation.models) == 1 or (embedder := self._embedder()) is None:
            return
        answers = await store.answers(self._database.reader, evaluation.id)
        places = [one.place for one in answers]
        texts = await in_thread(lambda: self._contents.read(evaluation.id, places))
        by_key = {(one.model, one.question): text for one, text in zip(answers, texts, strict=True)}
        found = []
        for (model, question), text in by_key.items():
            if model > 0 and (0, question) in by_key:
                near = await similarity(embedder, (by_key[0, question], text))
                found += [] if near is None else [(model, question, near)]
        async with self._database.transaction() as tx:
            await store.set_similarities(tx, evaluation.id, found)

    async def begun(self, evaluation_id: str, place: int, server: Server) -> set[int]:
        """See `run.Books`."""
        async with self._database.transaction() as tx:
            await store.set_settings(tx, evaluation_id, place, server.settings)
            return await store.asked_already(tx, evaluation_id, place)

    async def answered(self, evaluation: Evaluation, answered: Answered, done: int) -> None:
        """Commit an answer; `done` are there now."""
        async with self._database.transaction() as tx:
            await store.add_answer(tx, evaluation.id, answered, rfc3339(self._clock()))
        progress = EvaluationProgress(id=evaluation.id, done=done, total=evaluation.total)
        self._bus.gauge("evaluation.progress", evaluation.id, progress)

    async def _advance(
        self, evaluation_id: str, event: Event, error: EvaluationError | None = None
    ) -> Evaluation:
        return await uninterrupted(self._moved(evaluation_id, event, error))

    async def _moved(self, evaluation_id: str, event: Event, error: EvaluationError | None) -> Evaluation:
        now = rfc3339(self._clock())
        async with self._database.transaction() as tx:
            found = await store.get(tx, evaluation_id)
            if found is None:
                raise NotFound("There is no such evaluation any more.", code="evaluation_not_found")
            state = advance(found.state, event)
            assert state is not None
            await store.set_state(
                tx,
                evaluation_id,
                state,
                error=error,
                started_at=now if state is EvaluationState.RUNNING else None,
                ended_at=now if state.ended else None,
            )
            moved = await store.get(tx, evaluation_id)
            assert moved is not None
            self._tell_after(tx, moved)
        return moved

    def _tell_after(self, tx: Transaction, evaluation: Evaluation) -> None:
        tx.after_commit(lambda: self._bus.publish("evaluation.changed", evaluation.id, evaluation))


class _Books:
    """What a run writes down, and how far it is."""

    def __init__(self, evaluations: Evaluations, evaluation: Evaluation) -> None:
        self._evaluations = evaluations
        self._evaluation = evaluation
        self._done = evaluation.done

    async def begun(self, place: int, server: Server) -> set[int]:
        return await self._evaluations.begun(self._evaluation.id, place, server)

    async def answered(self, answered: Answered) -> None:
        self._done += 1
        await self._evaluations.answered(self._evaluation, answered, self._done)
