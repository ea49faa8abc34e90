"""Ids that somebody may have meant."""

import difflib

from modelhubd.catalog import store
from modelhubd.catalog.search import any_word_query
from modelhubd.storage.database import Reader

NEAREST = 3
CANDIDATES = 400


async def nearest_ids(reader: Reader, model: str) -> list[str]:
    """At most `NEAREST` ids of the catalog that look like this one."""
    expression = any_word_query(model)
    if expression is None:
        return []
    candidates = await store.similar_ids(reader, expression, CANDIDATES)
    return difflib.get_close_matches(model[:130].lower(), candidates, NEAREST, cutoff=0.5)
