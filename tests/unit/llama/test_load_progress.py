"""How far a load is, from what newer servers say."""

import json

import pytest

from modelhubd.llama.load_progress import load_progress


def line(value: float, current: str = "text_model", *stages: str, state: str = "loading") -> bytes:
    payload = {"stages": list(stages) or [current], "current": current, "value": value}
    return b"cmd_child_to_router:state:" + json.dumps({"state": state, "payload": payload}).encode()


@pytest.mark.parametrize(
    ("told", "progress"),
    [
        (line(0.0), 0.0),
        (line(0.5), 0.5),
        (line(1.0), 1.0),
        (line(0.5, "text_model", "text_model", "mmproj_model"), 0.25),
        (line(0.5, "mmproj_model", "text_model", "mmproj_model"), 0.75),
        (line(7.0), 1.0),
        (line(-7.0), 0.0),
    ],
)
def test_progress_is_told_over_all_stages(told: bytes, progress: float) -> None:
    assert load_progress(told) == progress


@pytest.mark.parametrize(
    "told",
    [
        b"0.00.1 I loading",
        b"cmd_child_to_router:state:{",
        b"cmd_child_to_router:state:[]",
        b'cmd_child_to_router:state:{"state":"loading"}',
        b'cmd_child_to_router:state:{"state":"loading","payload":{"value":"half"}}',
        b"cmd_child_to_router:other",
        line(0.5, "unheard_of", "text_model"),
        line(0.5, state="ready"),
        b'cmd_child_to_router:state:{"state":"ready","payload":{"id":"x","meta":null}}',
    ],
)
def test_anything_else_tells_of_no_progress(told: bytes) -> None:
    assert load_progress(told) is None
