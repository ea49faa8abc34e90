"""What there is to update, decided from values."""

from typing import Any

import pytest
from msgspec.structs import replace

from modelhubd.errors import Conflict, NotFound
from modelhubd.updates.changes import changes_between, notes_after
from modelhubd.updates.decision import Facts, Plan, bytes_to_fetch, successor, updates_of
from modelhubd.updates.going_back import before_of
from modelhubd.updates.states import State
from modelhubd.wire.catalog import CatalogEntry, Format, License, Option, OptionFile, Requires, VersionNote
from modelhubd.wire.fit import Fit, Verdict
from modelhubd.wire.library import Artifact, ArtifactState
from modelhubd.wire.updates import HeldBack, UpdateKind, UpdateState

MODEL = "acme/m"
FITS = Fit(verdict=Verdict.COMPATIBLE, reason="fits")


def artifact(version: int = 1, option: str = "q4", **rest: Any) -> Artifact:
    values: dict[str, Any] = {
        "id": f"{version}{option}", "model": MODEL, "version": version, "option": option, "format": "gguf",
        "quantization": "Q4", "source": "download", "state": ArtifactState.OK, "size_bytes": 10,
        "digest": ("a" if version == 1 else "b") * 64, "files": (), "verified_at": "now",
        "installed_at": "now", "active": version == 1,
    }  # fmt: skip
    return Artifact(**(values | rest))


def option(
    name: str = "q4", quantization: str | None = "Q4", sha256: str | None = "b" * 64, **rest: Any
) -> Option:
    file = OptionFile(name="m.gguf", size_bytes=20, sha256=sha256)
    values: dict[str, Any] = {"format": Format.GGUF, "size_bytes": 20, "files": (file,)}
    return Option(id=name, quantization=quantization, **(values | rest))


def facts(
    *artifacts: Artifact, options: tuple[Option, ...] = (option(),), version: int = 2, **rest: Any
) -> Facts:
    entry = CatalogEntry(id=MODEL, options=options, version=version)
    values: dict[str, Any] = {
        "artifacts": artifacts or (artifact(),), "entry": entry, "judged": [(one, FITS) for one in options],
        "held_options": {}, "kept": {}, "downloads": {},
    }  # fmt: skip
    return Facts(**(values | rest))


def plan(state: State, **rest: Any) -> Plan:
    values: dict[str, Any] = {
        "model": MODEL, "from_id": "1q4", "from_version": 1, "from_option": "q4", "to_version": 2,
        "to_option": "q4", "state": state,
    }  # fmt: skip
    return Plan(**(values | rest))


def states(found: Facts) -> list[tuple[str, UpdateState]]:
    return [(update.id, update.state) for update in updates_of(found)]


def test_what_is_newer_is_available_and_what_is_not_is_nothing() -> None:
    assert states(facts()) == [("1q4", UpdateState.AVAILABLE)]
    assert states(facts(version=1, artifacts=(artifact(digest="b" * 64),))) == []
    assert states(facts(artifact(3))) == [], "newer than the catalog's"
    assert states(facts(artifact(state=ArtifactState.MISSING))) == []


def test_of_several_installed_versions_only_the_one_in_use_is_updated() -> None:
    both = facts(artifact(1, active=False), artifact(2, active=True), version=3)
    assert states(both) == [("2q4", UpdateState.AVAILABLE)]
    by_hand = facts(artifact(1), artifact(2, active=False), version=3)
    assert states(by_hand) == [("1q4", UpdateState.AVAILABLE)]


def test_each_installed_option_has_its_own_update() -> None:
    two = facts(artifact(), artifact(1, "q8", active=False), options=(option(), option("q8", "Q8")))
    assert states(two) == [("1q4", UpdateState.AVAILABLE), ("1q8", UpdateState.AVAILABLE)]


def test_what_is_under_way_is_downloading_even_if_something_holds_it_back_now() -> None:
    held = (HeldBack(code="app_pin", by="editor", detail="too old"),)
    assert states(facts(downloads={(2, "q4"): "d"}, held_back=held)) == [("1q4", UpdateState.DOWNLOADING)]
    assert states(facts(plans=[plan(State.WANTED)])) == [("1q4", UpdateState.DOWNLOADING)]
    (update,) = updates_of(facts(downloads={(2, "q4"): "d"}))
    assert update.download == "d"


