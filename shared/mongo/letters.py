"""LetterFilter → MongoDB, the only translation: list, count, dry run and replay all ask through this.

Every query starts with `account` and spells the states out, so that each is one or a few tight ranges of one index.
"""

from datetime import datetime
from itertools import product
from typing import Any

from shared.contracts.dead_letters import LETTER_STATES, LetterFilter

Query = dict[str, Any]
WITHOUT_CONTENT = {"value": 0, "headers": 0}


def letters_query(account: str, rows: LetterFilter) -> Query:
    """Return the filter document of the dead letters of `account` that `rows` lets pass."""
    query: Query = {"account": {"$eq": account}, "state": {"$in": list(rows.state or LETTER_STATES)}}
    if rows.error_class:
        query["error_class"] = {"$in": list(rows.error_class)}
    if rows.topic:
        query["original.topic"] = {"$in": list(rows.topic)}
    if rows.from_at or rows.to_at:
        query["received_at"] = {
            **({"$gte": rows.from_at} if rows.from_at else {}),
            **({"$lt": rows.to_at} if rows.to_at else {}),
        }
    return query


def letters_index(rows: LetterFilter) -> str:
    """Return the index that answers `rows` in the order (received_at, _id)."""
    return "by_class" if rows.error_class else "by_state"


def letters_beyond(query: Query, at: datetime, identity: str, *, ascending: bool) -> Query:
    """Return the letters of `query` after the one at (`at`, `identity`): alternatives that each are one range of the index."""
    strictly = "$gt" if ascending else "$lt"
    bounds = ({"received_at": {"$eq": at}, "_id": {strictly: identity}}, {"received_at": {strictly: at}})
    several = [(name, query[name]["$in"]) for name in ("error_class", "state") if name in query]
    parts = [
        {**query, **{name: {"$eq": value} for (name, _), value in zip(several, values, strict=True)}}
        for values in product(*(values for _, values in several))
    ]
    return {"$or": [{"$and": [part, bound]} for part in parts for bound in bounds]}
