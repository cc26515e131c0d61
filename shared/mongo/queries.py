"""LogFilter → MongoDB, the only translation: list, count, summary, reprocess and export all ask through this.

Every query starts with `account`, every external value stands under an explicit operator, no pattern comes from a person.
`shared/contracts/matching.py` says the same of a document in hand; a test holds the two against each other.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bson.regex import Regex

from shared.contracts.advice import UNKNOWN, known_codes, other_advice
from shared.contracts.catalogue import RetryAdvice
from shared.contracts.filters import LogFilter
from shared.contracts.text import asked_words, fold_id

Query = dict[str, Any]


def query_of(account: str, rows: LogFilter) -> Query:
    """Return the filter document of the rows of `account` that `rows` lets pass."""
    query: Query = {"account": {"$eq": account}}
    for path, values in (
        ("kind", rows.kind),
        ("affiliate", rows.affiliate),
        ("state.status", rows.statuses),
        ("reprocess.id", rows.reprocess_id),
    ):
        if values:
            query[path] = {"$eq": values[0]} if len(values) == 1 else {"$in": list(values)}
    if rows.error_code:
        query["state.causes.code"] = {"$in": list(rows.error_code)}
    if rows.group:
        query["state.groups"] = {"$in": list(rows.group)}
    if rows.retry:
        query["state.causes"] = {"$elemMatch": {"code": advised(rows.retry)}}
    if rows.attempts_min:
        query["attempts"] = {"$gte": rows.attempts_min}
    _narrow_dates(query, rows)
    if rows.q:
        query["$or"] = search_of(rows.q)
    return query


def attempts_of(identity: str) -> Mapping[str, str]:
    """Return the range of `_id` that holds the attempts of an entry: they start with its id and U+001F."""
    return {"$gt": f"{identity}\x1f", "$lt": f"{identity}\x20"}


def search_of(text: str) -> list[Query]:
    """Return the alternatives of a search: an id exactly or by prefix, or all words of a cause message."""
    found: list[Query] = [id_search(text)]
    if words := asked_words(text):
        found.append(word_search(words))
    return found


def id_search(text: str) -> Query:
    """Return the search for an id, exactly or by prefix."""
    return {"ids": {"$regex": f"^{re.escape(fold_id(text))}"}}


def word_search(words: Sequence[str]) -> Query:
    """Return the search for messages with all of the folded `words`. Numbers, then the longest lead, likely the rarest: one is looked up."""
    rarest_first = sorted(words, key=lambda word: (word.isalpha(), -len(word), word))
    return {"state.words": {"$all": rarest_first}}


def advised(retry: Sequence[str]) -> Query:
    """Return the condition on a cause's code that the catalogue advises one of `retry` for it."""
    wanted = frozenset(retry)
    if UNKNOWN not in wanted:
        return {"$in": _codes(wanted)}
    return {
        "$nin": _codes(other_advice(wanted))
    }  # codes that nobody knows, and causes without one, are among the wanted


def none_advised_but(advice: RetryAdvice) -> Query:
    """Return the condition on the causes that the catalogue advises nothing else for any of them."""
    return {"$not": {"$elemMatch": {"code": {"$in": _codes(other_advice(frozenset({advice})))}}}}


def _codes(advice: frozenset[str]) -> list[str | Regex[str]]:
    codes = known_codes(advice)
    if not codes.suffixed:
        return list(codes.named)
    stems = "|".join(map(re.escape, codes.suffixed))
    return [*codes.named, Regex(rf"(*UCP)^(?:{stems})-\w{{1,10}}\z")]


def _narrow_dates(query: Query, rows: LogFilter) -> None:
    bounds: Query = {
        **({"$gte": rows.from_at} if rows.from_at else {}),
        **({"$lt": rows.to_at} if rows.to_at else {}),
    }
    if bounds:
        query[f"state.{rows.date_axis}"] = bounds
    if rows.stale_since:
        processed = query.setdefault("state.processed_at", {})
        processed["$lt"] = min(rows.stale_since, processed.get("$lt", rows.stale_since))