def test_what_is_installed_and_not_in_use_is_ready() -> None:
    chosen = facts(artifact(), artifact(2, active=False))
    assert states(chosen) == [("1q4", UpdateState.READY)]
    (update,) = updates_of(chosen)
    assert (update.new_id, update.size_bytes) == ("2q4", 0)
    loaded = facts(
        artifact(active=False, loaded_by=("s",)), artifact(2, active=True), plans=[plan(State.INSTALLED)]
    )
    assert states(loaded) == [("1q4", UpdateState.READY)]
    assert states(replace(loaded, plans=[plan(State.DONE)])) == [], "loaded by name, on purpose"
    assert states(facts(artifact(active=False), artifact(2, active=True))) == [], "kept of before"


def test_a_damaged_new_version_is_not_taken_for_installed() -> None:
    broken = facts(artifact(), artifact(2, active=False, state=ArtifactState.DAMAGED))
    assert states(broken) == [("1q4", UpdateState.AVAILABLE)]


def test_every_reason_that_holds_it_back_is_told() -> None:
    unfit = Fit(verdict=Verdict.TOO_LARGE, reason="It needs more.")
    policy = HeldBack(code="policy", by="require_digest", source="administrator", detail="No digest.")
    pin = HeldBack(code="app_pin", by="editor", detail="Too old.")
    found = facts(judged=[(option(), unfit)], held_options={"q4": policy}, held_back=(pin,))
    (update,) = updates_of(found)
    assert update.state is UpdateState.HELD_BACK
    assert [one.code for one in update.held_back] == ["app_pin", "policy", "does_not_fit"]
    assert update.refusal == "No digest."
    rolled = facts(artifact(), artifact(2, active=False), plans=[plan(State.ROLLED_BACK)])
    assert [one.code for update in updates_of(rolled) for one in update.held_back] == ["rolled_back"]


def test_a_format_that_is_offered_no_more_is_said_so() -> None:
    mlx = option(format=Format.MLX)
    (update,) = updates_of(facts(options=(mlx,)))
    assert (update.option, update.size_bytes, update.held_back[0].code) == (None, None, "no_option")
    assert "mlx" in update.held_back[0].detail


def test_other_bytes_under_the_same_version_are_shown() -> None:
    (update,) = updates_of(facts(version=1))
    assert (update.kind, update.state) == (UpdateKind.CONTENT, UpdateState.HELD_BACK)
    assert states(facts(version=1, options=(option(sha256=None),))) == [], "nobody says what it should be"
    assert states(facts(artifact(digest=None), version=1)) == []
    assert states(facts(version=1, options=(option("other"),))) == []


def test_a_withdrawn_model_is_shown_and_one_that_is_merely_unknown_is_not() -> None:
    (update,) = updates_of(facts(artifact(withdrawn="It is bad."), entry=None))
    assert (update.kind, update.withdrawn) == (UpdateKind.WITHDRAWN, "It is bad.")
    assert "It is bad." in update.held_back[0].detail
    assert states(facts(entry=None)) == []


def test_the_error_of_the_last_attempt_is_told() -> None:
    failed = plan(State.INSTALLED, error_code="out_of_memory", error_detail="Too big.")
    loaded = facts(artifact(active=False, loaded_by=("s",)), artifact(2, active=True), plans=[failed])
    (update,) = updates_of(loaded)
    assert update.error is not None and (update.error.code, update.error.detail) == (
        "out_of_memory",
        "Too big.",
    )


def test_the_successor_is_the_same_option_else_the_same_quantization_else_the_best_fitting() -> None:
    large, small = option("a", "F16", size_bytes=90), option("b", "Q2", size_bytes=5)
    alike = option("new-name", "Q4")
    judged = [(one, FITS) for one in (large, alike, small, option())]
    assert successor(artifact(), judged) == option()
    assert successor(artifact(), judged[:-1]) == alike
    assert successor(artifact(), [judged[0], judged[2]]) == large
    assert successor(artifact(), [judged[0], judged[2]], {"a"}) == small, "what is allowed comes first"
    assert successor(artifact(), [judged[0]], {"a"}) == large, "and is shown as refused where nothing is"
    tight = Fit(verdict=Verdict.UNSUPPORTED, reason="no")
    assert successor(artifact(quantization=None), [(large, tight)]) == large
    assert successor(artifact(format="mlx"), judged) is None


