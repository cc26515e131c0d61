"""LogFilter → MongoDB, the only translation: list, count, summary, reprocess and export all ask through this.

Every query starts with `account`, every external value stands under an explicit operator, no pattern comes from a person.
"""

import re
from typing import Any

from shared.contracts.filters import LogFilter
from shared.contracts.text import fold, fold_words

Query = dict[str, Any]


def query_of(account: str, rows: LogFilter) -> Query:
    """Return the filter document of the rows of `account` that `rows` lets pass."""
    query: Query = {"account": {"$eq": account}}
    for name, path in (("kind", "kind"), ("affiliate", "affiliate"), ("status", "state.status")):
        if values := getattr(rows, name):
            query[path] = {"$eq": values[0]} if len(values) == 1 else {"$in": list(values)}
    if rows.error_code:
        query["state.causes.code"] = {"$in": list(rows.error_code)}
    if rows.from_at or rows.to_at:
        query["state.processed_at"] = {
            **({"$gte": rows.from_at} if rows.from_at else {}),
            **({"$lt": rows.to_at} if rows.to_at else {}),
        }
    if rows.q:
        query["$or"] = search_of(rows.q)
    return query


def search_of(text: str) -> list[Query]:
    """Return the alternatives of a search: an id exactly or by prefix, or all words of a cause message."""
    found: list[Query] = [{"ids": {"$regex": f"^{re.escape(fold(text))}"}}]
    if words := fold_words([text]):
        found.append({"state.words": {"$all": words}})
    return found
