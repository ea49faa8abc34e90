"""What the database itself refuses beyond the constraints of `schema`, whatever a program does; and the view
of the badges.

This is the first migration's text. A later migration that changes a trigger brings its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

IMMUTABLE = ("model", "version", "content", "content_sha256", "envelopes", "published_by", "published_at")
"""Columns of a version that nobody changes once it is published."""
DECISION = ("decided_by", "decided_at", "reason", "four_eyes")
WITHDRAWAL = ("withdrawn_by", "withdrawn_at", "withdraw_reason")
TOKEN = ("id", "principal", "secret_sha256", "scopes", "created_at", "created_by", "expires_at")
KEY = ("publisher", "key_id", "public_key", "created_at")
MOVES = (
    ("pending", "approved"), ("pending", "rejected"), ("pending", "cancelled"), ("approved", "withdrawn"),
)  # fmt: skip
NOTHING = "0" * 64

COMPLIANCE = """
CREATE VIEW template_compliance AS
SELECT template.id AS template,
       count(template_model.model) AS models,
       count(verification.model) AS verified,
       count(template_model.model) > 0 AND count(template_model.model) = count(verification.model)
           AS compliant
FROM template
LEFT JOIN template_model ON template_model.template = template.id
LEFT JOIN verification ON verification.model = template_model.model
GROUP BY template.id
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """`event` on `table` is refused with `message` where `condition` (over OLD and NEW) holds."""

    name: str
    table: str
    event: Literal["INSERT", "UPDATE", "DELETE"]
    condition: str
    message: str


def statements(dialect: str) -> Iterator[str]:
    """The statements that make all of them, for `sqlite` or `postgresql`."""
    for rule in RULES:
        yield from _on_sqlite(rule) if dialect == "sqlite" else _on_postgresql(rule)
    if dialect == "postgresql":
        for table in ("audit", "audit_node", "version"):
            yield from _no_truncate(table)
    yield COMPLIANCE


def _changed(*columns: str) -> str:
    return " OR ".join(f"NEW.{column} IS DISTINCT FROM OLD.{column}" for column in columns)


_NO_MOVE = "OLD.status <> NEW.status AND NOT (" + " OR ".join(
    f"(OLD.status = '{before}' AND NEW.status = '{after}')" for before, after in MOVES
) + ")"  # fmt: skip

_NO_SUCCESSOR = (
    "NEW.seq <> (SELECT coalesce(max(audit.seq) + 1, 0) FROM audit) OR NEW.prev_hash <> coalesce("  # noqa: S608  # all of it ours
    "(SELECT audit.leaf_hash FROM audit WHERE audit.seq = NEW.seq - 1), '" + NOTHING + "')"  # all of it ours
)

RULES = (
    Rule("version_begins", "version", "INSERT", "NEW.status <> 'pending'",
         "a version begins as pending"),
    Rule("version_dense", "version", "INSERT",
         "NEW.version <> (SELECT model.last_version FROM model WHERE model.id = NEW.model)",
         "a version has the number that its model has allocated last"),
    Rule("version_content", "version", "UPDATE", _changed(*IMMUTABLE),
         "what is published is never changed"),
    Rule("version_moves", "version", "UPDATE", _NO_MOVE,
         "a version does not go from that status to this one"),
    Rule("version_decision", "version", "UPDATE",
         f"({_changed(*DECISION)}) AND NOT (OLD.status = 'pending' AND NEW.status <> 'pending')",
         "a decision is written once, with the status it gives"),
    Rule("version_withdrawal", "version", "UPDATE",
         f"({_changed(*WITHDRAWAL)}) AND NOT (OLD.status = 'approved' AND NEW.status = 'withdrawn')",
         "a withdrawal is written once, with its status"),
    Rule("version_stays", "version", "DELETE", "TRUE", "a version is never deleted"),
    Rule("model_begins", "model", "INSERT", "NEW.last_version <> 0", "a model begins without a version"),
    Rule("model_counts", "model", "UPDATE",
         "NEW.last_version <> OLD.last_version AND (NEW.last_version <> OLD.last_version + 1 OR "
         "(OLD.last_version > 0 AND NOT EXISTS (SELECT 1 FROM version WHERE version.model = OLD.id "
         "AND version.version = OLD.last_version)))",
         "versions are counted by one, and none is left out"),
    Rule("model_identity", "model", "UPDATE", _changed("id", "publisher"), "a model keeps its id"),
    Rule("model_stays", "model", "DELETE", "TRUE", "a model is never deleted"),
    Rule("audit_follows", "audit", "INSERT", _NO_SUCCESSOR, "an audit entry follows the last one"),
    Rule("audit_fixed", "audit", "UPDATE", "TRUE", "the audit log is only added to"),
    Rule("audit_stays", "audit", "DELETE", "TRUE", "the audit log is only added to"),
    Rule("audit_node_fixed", "audit_node", "UPDATE", "TRUE", "the audit log is only added to"),
    Rule("audit_node_stays", "audit_node", "DELETE", "TRUE", "the audit log is only added to"),
    Rule("token_fixed", "token", "UPDATE",
         f"{_changed(*TOKEN)} OR (OLD.revoked_at IS NOT NULL AND ({_changed('revoked_at')}))",
         "a token keeps what it may do and until when, and stays revoked"),
    Rule("token_stays", "token", "DELETE", "TRUE", "a token is revoked, never deleted"),
    Rule("publisher_key_fixed", "publisher_key", "UPDATE",
         f"{_changed(*KEY)} OR (OLD.revoked_at IS NOT NULL AND ({_changed('revoked_at')}))",
         "a key is only revoked, and stays so"),
    Rule("publisher_key_stays", "publisher_key", "DELETE", "TRUE", "a key is revoked, never deleted"),
    Rule("head_forward", "hub_head", "UPDATE",
         "NEW.revision < OLD.revision OR NEW.released < OLD.released OR "
         "(OLD.name <> '' AND NEW.name <> OLD.name)",
         "revisions only grow, and a registry keeps its name"),
    Rule("head_stays", "hub_head", "DELETE", "TRUE", "the head row stays"),
)  # fmt: skip


def _on_sqlite(rule: Rule) -> Iterator[str]:
    condition = rule.condition.replace("IS DISTINCT FROM", "IS NOT")
    yield (
        f"CREATE TRIGGER {rule.name} BEFORE {rule.event} ON {rule.table} FOR EACH ROW WHEN {condition} "
        f"BEGIN SELECT RAISE(ABORT, '{rule.message}'); END"
    )


def _on_postgresql(rule: Rule) -> Iterator[str]:
    given = "OLD" if rule.event == "DELETE" else "NEW"
    yield (
        f"CREATE FUNCTION {rule.name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {rule.condition} THEN "
        f"RAISE EXCEPTION '{rule.message}' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
        f"RETURN {given}; END $$"
    )
    yield (
        f"CREATE TRIGGER {rule.name} BEFORE {rule.event} ON {rule.table} FOR EACH ROW "
        f"EXECUTE FUNCTION {rule.name}()"
    )


def _no_truncate(table: str) -> Iterator[str]:
    yield (
        f"CREATE FUNCTION {table}_whole() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"RAISE EXCEPTION '{table} is never emptied' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    yield (
        f"CREATE TRIGGER {table}_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT "
        f"EXECUTE FUNCTION {table}_whole()"
    )
