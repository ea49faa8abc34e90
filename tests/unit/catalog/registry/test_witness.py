"""What a new checkpoint comes to after the one before."""

from dataclasses import dataclass, field

import pytest

from modelhubd.catalog.registry.witness import Alarm, Next, Seen, fault_in_proof, judge
from modelhubd.trust.merkle import consistency_proof, leaf_hash, root_of
from modelhubd.trust.notes import Checkpoint, sign_checkpoint, verifier_key
from modelhubd.trust.signing import new_key

NAME = "log.test"
KEY, OTHER = new_key(), new_key()


@dataclass
class Log:
    leaves: list[bytes] = field(default_factory=lambda: [b"a", b"b", b"c", b"d", b"e"])
    name: str = NAME
    key: tuple[bytes, bytes] = KEY

    def checkpoint(self, size: int) -> Checkpoint:
        return Checkpoint(origin=self.name, size=size, root=root_of(self.hashes(size)))

    def hashes(self, size: int) -> list[bytes]:
        return [leaf_hash(leaf) for leaf in self.leaves[:size]]

    def note(self, size: int) -> str:
        return sign_checkpoint(self.checkpoint(size), self.name, self.key[0])

    def judged(self, size: int, seen: Seen | None = None) -> tuple[Seen, Next] | Alarm:
        return judge(self.note(size), verifier_key(self.name, self.key[1]), self.name, seen)

    def seen(self, size: int) -> Seen:
        found = self.judged(size)
        assert not isinstance(found, Alarm)
        return found[0]


def alarm_of(found: object) -> str:
    assert isinstance(found, Alarm)
    return found.code


@pytest.mark.parametrize(
    ("before", "now", "following"),
    [(None, 3, Next.TAKE), (3, 3, Next.TAKE), (3, 5, Next.PROVE), (0, 4, Next.TAKE), (0, 0, Next.TAKE)],
)
def test_a_log_that_is_new_or_the_same_is_taken_and_a_longer_one_has_to_prove_itself(
    before: int | None, now: int, following: Next
) -> None:
    log = Log()
    found = log.judged(now, None if before is None else log.seen(before))
    assert not isinstance(found, Alarm)
    assert (found[0].size, found[0].root_hash, found[1]) == (now, log.checkpoint(now).root.hex(), following)


def test_a_shorter_log_is_an_alarm() -> None:
    assert alarm_of(Log().judged(2, Log().seen(3))) == "audit_shrunk"


def test_two_logs_of_one_length_are_an_alarm_and_both_notes_are_kept() -> None:
    other = Log(leaves=[b"x", b"b", b"c"])
    found = other.judged(3, Log().seen(3))
    assert alarm_of(found) == "audit_forked"
    assert isinstance(found, Alarm)
    assert found.evidence == (Log().note(3), other.note(3))


def test_another_log_is_an_alarm() -> None:
    assert alarm_of(Log(name="other.test").judged(4, Log().seen(3))) == "audit_other_log"


def test_a_checkpoint_of_another_registry_is_an_alarm_from_the_first_on() -> None:
    found = judge(Log().note(3), verifier_key(NAME, KEY[1]), "other.test", None)
    assert alarm_of(found) == "audit_bad_checkpoint"


@pytest.mark.parametrize("note", ["", "nonsense", Log(key=OTHER).note(3)])
def test_a_checkpoint_that_the_key_has_not_signed_is_an_alarm(note: str) -> None:
    assert alarm_of(judge(note, verifier_key(NAME, KEY[1]), NAME, None)) == "audit_bad_checkpoint"


def test_a_new_key_is_an_alarm_unless_the_old_one_signs_the_same_checkpoint() -> None:
    log, seen = Log(key=OTHER), Log().seen(3)
    assert alarm_of(log.judged(3, seen)) == "audit_key_changed"
    both = log.note(5) + Log().note(5).rpartition("\n\n")[2]
    found = judge(both, verifier_key(NAME, OTHER[1]), NAME, seen)
    assert not isinstance(found, Alarm)
    assert (found[0].key, found[1]) == (verifier_key(NAME, OTHER[1]), Next.PROVE)


def test_a_right_proof_gives_no_alarm_and_a_wrong_one_does() -> None:
    log = Log()
    seen, new = log.seen(3), log.seen(5)
    proof = [part.hex() for part in consistency_proof(log.hashes(5), 3)]
    assert fault_in_proof(seen, new, proof) is None
    changed = Log(leaves=[b"x", *Log().leaves[1:]])
    for wrong in (
        proof[:-1],
        ["not hex"],
        [],
        [part.hex() for part in consistency_proof(changed.hashes(5), 3)],
    ):
        found = fault_in_proof(seen, new, wrong)
        assert found is not None
        assert found.code == "audit_forked"
        assert found.evidence == (seen.note, new.note)


def test_what_is_said_of_a_wrong_proof_names_both_lengths() -> None:
    log = Log()
    alarm = fault_in_proof(log.seen(2), log.seen(5), ["00" * 32])
    assert alarm is not None and "with 5 entries" in alarm.detail and "the one with 2:" in alarm.detail


@pytest.mark.parametrize(
    ("pinned", "code"),
    [(OTHER[1].hex(), "audit_key_changed"), ("no key", "audit_key_changed"), ("00", "audit_key_changed")],
    ids=["of another log", "no key", "too short"],
)
def test_a_key_that_the_root_does_not_name_is_an_alarm_from_the_first_on(pinned: str, code: str) -> None:
    log = Log()
    key = verifier_key(log.name, log.key[1])
    assert alarm_of(judge(log.note(3), key, log.name, None, pinned)) == code


def test_a_new_key_that_the_root_names_needs_no_word_of_the_old_one() -> None:
    before, after = Log(), Log(key=OTHER)
    key = verifier_key(NAME, OTHER[1])
    found = judge(after.note(5), key, NAME, before.seen(3), OTHER[1].hex())
    assert not isinstance(found, Alarm) and found[1] is Next.PROVE
    assert alarm_of(judge(after.note(2), key, NAME, before.seen(3), OTHER[1].hex())) == "audit_shrunk"
