"""The registry's tables, for SQLite and PostgreSQL alike.

What must never be is refused here, by the database, whatever a program does: see also `triggers`. Times are
RFC 3339 texts of `wire.base.rfc3339`, which sort as they follow; JSON is text; digests are lower-case hex.
"""

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _is_in(column: str, *values: str) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


hub_head = sa.Table(
    "hub_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False, comment="of the registry: origin of its audit log"),
    sa.Column("revision", sa.BigInteger, nullable=False, comment="grows with every change of what is served"),
    sa.Column("released", sa.BigInteger, nullable=False, comment="the revision that is signed"),
    sa.CheckConstraint("id = 1", name="only"),
    sa.CheckConstraint("released <= revision", name="released"),
)
"""One row, locked first by everything that changes what the registry says."""

principal = sa.Table(
    "principal",
    metadata,
    sa.Column("name", sa.Text, primary_key=True, comment="a person or service, however many tokens it has"),
    sa.Column("created_at", sa.Text, nullable=False),
)

token = sa.Table(
    "token",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("principal", sa.Text, sa.ForeignKey("principal.name"), nullable=False, index=True),
    sa.Column("secret_sha256", sa.Text, nullable=False),
    sa.Column("scopes", sa.Text, nullable=False, comment="JSON list"),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("created_at", sa.Text, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("expires_at", sa.Text, nullable=False),
    sa.Column("revoked_at", sa.Text),
    sa.Column("last_used_at", sa.Text, comment="to the hour"),
)

publisher = sa.Table(
    "publisher",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("created_at", sa.Text, nullable=False),
    _is_in("status", "active", "suspended"),
)

publisher_key = sa.Table(
    "publisher_key",
    metadata,
    sa.Column("publisher", sa.Text, sa.ForeignKey("publisher.name"), primary_key=True),
    sa.Column("key_id", sa.Text, primary_key=True),
    sa.Column("public_key", sa.Text, nullable=False),
    sa.Column("created_at", sa.Text, nullable=False),
    sa.Column("revoked_at", sa.Text),
)

model = sa.Table(
    "model",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("publisher", sa.Text, sa.ForeignKey("publisher.name"), nullable=False, index=True),
    sa.Column("last_version", sa.Integer, nullable=False, comment="highest ever allocated"),
    sa.Column("created_at", sa.Text, nullable=False),
)

version = sa.Table(
    "version",
    metadata,
    sa.Column("model", sa.Text, sa.ForeignKey("model.id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False, comment="canonical JSON: entries.content.content_of"),
    sa.Column("content_sha256", sa.Text, nullable=False),
    sa.Column("envelopes", sa.Text, nullable=False, comment="JSON list"),
    sa.Column("published_by", sa.Text, sa.ForeignKey("principal.name"), nullable=False),
    sa.Column("published_at", sa.Text, nullable=False),
    sa.Column("decided_by", sa.Text, sa.ForeignKey("principal.name")),
    sa.Column("decided_at", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("four_eyes", sa.Boolean(create_constraint=True, name="four_eyes"), nullable=False,
              comment="whether two persons had to agree"),
    sa.Column("withdrawn_by", sa.Text, sa.ForeignKey("principal.name")),
    sa.Column("withdrawn_at", sa.Text),
    sa.Column("withdraw_reason", sa.Text),
    sa.Column("words", sa.Text, nullable=False, server_default="",
              comment="what the model is found by: versions.words"),
    sa.UniqueConstraint("model", "version", "status"),
    _is_in("status", "pending", "approved", "rejected", "cancelled", "withdrawn"),
    sa.CheckConstraint("version >= 1", name="counts_from_one"),
    sa.CheckConstraint(
        "status NOT IN ('approved', 'withdrawn') OR decided_by IS NOT NULL", name="somebody_approved"
    ),
    sa.CheckConstraint(
        "NOT four_eyes OR status NOT IN ('approved', 'withdrawn') OR decided_by <> published_by",
        name="two_persons",
    ),
    sa.Index("ix_version_status", "status", "published_at"),
)  # fmt: skip

served = sa.Table(
    "served",
    metadata,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(
        ["model", "version", "status"], ["version.model", "version.version", "version.status"]
    ),
    _is_in("status", "approved"),
)
"""The highest approved version of each model."""

verification = sa.Table(
    "verification",
    metadata,
    sa.Column("model", sa.Text, sa.ForeignKey("served.model"), primary_key=True),
    sa.Column("verified_by", sa.Text, sa.ForeignKey("principal.name"), nullable=False),
    sa.Column("verified_at", sa.Text, nullable=False),
)

tombstone = sa.Table(
    "tombstone",
    metadata,
    sa.Column("model", sa.Text, sa.ForeignKey("model.id"), primary_key=True),
    sa.Column("withdrawn_at", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)

issue = sa.Table(
    "issue",
    metadata,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("pointer", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(["model", "version"], ["version.model", "version.version"]),
    _is_in("severity", "error", "warning", "info"),
)

weight = sa.Table(
    "weight",
    metadata,
    sa.Column("sha256", sa.Text, primary_key=True, comment="of a file that makes a model what it is"),
    sa.Column("model", sa.Text, sa.ForeignKey("model.id"), primary_key=True),
)
"""Which models were published with which weights; two with the same are an issue."""

template = sa.Table(
    "template",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("updated_at", sa.Text, nullable=False),
    sa.Column("updated_by", sa.Text, sa.ForeignKey("principal.name"), nullable=False),
)

template_model = sa.Table(
    "template_model",
    metadata,
    sa.Column("template", sa.Text, sa.ForeignKey("template.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("model", sa.Text, primary_key=True, index=True),
)
"""A template may name a model that is not served (any more): it is not compliant then."""

counter = sa.Table(
    "counter",
    metadata,
    sa.Column("model", sa.Text, sa.ForeignKey("model.id"), primary_key=True),
    sa.Column("downloads", sa.BigInteger, nullable=False),
    sa.CheckConstraint("downloads >= 0", name="downloads"),
)

star = sa.Table(
    "star",
    metadata,
    sa.Column("model", sa.Text, sa.ForeignKey("model.id"), primary_key=True),
    sa.Column("principal", sa.Text, sa.ForeignKey("principal.name"), primary_key=True),
)

report = sa.Table(
    "report",
    metadata,
    sa.Column("model", sa.Text, sa.ForeignKey("model.id"), primary_key=True),
    sa.Column("principal", sa.Text, sa.ForeignKey("principal.name"), primary_key=True),
    sa.Column("hour", sa.Text, nullable=False, comment="the last one with a report, UTC"),
    sa.Column("count", sa.Integer, nullable=False, comment="of reports in that hour"),
)
"""How often principals have reported downloads lately: only so many count."""

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False, index=True),
    sa.Column("entry", sa.Text, nullable=False, comment="the canonical JSON that is hashed"),
    sa.Column("leaf_hash", sa.Text, nullable=False),
    sa.Column("prev_hash", sa.Text, nullable=False, unique=True),
)  # fmt: skip
"""`seq` counts from 0 without a gap; `prev_hash` is the leaf hash before, of the first one 64 zeros."""

audit_node = sa.Table(
    "audit_node",
    metadata,
    sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("hash", sa.Text, nullable=False),
)
"""Hashes of the full subtrees of RFC 6962: `position` on `level` covers 2^level leaves."""

idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("principal", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("request_sha256", sa.Text, nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("created_at", sa.Text, nullable=False, index=True),
)

release_file = sa.Table(
    "release_file",
    metadata,
    sa.Column("name", sa.Text, primary_key=True, comment="such as 3.root.json, timestamp.json"),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("made_at", sa.Text, nullable=False),
)
"""TUF metadata and targets as served: any process answers the same bytes."""

template_compliance = sa.table(
    "template_compliance",
    sa.column("template", sa.Text),
    sa.column("models", sa.Integer),
    sa.column("verified", sa.Integer),
    sa.column("compliant", sa.Boolean),
)
"""A view: the badge of each template, derived and never stored."""
