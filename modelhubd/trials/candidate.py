"""Asking the candidate: loaded beside the others if it must be, watched, broken off for whoever comes."""

import asyncio
import contextlib
from collections.abc import Callable

import aiohttp
import msgspec

from modelhubd.errors import Conflict, LoadFailed, NotAllowed, NotFound, Refused, Unavailable
from modelhubd.gateway.proxy import ASKS_CONFIDENCE, PASSED_ON
from modelhubd.llama.aside import Aside
from modelhubd.trials.heard import Heard
from modelhubd.trials.questions import MAX_ANSWER_BYTES
from modelhubd.trials.spool import Sampled
from modelhubd.trials.turn import LEAST_LIMIT_S, Outcome, limit_s
from modelhubd.wire.servers import LoadSettings
from modelhubd.wire.trials import PairSide, TrialReason

LOAD_S = 300.0
LOOK_S = 0.02
"""Between two looks whether somebody else asks for a model."""
HTTP_OK, HTTP_FAULT = 200, 500
TTL_S = 120
"""Seconds that an idle candidate stays loaded."""


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one replay. `reason` says why there is no answer."""

    outcome: Outcome
    side: PairSide = PairSide()
    answer: bytes = b""
    reason: TrialReason | None = None
    is_final: bool = False
    """Whether another try would come to the same: the candidate is gone, or may not be used."""


class _TooLarge(Exception):
    """The candidate holds far more memory than was expected."""


class _Interrupted(Exception):
    """Somebody else asks for a model."""


class _TooLong(Exception):
    """The answer has no end in sight."""


async def ask(
    aside: Aside,
    library_id: str,
    name: str,
    settings: LoadSettings,
    sampled: Sampled,
    *,
    least_s: float = LEAST_LIMIT_S,
) -> Replayed:
    """What the artifact answers to a sampled request, as a server called `name`; it has `least_s` seconds at
    least, and more where the active model took long."""
    limit = limit_s(sampled.active.latency_s, least_s)
    try:
        with_ttl = msgspec.structs.replace(settings, ttl_s=TTL_S)
        server = await aside.ready(library_id, name, with_ttl, within_s=LOAD_S)
    except LoadFailed as fault:
        return _failed(Outcome.FAILED, fault.code, fault.detail)
    except Unavailable as fault:
        return _failed(Outcome.HUNG, "timeout", fault.detail)
    except Conflict as refusal:
        if refusal.code in ("not_enough_memory", "would_evict"):
            return _failed(Outcome.NO_ROOM, refusal.code, refusal.detail)
        return _failed(Outcome.FAILED, refusal.code, refusal.detail, is_final=True)
    except (NotFound, NotAllowed) as refusal:
        return _failed(Outcome.FAILED, "candidate_gone", refusal.detail, is_final=True)
    except Refused as refusal:
        return _failed(Outcome.FAILED, refusal.code, refusal.detail)
    try:
        return await _asked(aside, server.id, sampled, limit)
    except _TooLarge as excess:
        await aside.unload(name)
        return _failed(Outcome.TOO_LARGE, "out_of_memory", f"{excess}.")
    except TimeoutError:
        await aside.unload(name)
        return _failed(Outcome.HUNG, "timeout", f"it had not answered after {limit:.0f} s.")
    except _Interrupted:
        return _failed(Outcome.INTERRUPTED, "interrupted", "Somebody else asked for a model.")
    except _TooLong:
        return _failed(Outcome.REFUSED, "answer_too_long", "Its answer is longer than 4 MiB.")
    except (Unavailable, NotFound) as gone:  # it had to make way
        return _failed(Outcome.INTERRUPTED, "interrupted", gone.detail)
    except aiohttp.ClientError as fault:
        return _failed(Outcome.FAILED, "crashed", f"its server went away ({type(fault).__name__}).")


async def _asked(aside: Aside, server_id: str, sampled: Sampled, limit: float) -> Replayed:
    loop = asyncio.get_running_loop()
    async with aside.lease(server_id) as upstream:
        asking = loop.create_task(_post(upstream.session, sampled, loop.time))
        try:
            async with asyncio.timeout(limit):
                while not asking.done():
                    await asyncio.wait([asking], timeout=LOOK_S)
                    if aside.quiet_s() == 0 and not asking.done():
                        raise _Interrupted
                    if excess := aside.excess(server_id):
                        raise _TooLarge(excess)
        finally:
            asking.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await asyncio.wait([asking])
        return asking.result()


async def _post(session: aiohttp.ClientSession, sampled: Sampled, clock: Callable[[], float]) -> Replayed:
    if session.closed:
        raise aiohttp.ClientConnectionError
    began = clock()
    heard = Heard(streamed=sampled.streamed)
    async with session.post(
        PASSED_ON[sampled.route], data=_as_asked(sampled), headers={"Content-Type": "application/json"}
    ) as answer:
        async for chunk in answer.content.iter_any():
            if len(heard.content) + len(chunk) > MAX_ANSWER_BYTES:
                raise _TooLong
            heard.add(chunk, clock() - began)
        status = answer.status
    if status != HTTP_OK:
        outcome = Outcome.FAILED if status >= HTTP_FAULT else Outcome.REFUSED
        return _failed(outcome, f"http_{status}", f"It answered with HTTP {status}.")
    return Replayed(outcome=Outcome.ANSWERED, side=heard.side(clock() - began), answer=bytes(heard.content))


def _as_asked(sampled: Sampled) -> bytes:
    """The client's request, with what the gateway has put into it before the active model was asked."""
    fields = ASKS_CONFIDENCE.get(sampled.route)
    if fields is None or sampled.active.confidence is None or b'"logprobs"' in sampled.request:
        return sampled.request
    return sampled.request.replace(b"{", b"{" + fields, 1)


def _failed(outcome: Outcome, code: str, detail: str, *, is_final: bool = False) -> Replayed:
    reason = TrialReason(code=code, detail=detail)
    return Replayed(outcome=outcome, side=PairSide(error=reason), reason=reason, is_final=is_final)
