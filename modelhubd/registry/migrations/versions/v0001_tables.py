"""The first shape of the database: every table of `schema`, the triggers, the view, the head row."""

import sqlalchemy as sa
from alembic import op

from modelhubd.errors import CannotStart
from modelhubd.registry import triggers

revision = "0001"
down_revision = None


def upgrade() -> None:
    _accounts()
    _versions()
    _beside()
    for statement in triggers.statements(op.get_context().dialect.name):
        op.execute(statement)
    head = sa.table(
        "hub_head", sa.column("id"), sa.column("name"), sa.column("revision"), sa.column("released")
    )
    op.execute(head.insert().values(id=1, name="", revision=0, released=0))


def downgrade() -> None:
    raise CannotStart(
        "The registry's database cannot be taken back to an older form. Restore a backup instead."
    )


def _accounts() -> None:
    op.create_table(
        "hub_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, nullable=False, comment="of the registry: origin of its audit log"),
        sa.Column(
            "revision", sa.BigInteger, nullable=False, comment="grows with every change of what is served"
        ),
        sa.Column("released", sa.BigInteger, nullable=False, comment="the revision that is signed"),
        sa.CheckConstraint("id = 1", name="only"),
        sa.CheckConstraint("released <= revision", name="released"),
    )
    op.create_table(
        "principal",
        sa.Column(
            "name", sa.Text, primary_key=True, comment="a person or service, however many tokens it has"
        ),
        sa.Column("created_at", sa.Text, nullable=False),
    )
    op.create_table(
        "token",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("principal", sa.Text, sa.ForeignKey("principal.name"), nullable=False),
        sa.Column("secret_sha256", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False, comment="JSON list"),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("expires_at", sa.Text, nullable=False),
        sa.Column("revoked_at", sa.Text),
        sa.Column("last_used_at", sa.Text, comment="to the hour"),
    )
    op.create_index("ix_token_principal", "token", ["principal"])
    op.create_table(
        "publisher",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.CheckConstraint("status IN ('active', 'suspended')", name="status"),
    )
    op.create_table(
        "publisher_key",
        sa.Column("publisher", sa.Text, sa.ForeignKey("publisher.name"), primary_key=True),
        sa.Column("key_id", sa.Text, primary_key=True),
        sa.Column("public_key", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("revoked_at", sa.Text),
    )


def _versions() -> None:
    op.create_table(
        "model",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("publisher", sa.Text, sa.ForeignKey("publisher.name"), nullable=False),
        sa.Column("last_version", sa.Integer, nullable=False, comment="highest ever allocated"),
        sa.Column("created_at", sa.Text, nullable=False),
    )
    op.create_index("ix_model_publisher", "model", ["publisher"])
    op.create_table(
        "version",
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
        sa.Column(
            "four_eyes",
            sa.Boolean(create_constraint=True, name="four_eyes"),
            nullable=False,
            comment="whether two persons had to agree",
        ),
        sa.Column("withdrawn_by", sa.Text, sa.ForeignKey("principal.name")),
        sa.Column("withdrawn_at", sa.Text),
        sa.Column("withdraw_reason", sa.Text),
        sa.UniqueConstraint("model", "version", "status"),
        sa.CheckConstraint(
            "status IN ('pending', 'approved', 'rejected', 'cancelled', 'withdrawn')", name="status"
        ),
        sa.CheckConstraint("version >= 1", name="counts_from_one"),
        sa.CheckConstraint(
            "status NOT IN ('approved', 'withdrawn') OR decided_by IS NOT NULL", name="somebody_approved"
        ),
        sa.CheckConstraint(
            "NOT four_eyes OR status NOT IN ('approved', 'withdrawn') OR decided_by <> published_by",
            name="two_persons",
        ),
    )
    op.create_index("ix_version_status", "version", ["status", "published_at"])
    op.create_table(
        "served",
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["model", "version", "status"], ["version.model", "version.version", "version.status"]
        ),
        sa.CheckConstraint("status IN ('approved')", name="status"),
    )
    op.create_table(
        "verification",
        sa.Column("model", sa.Text, sa.ForeignKey("served.model"), primary_key=True),
        sa.Column("verified_by", sa.Text, sa.ForeignKey("principal.name"), nullable=False),
        sa.Column("verified_at", sa.Text, nullable=False),
    )
    op.create_table(
        "tombstone",
        sa.Column("model", sa.Text, sa.ForeignKey("model.id"), primary_key=True),
        sa.Column("withdrawn_at", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_table(
        "issue",
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("pointer", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["model", "version"], ["version.model", "version.version"]),
        sa.CheckConstraint("severity IN ('error', 'warning', 'info')", name="severity"),
    )


def _beside() -> None:
    op.create_table(
        "template",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("updated_at", sa.Text, nullable=False),
        sa.Column("updated_by", sa.Text, sa.ForeignKey("principal.name"), nullable=False),
    )
    op.create_table(
        "template_model",
        sa.Column("template", sa.Text, sa.ForeignKey("template.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("model", sa.Text, primary_key=True),
    )
    op.create_index("ix_template_model_model", "template_model", ["model"])
    op.create_table(
        "counter",
        sa.Column("model", sa.Text, sa.ForeignKey("model.id"), primary_key=True),
        sa.Column("downloads", sa.BigInteger, nullable=False),
        sa.CheckConstraint("downloads >= 0", name="downloads"),
    )
    op.create_table(
        "star",
        sa.Column("model", sa.Text, sa.ForeignKey("model.id"), primary_key=True),
        sa.Column("principal", sa.Text, sa.ForeignKey("principal.name"), primary_key=True),
    )
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("entry", sa.Text, nullable=False, comment="the canonical JSON that is hashed"),
        sa.Column("leaf_hash", sa.Text, nullable=False),
        sa.Column("prev_hash", sa.Text, nullable=False, unique=True),
    )
    op.create_index("ix_audit_subject", "audit", ["subject"])
    op.create_table(
        "audit_node",
        sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.create_table(
        "idempotency",
        sa.Column("principal", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("request_sha256", sa.Text, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
    )
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"])
    op.create_table(
        "release_file",
        sa.Column("name", sa.Text, primary_key=True, comment="such as 3.root.json, timestamp.json"),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("made_at", sa.Text, nullable=False),
    )
