"""Every daemon is a witness of the registry's audit log."""

from collections.abc import Callable

import msgspec
import pytest

from modelhub_client import Conflict
from modelhubd.trust.merkle import leaf_hash
from modelhubd.trust.notes import sign_checkpoint
from modelhubd.trust.signing import new_key
from modelhubd.wire.registry import Proof
from tests.fakes.tuf_registry import TufRegistry, entry
from tests.integration.registry_sync.conftest import Machine


@pytest.fixture
def good(registry: TufRegistry, machine: Machine) -> Machine:
    registry.release()
    machine.start()
    machine.synced()
    registry.contents.entries.append(entry("lab/two"))
    return machine


def forked(registry: TufRegistry) -> None:
    registry.log[0] = b"something else"
    registry.release()


def forked_at_the_same_size(registry: TufRegistry) -> None:
    registry.log[0] = b"something else"
    registry.release(grow=False)


def shrunk(registry: TufRegistry) -> None:
    registry.log = registry.log[:1]
    registry.release(grow=False)


def other_key(registry: TufRegistry) -> None:
    registry.log_key = new_key()
    registry.release()


def other_log(registry: TufRegistry) -> None:
    registry.log_name = "another.test"
    registry.release()


def false_proof(registry: TufRegistry) -> None:
    wrong = Proof(size=4, root_hash="", hashes=(leaf_hash(b"x").hex(), "not hex"))
    registry.proofs[""] = msgspec.json.encode(wrong)
    registry.release()


def false_checkpoint(registry: TufRegistry) -> None:
    registry.release(checkpoint=registry.checkpoint().replace("registry.test", "registry.tent"))


CASES: dict[str, tuple[str, Callable[[TufRegistry], None]]] = {
    "changed": ("audit_forked", forked),
    "forked at the same size": ("audit_forked", forked_at_the_same_size),
    "cut": ("audit_shrunk", shrunk),
    "signed by another key": ("audit_key_changed", other_key),
    "another one": ("audit_other_log", other_log),
    "shown with a false proof": ("audit_forked", false_proof),
    "not signed": ("audit_bad_checkpoint", false_checkpoint),
}


@pytest.mark.parametrize("name", list(CASES))
def test_a_log_that_is_this_raises_an_alarm_and_its_catalog_is_not_taken(
    spoilt: TufRegistry, witness: Machine, name: str
) -> None:
    code, spoil = CASES[name]
    right = list(spoilt.log), spoilt.log_key, spoilt.log_name
    before, models = witness.client.catalog_info().audit, witness.models()
    assert before is not None
    spoilt.contents.entries.append(entry(f"lab/later-{spoilt.revision}"))
    spoil(spoilt)
    info = witness.synced()
    assert info.last_error is not None
    assert info.last_error.code == "audit_alarm"
    assert info.audit is not None
    assert info.audit.alarm is not None
    assert info.audit.alarm.code == code, info.audit.alarm
    assert (info.audit.size, witness.models()) == (before.size, models)
    spoilt.log, spoilt.log_key, spoilt.log_name = right
    spoilt.proofs.clear()
    spoilt.release()
    taken = witness.client.acknowledge_audit()
    assert taken.last_error is None, taken.last_error
    assert len(witness.models()) == len(models) + 1


def test_an_alarm_stays_until_it_is_acknowledged(registry: TufRegistry, good: Machine) -> None:
    log = list(registry.log)
    forked(registry)
    alarmed = good.synced().audit
    good.stop()
    good.start()
    audit = good.client.status().catalog.audit
    assert audit is not None and alarmed is not None and alarmed.alarm is not None
    assert (audit.alarm, audit.size) == (alarmed.alarm, 3), "it stays over restarts"
    forked_log, registry.log = registry.log, log
    registry.release()
    info = good.synced()
    assert info.last_error is None, "the right log is followed on"
    assert good.models() == {"lab/one", "lab/two"}
    assert info.audit is not None
    assert info.audit.alarm is not None
    registry.log = forked_log
    registry.contents.entries.append(entry("lab/three"))
    registry.release()
    assert good.synced().last_error is not None
    info = good.client.acknowledge_audit()
    assert info.last_error is None
    assert info.audit is not None
    assert info.audit.alarm is None
    assert info.audit.root_hash == registry.tree().root.hex()
    assert good.models() == {"lab/one", "lab/two", "lab/three"}
    with pytest.raises(Conflict, match="no alarm"):
        good.client.acknowledge_audit()


@pytest.mark.parametrize("answer", [404, 500, b"<html>", b"{}"])
def test_a_proof_that_cannot_be_had_is_no_alarm_and_the_catalog_waits_for_it(
    spoilt: TufRegistry, witness: Machine, answer: int | bytes
) -> None:
    before, models = witness.client.catalog_info().audit, witness.models()
    spoilt.contents.entries.append(entry(f"lab/later-{spoilt.revision}"))
    spoilt.proofs[""] = answer
    spoilt.release()
    info = witness.synced()
    assert info.last_error is not None
    assert info.last_error.code == "audit_proof_missing"
    assert (info.audit, witness.models()) == (before, models)
    assert before is not None and before.alarm is None
    spoilt.proofs.clear()
    assert witness.synced().last_error is None
    assert len(witness.models()) == len(models) + 1


def test_a_new_key_that_the_old_one_vouches_for_is_taken(registry: TufRegistry, good: Machine) -> None:
    old = registry.log_key
    registry.log_key = new_key()
    registry.log.append(b"keys.rotated")
    both = sign_checkpoint(registry.tree(), registry.log_name, registry.log_key[0])
    both += sign_checkpoint(registry.tree(), registry.log_name, old[0]).rpartition("\n\n")[2]
    registry.release(grow=False, checkpoint=both)
    info = good.synced()
    assert info.last_error is None, info.last_error
    assert good.models() == {"lab/one", "lab/two"}
    registry.release()
    assert good.synced().last_error is None