def test_files_that_are_here_under_the_same_digest_cost_nothing() -> None:
    shared = OptionFile(name="tokenizer", size_bytes=7, sha256="c" * 64)
    both = option(files=(OptionFile(name="m.gguf", size_bytes=20, sha256="b" * 64), shared))
    assert bytes_to_fetch(both, ()) == 27
    assert bytes_to_fetch(both, {"c" * 64}) == 20
    assert bytes_to_fetch(both, {"b" * 64, "c" * 64}) == 0
    unknown = option(files=(OptionFile(name="m.gguf"),))
    assert bytes_to_fetch(unknown, ()) is None


def test_changes_name_each_field_and_skip_what_only_moved() -> None:
    before = CatalogEntry(
        id=MODEL, options=(), capabilities=("chat", "tools"), context_length=1, license=License(spdx="MIT"),
        requires=Requires(app={"editor": ">=1"}),
    )  # fmt: skip
    after = CatalogEntry(
        id=MODEL, options=(), capabilities=("tools", "chat"), context_length=2, license=License(spdx="BSD"),
        requires=Requires(app={"editor": ">=2", "shell": ">=1"}),
    )  # fmt: skip
    found = {one.field: (one.before, one.after) for one in changes_between(before, after, None, None)}
    assert found == {
        "context_length": (1, 2), "license/spdx": ("MIT", "BSD"), "requires/app/editor": (">=1", ">=2"),
        "requires/app/shell": (None, ">=1"),
    }  # fmt: skip
    wider = replace(after, capabilities=("chat", "tools", "vision"))
    assert [one.field for one in changes_between(after, wider, None, None)] == ["capabilities"]
    options = changes_between(None, after, option(), option("new", "Q8", size_bytes=30))
    assert {one.field for one in options} == {"option/quantization", "option/size_bytes"}
    assert changes_between(None, after, None, option()) == ()


def test_changes_of_the_option_are_told_where_the_old_entry_was_kept() -> None:
    old = CatalogEntry(id=MODEL, options=(option(size_bytes=10),), context_length=5)
    (update,) = updates_of(facts(kept={1: old}))
    assert {one.field for one in update.changes} == {"context_length", "option/size_bytes"}


def test_notes_are_those_after_the_installed_version() -> None:
    notes = tuple(VersionNote(version=number, notes=str(number)) for number in (1, 2, 3))
    entry = CatalogEntry(id=MODEL, options=(), version=4, versions=notes, published_by="ann")
    assert [(one.version, one.notes) for one in notes_after(entry, 1)] == [(4, None), (3, "3"), (2, "2")]
    assert notes_after(entry, 4) == ()


def test_the_version_before_is_that_of_the_update_else_the_newest_older_one() -> None:
    here = {
        one.id: one
        for one in (artifact(1, active=False), artifact(2, active=False), artifact(3, active=True))
    }
    made, now, old = before_of(MODEL, here, [])
    assert (now.version, old.version, made.state) == (3, 2, State.DONE)
    update = plan(State.DONE, to_version=3)
    assert before_of(MODEL, here, [plan(State.FETCHING, to_version=3), update])[2].version == 1


def test_going_back_to_what_is_gone_is_refused_with_its_name() -> None:
    new = artifact(2, active=True)
    with pytest.raises(Conflict, match="acme/m@1:q4") as gone:
        before_of(MODEL, {new.id: new}, [plan(State.DONE)])
    assert gone.value.code == "version_gone"
    with pytest.raises(Conflict, match="No version") as none:
        before_of(MODEL, {new.id: new}, [])
    assert none.value.code == "nothing_to_roll_back"
    with pytest.raises(NotFound):
        before_of(MODEL, {}, [])


def test_of_several_options_of_the_version_before_the_same_one_is_gone_back_to() -> None:
    options = [artifact(1, name, active=False) for name in ("a", "q4", "z")]
    here = {one.id: one for one in (*options, artifact(2, active=True))}
    assert before_of(MODEL, here, [])[2].option == "q4"
