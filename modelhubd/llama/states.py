"""The life of a server: which state follows which event, and when a crash is followed by another start."""

from enum import StrEnum

from modelhubd.wire.servers import ServerState


class ServerEvent(StrEnum):
    SPAWNED = "spawned"
    """The process runs and its model is being loaded."""
    ANSWERED = "answered"
    """It answers requests."""
    STOP_ASKED = "stop_asked"
    ENDED = "ended"
    """Nothing of it runs any more, as asked."""
    BROKE = "broke"
    """It could not start, or died, and will not be started again by itself."""
    CRASHED = "crashed"
    """It died after it was ready, and will be started again."""
    PORT_TAKEN = "port_taken"
    """Its port was free when it was chosen and is not any more; it will be started on another."""
    RESTARTED = "restarted"


TRANSITIONS: dict[tuple[ServerState, ServerEvent], ServerState] = {
    (ServerState.STARTING, ServerEvent.SPAWNED): ServerState.LOADING,
    (ServerState.STARTING, ServerEvent.STOP_ASKED): ServerState.DRAINING,
    (ServerState.STARTING, ServerEvent.BROKE): ServerState.FAILED,
    (ServerState.LOADING, ServerEvent.ANSWERED): ServerState.READY,
    (ServerState.LOADING, ServerEvent.PORT_TAKEN): ServerState.STARTING,
    (ServerState.LOADING, ServerEvent.STOP_ASKED): ServerState.DRAINING,
    (ServerState.LOADING, ServerEvent.BROKE): ServerState.FAILED,
    (ServerState.READY, ServerEvent.STOP_ASKED): ServerState.DRAINING,
    (ServerState.READY, ServerEvent.BROKE): ServerState.FAILED,
    (ServerState.READY, ServerEvent.CRASHED): ServerState.STARTING,
    (ServerState.DRAINING, ServerEvent.ENDED): ServerState.STOPPED,
    (ServerState.STOPPED, ServerEvent.RESTARTED): ServerState.STARTING,
    (ServerState.FAILED, ServerEvent.RESTARTED): ServerState.STARTING,
}


def advance(state: ServerState, event: ServerEvent) -> ServerState:
    """The state after `event`.

    Raises:
        ValueError: the event cannot happen in this state.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise ValueError(f"a server that is {state} cannot have {event}") from None


RESTARTS = 5
RESTART_WINDOW_S = 600.0
LONGEST_DELAY_S = 60.0


def restart_delay(crashes: tuple[float, ...], chance: float) -> float | None:
    """Seconds to wait before the next start, or None when there were too many crashes.

    `crashes` are the times of all crashes in seconds, the present one last; `chance` in 0..1 spreads the
    delay over 75–125 % of 1, 2, 4 … 60 s.
    """
    recent = [moment for moment in crashes if crashes[-1] - moment < RESTART_WINDOW_S]
    if len(recent) > RESTARTS:
        return None
    return min(2.0 ** (len(recent) - 1), LONGEST_DELAY_S) * (0.75 + chance / 2)
