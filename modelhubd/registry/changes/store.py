"""SQL of where the registry stands."""

from typing import NamedTuple

import sqlalchemy as sa

from modelhubd.registry.schema import audit, hub_head


class Mark(NamedTuple):
    """Grows with everything that is done: each act is an entry of the audit log."""

    audited: int
    revision: int


MARK = sa.select(
    sa.select(sa.func.coalesce(sa.func.max(audit.c.seq) + 1, 0)).scalar_subquery(), hub_head.c.revision
)
"""The `Mark` of one moment, a single row."""
