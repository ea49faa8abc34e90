"""Runs one evaluation: each model in turn answers what it has not answered yet."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import aiohttp
import msgspec
from msgspec import Struct

from modelhubd.errors import Conflict, Refused, Unavailable
from modelhubd.tasks import in_thread, uninterrupted
from modelhubd.trials.checks.reading import Checks
from modelhubd.trials.checks.runner import Checker
from modelhubd.trials.evaluations.asking import ROUTE, Answer, answer_of, request_of
from modelhubd.trials.evaluations.contents import Contents
from modelhubd.trials.evaluations.question_set import Question, QuestionSet
from modelhubd.trials.evaluations.store import Answered
from modelhubd.wire.evaluations import EvaluatedModel, Evaluation
from modelhubd.wire.library import Artifact
from modelhubd.wire.servers import LoadRequest, LoadSettings, Server

MAX_REPLY_BYTES = 32 * 1024**2
"""Of an answer with the probabilities of all its tokens."""
TRIES = 3
"""How often in a row a server may go away without an answer."""
IDLE_S = 600
"""After which a server of ours goes by itself, should nobody unload it."""


class Upstream(Protocol):
    @property
    def session(self) -> aiohttp.ClientSession: ...
    @property
    def server(self) -> Server: ...


class Loads(Protocol):
    """What is asked of `modelhubd.llama.service.Servers`."""

    async def load(self, request: LoadRequest, /, *, evict: bool) -> Server: ...
    async def wait_ready(self, server_id: str, /) -> Server: ...
    async def unload(self, server_id: str, /) -> Server: ...
    def lease(self, name: str, /) -> AbstractAsyncContextManager[Upstream]: ...


class Books(Protocol):
    """Where a run writes down what it has."""

    async def begun(self, place: int, server: Server) -> set[int]:
        """Note how this model runs; the numbers of the questions that it has answered."""

    async def answered(self, answered: Answered) -> None: ...


class Work(Struct, frozen=True, kw_only=True):
    """What there is to do."""

    evaluation: Evaluation
    questions: QuestionSet
    checks: Checks


class Run:
    """One evaluation, until it is done or cancelled. `artifact` finds what is installed, by its id."""

    def __init__(
        self,
        work: Work,
        *,
        loads: Loads,
        artifact: Callable[[str], Awaitable[Artifact]],
        checker: Checker,
        contents: Contents,
        books: Books,
        clock_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._work = work
        self._loads = loads
        self._artifact = artifact
        self._checker = checker
        self._contents = contents
        self._books = books
        self._clock_s = clock_s

    async def all(self) -> None:
        """Have every model answer every question.

        Raises:
            Refused: a model cannot be loaded, is another one by now, or its server goes away again and again.
            OSError: an answer cannot be written.
        """
        for place, model in enumerate(self._work.evaluation.models):
            if model.answered < self._work.evaluation.questions:
                await self._model(place, model)

    async def _model(self, place: int, model: EvaluatedModel) -> None:
        refuse_changed(model, await self._artifact(model.library_id))
        server = await self._load(place, model)
        try:
            failures = 0
            while failures < TRIES:
                left = await self._left(place, server.id)
                try:
                    await self._questions(place, server.id, left)
                    return
                except (Unavailable, aiohttp.ClientError):
                    again = await self._left(place, server.id)
                    failures = failures + 1 if again == left else 0
            raise Unavailable(
                f"The server of {model.reference} goes away when it is asked. Its log tells more; resume the"
                " evaluation to try again.",
                code="server_gone",
            )
        finally:
            await uninterrupted(self._unload(server.id))

    async def _load(self, place: int, model: EvaluatedModel) -> Server:
        """A server of the evaluation's own: what others do with theirs changes nothing of the answers."""
        evaluation = self._work.evaluation
        request = LoadRequest(
            library_id=model.library_id,
            settings=settings_of(evaluation.load, evaluation.seed),
            name=f"eval-{evaluation.id}-{place + 1}",
            ttl_s=IDLE_S,
        )
        return await self._loads.load(request, evict=evaluation.evict)

    async def _unload(self, server_id: str) -> None:
        with contextlib.suppress(Refused):  # somebody else has unloaded it
            await self._loads.unload(server_id)

    async def _left(self, place: int, server_id: str) -> list[int]:
        """Numbers of the questions that this model has not answered."""
        done = await self._books.begun(place, await self._loads.wait_ready(server_id))
        return [number for number in range(len(self._work.questions.questions)) if number not in done]

    async def _questions(self, place: int, server_id: str, left: list[int]) -> None:
        """While the lease lasts nobody takes the server's memory for something else."""
        async with self._loads.lease(server_id) as upstream:
            for number in left:
                await self._question(place, upstream, number, self._work.questions.questions[number])

    async def _question(self, place: int, upstream: Upstream, number: int, question: Question) -> None:
        evaluation = self._work.evaluation
        answer = await self._ask(upstream.session, number, question)
        wanted = self._work.checks.for_line(question.checks, expects=question.expected is not None)
        results = () if answer.error else await self._checker.run(wanted, answer.text, question.expected)
        written = await in_thread(lambda: self._contents.append(evaluation.id, answer.text))
        await self._books.answered(
            Answered(
                model=place,
                question=number,
                build=upstream.server.build,
                answer=msgspec.structs.replace(answer, text=""),
                place=written,
                checks=results,
            )
        )

    async def _ask(self, session: aiohttp.ClientSession, number: int, question: Question) -> Answer:
        evaluation = self._work.evaluation
        body = request_of(question, number, evaluation.sampling, evaluation.seed)
        begun = self._clock_s()
        try:
            async with asyncio.timeout(evaluation.sampling.timeout_s) as limit:
                status, found = await _post(session, body)
            return answer_of(status, found, self._clock_s() - begun)
        except TimeoutError:
            if not limit.expired():
                raise Unavailable("The server does not answer.", code="server_gone") from None
            return Answer(error="timeout", latency_s=self._clock_s() - begun)


async def _post(session: aiohttp.ClientSession, body: dict[str, Any]) -> tuple[int, bytes]:
    """(status, body) of the answer. Raises Unavailable: the server has ended since the last question."""
    if session.closed:
        raise Unavailable("The server has ended.", code="server_gone")
    async with session.post(ROUTE, json=body) as answer:
        data = bytearray()
        async for piece in answer.content.iter_any():
            data += piece
            if len(data) > MAX_REPLY_BYTES:
                return 413, b""
        return answer.status, bytes(data)


def settings_of(load: LoadSettings, seed: int) -> LoadSettings:
    """Load settings of an evaluation: with one slot no answer depends on what is answered beside it."""
    return msgspec.structs.replace(
        load,
        parallel=1 if load.parallel is None else load.parallel,
        seed=seed if load.seed is None else load.seed,
        ttl_s=None,
    )


def refuse_changed(model: EvaluatedModel, artifact: Artifact) -> None:
    """Raises Conflict if other files are installed under this id than when the evaluation was made."""
    if artifact.digest != model.digest:
        raise Conflict(
            f"{model.reference} is another model than when the evaluation was made: its digest has changed."
            " Make a new evaluation.",
            code="model_changed",
        )
