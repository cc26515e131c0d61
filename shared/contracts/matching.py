"""Whether a filter lets a stored entry pass, said of a document in hand: for changes as they come, and for fakes.

The same rules as `shared/mongo/queries.py`; a property test holds the two against each other on a real server.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.contracts.advice import advice_of
from shared.contracts.filters import LogFilter
from shared.contracts.text import asked_words, fold_id
from shared.contracts.times import aware

Document = Mapping[str, Any]


def lets_pass(rows: LogFilter, account: str, document: Document) -> bool:
    """Say whether `document`, one of `log_entries`, is a row of `account` that `rows` lets pass."""
    state: Document = document["state"]
    return (
        document["account"] == account
        and (not rows.kind or document["kind"] in rows.kind)
        and (not rows.affiliate or document["affiliate"] in rows.affiliate)
        and (not rows.statuses or state["status"] in rows.statuses)
        and _has_cause(rows, state.get("causes") or ())
        and (not rows.group or any(group in rows.group for group in state.get("groups") or ()))
        and (not rows.reprocess_id or (document.get("reprocess") or {}).get("id") in rows.reprocess_id)
        and document.get("attempts", 0) >= rows.attempts_min
        and _is_of_period(rows, state)
        and (not rows.q or _is_found(rows.q, document.get("ids") or (), state.get("words") or ()))
    )


def _has_cause(rows: LogFilter, causes: Sequence[Document]) -> bool:
    codes = [cause.get("code") for cause in causes]
    is_coded = not rows.error_code or any(code in rows.error_code for code in codes)
    return is_coded and (not rows.retry or any(advice_of(code) in rows.retry for code in codes))


def _is_of_period(rows: LogFilter, state: Document) -> bool:
    at: datetime = aware(state[rows.date_axis])
    return (
        (rows.from_at is None or at >= rows.from_at)
        and (rows.to_at is None or at < rows.to_at)
        and (rows.stale_since is None or aware(state["processed_at"]) < rows.stale_since)
    )


def _is_found(text: str, ids: Sequence[str], words: Sequence[str]) -> bool:
    start, asked = fold_id(text), asked_words(text)
    return any(identity.startswith(start) for identity in ids) or (bool(asked) and set(asked) <= set(words))
