"""Which models were published with which weights."""

import sqlalchemy as sa
from alembic import op

from modelhubd.errors import CannotStart

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "weight",
        sa.Column("sha256", sa.Text, primary_key=True, comment="of a file that makes a model what it is"),
        sa.Column("model", sa.Text, sa.ForeignKey("model.id"), primary_key=True),
    )


def downgrade() -> None:
    raise CannotStart(
        "The registry's database cannot be taken back to an older form. Restore a backup instead."
    )
