"""What `modelhub policy` asks of the daemon, what it says, and its exit codes."""

import json
from typing import Any

import msgspec
import pytest

from modelhubd import __version__
from modelhubd.policy.layers import Layers, in_force
from modelhubd.settings import PolicyConfig
from modelhubd.wire.governance import (
    AsOf,
    ModelStanding,
    ModelStandings,
    Standing,
    TemplateStanding,
    TemplateStandings,
)
from modelhubd.wire.policy import Policy
from tests.fakes import samples
from tests.fakes.hub import Asked, Hub, json_answer, problem_answer
from tests.unit.cli.conftest import Modelhub

PATH = "/api/v1/policy"
AS_OF = AsOf(source="registry", revision="7")


def policies(**saved: Any) -> Policy:
    layers = Layers(
        values=PolicyConfig(offline=True),
        origins={"policy.offline": "administrator"},
        locked=frozenset({"policy.offline"}),
    )
    return in_force(layers, saved)[1]


def standing(model: str = "acme/tiny", **more: Any) -> ModelStanding:
    values: dict[str, Any] = {
        "model": model, "code": Standing.APPROVED, "approved": True, "verified": True, "withdrawn": False,
        "allowed": True, "version": 2,
    }  # fmt: skip
    return ModelStanding(**(values | more))


def last(hub: Hub, method: str) -> Asked:
    return [asked for asked in hub.asked if asked.method == method][-1]


def test_policies_are_shown_with_who_says_so(hub: Hub, modelhub: Modelhub) -> None:
    hub.on(f"GET {PATH}", json_answer(policies(allowed_publishers=("acme", "qwen"))))
    shown = modelhub("policy")
    rows = {row[0]: row[1:] for row in shown.rows}
    assert shown.code == 0 and tuple(rows) == Policy.__struct_fields__
    assert modelhub("policy", "show").out == shown.out
    assert rows["offline"] == ["true", "administrator", "true"]
    assert rows["allowed_publishers"] == ["acme,qwen", "saved", "false"]
    assert rows["require_digest"] == ["false", "default", "false"]
    assert json.loads(modelhub("policy", "--json").out)["offline"]["locked"] is True
    assert {name.lower(): value for name, value in last(hub, "GET").headers.items()}[
        "modelhub-app"
    ] == f"modelhub-cli/{__version__}"


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (("set", "offline", "yes"), {"offline": True}),
        (("set", "require_verified", "OFF"), {"require_verified": False}),
        (
            ("set", "allowed_publishers", "acme,qwen", "google"),
            {"allowed_publishers": ["acme", "qwen", "google"]},
        ),
        (("reset", "direct_urls"), {"direct_urls": None}),
    ],
)
def test_a_policy_is_set_and_reset(
    hub: Hub, modelhub: Modelhub, arguments: tuple[str, ...], body: dict[str, Any]
) -> None:
    hub.on(f"PUT {PATH}", json_answer(policies()))
    assert modelhub("policy", *arguments).code == 0
    assert last(hub, "PUT").body == body


@pytest.mark.parametrize(
    "arguments",
    [
        ("set", "offline", "perhaps"),
        ("set", "offline", "yes", "no"),
        ("set", "offlin", "yes"),
        ("reset", "x"),
    ],
)
def test_what_is_no_policy_or_no_value_asks_nothing_of_the_daemon(
    hub: Hub, modelhub: Modelhub, arguments: tuple[str, ...]
) -> None:
    ran = modelhub("policy", *arguments)
    assert ran.code == 2 and "→" in ran.err
    assert not [asked for asked in hub.asked if asked.method == "PUT"]


@pytest.mark.parametrize("code", ["policy_locked", "refused_by_policy"])
def test_what_a_policy_or_its_lock_refuses_ends_with_7(hub: Hub, modelhub: Modelhub, code: str) -> None:
    hub.on(f"PUT {PATH}", problem_answer(403, code, "It is locked."))
    ran = modelhub("policy", "set", "offline", "no")
    assert (ran.code, "modelhub policy" in ran.err, "It is locked." in ran.err) == (7, True, True)


def test_a_check_ends_with_7_if_one_may_not_be_used(hub: Hub, modelhub: Modelhub) -> None:
    refused = standing(
        "acme/big",
        code=Standing.REFUSED_BY_POLICY,
        allowed=False,
        policy="require_digest",
        reason="No digest.",
    )
    path = "GET /api/v1/governance/check"
    hub.on(path, json_answer(ModelStandings(items=(standing(),), total=1, as_of=AS_OF)))
    assert modelhub("policy", "check", "acme/tiny").rows == [["acme/tiny", "approved", "true", "true", ""]]
    hub.on(path, json_answer(ModelStandings(items=(standing(), refused), total=2, as_of=AS_OF)))
    ran = modelhub("policy", "check", "acme/tiny", "acme/big")
    assert (ran.code, ran.rows[1]) == (
        7, ["acme/big", "refused_by_policy", "true", "false", "No digest."]
    )  # fmt: skip
    assert dict(last(hub, "GET").query) == {"models": "acme/tiny,acme/big"}
    assert json.loads(modelhub("policy", "check", "acme/big", "--json").out)["as_of"]["revision"] == "7"


def test_templates_are_listed_with_their_badges(hub: Hub, modelhub: Modelhub) -> None:
    found = TemplateStanding(id="notes", name="Notes", compliant=True, allowed=False, models=(standing(),))
    answer = json_answer(TemplateStandings(items=(found,), total=1, as_of=AS_OF))
    hub.on("GET /api/v1/governance/templates", answer)
    assert modelhub("policy", "templates").rows == [["notes", "Notes", "true", "false"]]
    assert json.loads(modelhub("policy", "templates", "--json").out)["total"] == 1


def test_a_search_shows_what_may_not_be_used(hub: Hub, modelhub: Modelhub) -> None:
    from modelhub_cli.words import standing as word
    from modelhub_cli.words import standing_style

    found = samples.summary()
    refused = msgspec.structs.replace(found, allowed=False, refusal="No.")
    held = msgspec.structs.replace(found, held_back="Later.")
    assert [word(item) for item in (refused, held)] == ["✗ Not allowed", "‖ Held back"]
    assert [standing_style(item) for item in (refused, held)] == ["red", "yellow"]
    assert "Not allowed" not in word(found) and standing_style(found)
