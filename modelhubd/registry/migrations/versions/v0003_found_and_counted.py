"""What models are found by, and how often a principal's reports of downloads have counted."""

import json

import sqlalchemy as sa
from alembic import op

from modelhubd.errors import CannotStart

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column(
        "version",
        sa.Column(
            "words",
            sa.Text,
            nullable=False,
            server_default="",
            comment="what the model is found by: versions.words",
        ),
    )
    op.create_table(
        "report",
        sa.Column("model", sa.Text, sa.ForeignKey("model.id"), primary_key=True),
        sa.Column("principal", sa.Text, sa.ForeignKey("principal.name"), primary_key=True),
        sa.Column("hour", sa.Text, nullable=False, comment="the last one with a report, UTC"),
        sa.Column("count", sa.Integer, nullable=False, comment="of reports in that hour"),
    )
    _fill()


def downgrade() -> None:
    raise CannotStart(
        "The registry's database cannot be taken back to an older form. Restore a backup instead."
    )


def _fill() -> None:
    """As `versions.words` had it when this was written."""
    version = sa.table(
        "version", sa.column("model"), sa.column("version"), sa.column("content"), sa.column("words")
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(version.c.model, version.c.version, version.c.content)).all():
        try:
            fields = json.loads(row.content)
        except ValueError:
            fields = {}
        if not isinstance(fields, dict):
            fields = {}
        words = "\n".join((row.model, fields.get("display_name") or "", *fields.get("tags", ()))).casefold()
        connection.execute(
            version.update()
            .where(version.c.model == row.model, version.c.version == row.version)
            .values(words=words)
        )
