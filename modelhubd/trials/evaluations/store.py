"""The SQL of evaluations."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from modelhubd.storage.database import Reader, Row, Transaction
from modelhubd.trials.evaluations.asking import Answer
from modelhubd.trials.evaluations.contents import Place
from modelhubd.wire.evaluations import (
    EvaluatedModel,
    Evaluation,
    EvaluationError,
    EvaluationState,
    Sampling,
)
from modelhubd.wire.evidence import CheckResult
from modelhubd.wire.servers import EffectiveSetting, LoadSettings

_errors = msgspec.json.Decoder(EvaluationError)
_samplings = msgspec.json.Decoder(Sampling)
_loads = msgspec.json.Decoder(LoadSettings)
_names = msgspec.json.Decoder(tuple[str, ...])
_results = msgspec.json.Decoder(tuple[CheckResult, ...])
_settings = msgspec.json.Decoder(dict[str, EffectiveSetting])


SLICE = 200
"""Answers read in a row, in 1 to 2 ms."""


class Answered(Struct, frozen=True, kw_only=True):
    """A committed answer: its figures, and where its text is. `answer.text` is empty."""

    model: int
    question: int
    build: str | None
    answer: Answer
    place: Place
    checks: tuple[CheckResult, ...] = ()
    similarity: float | None = None


async def add(tx: Transaction, evaluation: Evaluation) -> None:
    await tx.execute(
        "INSERT INTO evaluation (id, name, state, questions, checks, seed, sampling, load, evict, "
        "set_digest, checks_digest, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            evaluation.id,
            evaluation.name,
            evaluation.state.value,
            evaluation.questions,
            _json(evaluation.checks),
            evaluation.seed,
            _json(evaluation.sampling),
            _json(evaluation.load),
            int(evaluation.evict),
            evaluation.set_digest,
            evaluation.checks_digest,
            evaluation.created_at,
        ),
    )
    await tx.execute_many(
        "INSERT INTO evaluation_model (evaluation, place, asked, library_id, model, version, option, digest) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                evaluation.id,
                place,
                model.asked,
                model.library_id,
                model.model,
                model.version,
                model.option,
                model.digest,
            )
            for place, model in enumerate(evaluation.models)
        ],
    )


async def get(reader: Reader, evaluation: str) -> Evaluation | None:
    row = await reader.fetch_one("SELECT * FROM evaluation WHERE id = ?", (evaluation,))
    return None if row is None else (await _whole(reader, [row]))[0]


async def every(reader: Reader) -> list[Evaluation]:
    """The newest first."""
    return await _whole(
        reader, await reader.fetch_all("SELECT * FROM evaluation ORDER BY created_at DESC, id")
    )


async def next_queued(reader: Reader) -> str | None:
    """Id of the one that has waited longest."""
    row = await reader.fetch_one(
        "SELECT id FROM evaluation WHERE state = 'queued' ORDER BY created_at, id LIMIT 1"
    )
    return None if row is None else row["id"]


async def interrupted(reader: Reader) -> list[str]:
    """Ids of those that ran when the daemon ended."""
    return [row["id"] for row in await reader.fetch_all("SELECT id FROM evaluation WHERE state = 'running'")]


async def set_state(
    tx: Transaction,
    evaluation: str,
    state: EvaluationState,
    *,
    error: EvaluationError | None = None,
    started_at: str | None = None,
    ended_at: str | None = None,
) -> None:
    """`started_at` is kept as it was first."""
    await tx.execute(
        "UPDATE evaluation SET state = ?, error = ?, started_at = coalesce(started_at, ?), ended_at = ? "
        "WHERE id = ?",
        (state.value, None if error is None else _json(error), started_at, ended_at, evaluation),
    )


async def set_settings(
    tx: Transaction, evaluation: str, place: int, settings: dict[str, EffectiveSetting]
) -> None:
    await tx.execute(
        "UPDATE evaluation_model SET settings = ? WHERE evaluation = ? AND place = ?",
        (_json(settings), evaluation, place),
    )


async def remove(tx: Transaction, evaluation: str) -> None:
    await tx.execute("DELETE FROM evaluation WHERE id = ?", (evaluation,))


async def add_answer(tx: Transaction, evaluation: str, answered: Answered, now: str) -> None:
    answer = answered.answer
    await tx.execute(
        "INSERT INTO evaluation_answer (evaluation, model, question, build, error, content_at, content_size, "
        "content_digest, checks, latency_s, first_token_s, tokens_per_s, prompt_tokens, completion_tokens, "
        "confidence, finish_reason, answered_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            evaluation,
            answered.model,
            answered.question,
            answered.build,
            answer.error,
            answered.place.at,
            answered.place.size,
            answered.place.digest,
            _json(answered.checks),
            answer.latency_s,
            answer.first_token_s,
            answer.tokens_per_s,
            answer.prompt_tokens,
            answer.completion_tokens,
            answer.confidence,
            answer.finish_reason,
            now,
        ),
    )


async def set_similarities(tx: Transaction, evaluation: str, found: Sequence[tuple[int, int, float]]) -> None:
    """(model, question, similarity) of each."""
    await tx.execute_many(
        "UPDATE evaluation_answer SET similarity = ? WHERE evaluation = ? AND model = ? AND question = ?",
        [(similarity, evaluation, model, question) for model, question, similarity in found],
    )


async def asked_already(reader: Reader, evaluation: str, place: int) -> set[int]:
    """Numbers of the questions that this model has answered."""
    rows = await reader.fetch_all(
        "SELECT question FROM evaluation_answer WHERE evaluation = ? AND model = ?", (evaluation, place)
    )
    return {row["question"] for row in rows}


async def answers(reader: Reader, evaluation: str) -> list[Answered]:
    """All of them, by model and question."""
    found: list[Answered] = []
    last = (-1, -1)
    while rows := await reader.fetch_all(
        "SELECT * FROM evaluation_answer WHERE evaluation = ? AND (model, question) > (?, ?) "
        "ORDER BY model, question LIMIT ?",
        (evaluation, *last, SLICE),
    ):
        found += [_answered(row) for row in rows]
        last = (found[-1].model, found[-1].question)
    return found


async def _whole(reader: Reader, rows: Sequence[Row]) -> list[Evaluation]:
    if not rows:
        return []
    only = rows[0]["id"] if len(rows) == 1 else None
    models: dict[str, list[EvaluatedModel]] = {}
    for row in await reader.fetch_all(
        "SELECT m.*, (SELECT count(*) FROM evaluation_answer a WHERE a.evaluation = m.evaluation AND "
        "a.model = m.place) AS answered, (SELECT count(*) FROM evaluation_answer a WHERE "
        "a.evaluation = m.evaluation AND a.model = m.place AND a.error IS NOT NULL) AS errors, "
        "(SELECT json_group_array(DISTINCT a.build) FROM evaluation_answer a WHERE "
        "a.evaluation = m.evaluation AND a.model = m.place AND a.build IS NOT NULL) AS builds "
        "FROM evaluation_model m WHERE ?1 IS NULL OR m.evaluation = ?1 ORDER BY m.evaluation, m.place",
        (only,),
    ):
        models.setdefault(row["evaluation"], []).append(_model(row))
    return [_evaluation(row, tuple(models.get(row["id"], ()))) for row in rows]


def _model(row: Row) -> EvaluatedModel:
    return EvaluatedModel(
        asked=row["asked"],
        library_id=row["library_id"],
        model=row["model"],
        version=row["version"],
        option=row["option"],
        digest=row["digest"],
        answered=row["answered"],
        errors=row["errors"],
        builds=tuple(sorted(_names.decode(row["builds"]))),
        settings=_settings.decode(row["settings"]),
    )


def _evaluation(row: Row, models: tuple[EvaluatedModel, ...]) -> Evaluation:
    return Evaluation(
        id=row["id"],
        name=row["name"],
        state=EvaluationState(row["state"]),
        models=models,
        questions=row["questions"],
        checks=_names.decode(row["checks"]),
        seed=row["seed"],
        sampling=_samplings.decode(row["sampling"]),
        load=_loads.decode(row["load"]),
        evict=bool(row["evict"]),
        set_digest=row["set_digest"],
        checks_digest=row["checks_digest"],
        error=None if row["error"] is None else _errors.decode(row["error"]),
        created_at=row["created_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
    )


def _answered(row: Row) -> Answered:
    return Answered(
        model=row["model"],
        question=row["question"],
        build=row["build"],
        answer=Answer(
            error=row["error"],
            latency_s=row["latency_s"],
            first_token_s=row["first_token_s"],
            tokens_per_s=row["tokens_per_s"],
            prompt_tokens=row["prompt_tokens"],
            completion_tokens=row["completion_tokens"],
            confidence=row["confidence"],
            finish_reason=row["finish_reason"],
        ),
        place=Place(row["content_at"], row["content_size"], row["content_digest"]),
        checks=_results.decode(row["checks"]),
        similarity=row["similarity"],
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
