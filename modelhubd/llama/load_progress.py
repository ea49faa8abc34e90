"""How far a load is, as newer servers tell a parent on stdout."""

import msgspec

PREFIX = b"cmd_child_to_router:"
STATE = PREFIX + b"state:"


class _Payload(msgspec.Struct):
    stages: list[str] = []
    current: str = ""
    value: float = 0.0


class _Told(msgspec.Struct):
    state: str = ""
    payload: _Payload | None = None


_decode = msgspec.json.Decoder(_Told).decode


def load_progress(line: bytes) -> float | None:
    """0 to 1 over all stages of a load; None for a line that tells of none."""
    if not line.startswith(STATE):
        return None
    try:
        told = _decode(line.removeprefix(STATE))
    except msgspec.DecodeError:
        return None
    payload = told.payload
    if told.state != "loading" or payload is None or payload.current not in payload.stages:
        return None
    done = payload.stages.index(payload.current) + min(max(payload.value, 0.0), 1.0)
    return done / len(payload.stages)
