"""Log entries as rows of the panel: the words for their status, the explanation of their causes, what may be done."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.query.core.causes import explain
from services.query.core.integration import Marketplaces, Standing
from services.query.core.permissions import Caller
from services.query.entrypoints.pages.address import entry_path, group_path, item_value
from services.query.entrypoints.pages.language import Words
from shared.contracts.automatic_retries import AUTOMATIC
from shared.contracts.catalogue import find
from shared.contracts.eligibility import FAILED_STATUSES, UNDER_WAY, refusal
from shared.contracts.entries import Attempt, LogEntry
from shared.contracts.segments import write_segment

UNANSWERED: Final = "unknown"
"""State of `reprocess` after which nobody knows what became of the retry."""


@dataclass(frozen=True, slots=True)
class CauseView:
    """One cause, explained. `message` is what came, or the catalogue's text where nothing came (`is_fallback`).

    `same_href`: the list of all entries of the kind with this root cause; "" where the entry is from before root causes were told.
    """

    code: str
    title: str
    message: str
    is_fallback: bool
    field: str
    guidance: str
    retry: str
    help_href: str
    same_href: str
    request: str
    response: str


@dataclass(frozen=True, slots=True)
class RowView:
    """One row. `shown` is a status, or `reprocessing` while a retry is under way."""

    entry: LogEntry
    marketplace: str
    standing: Standing
    shown: str
    causes: Sequence[CauseView]
    may_reprocess: bool
    is_waiting: bool
    is_unanswered: bool
    job_id: str

    @property
    def dom_id(self) -> str:
        """An id for the page: codes hold any character, ids of elements had better not."""
        return "r" + hashlib.sha256(self.entry.id.encode()).hexdigest()[:16]

    @property
    def item(self) -> str:
        """The row as a form's value."""
        return item_value(self.entry)

    @property
    def fingerprint(self) -> str:
        """Changes whenever the row looks different: a row is replaced only then."""
        return f"{self.shown} {self.entry.processed_at.isoformat()} {self.is_unanswered} {self.may_reprocess} {self.standing}"

    def path(self, page: str = "") -> str:
        """The address of the entry's own page, or of a part of it."""
        return entry_path(self.entry.kind, self.entry.affiliate, self.entry.code, page)

    @property
    def payload(self) -> str:
        """The payload, readable; empty when there is none."""
        return pretty(self.entry.payload)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer as readable texts; `code` is the cause that they prove, "" for none."""

    code: str
    request: str
    response: str


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One line of a history: whether it is an automatic retry, what was said, and what was exchanged."""

    attempt: Attempt
    is_automatic: bool
    said: Sequence[str]
    exchanges: Sequence[Exchange]


def row_of(entry: LogEntry, caller: Caller, t: Words, *, marketplaces: Marketplaces, waiting_for: str = "") -> RowView:
    """Return an entry as a row. `waiting_for`: the id of a reprocess job that will take the entry but has not yet."""
    mark = entry.reprocess or {}
    state = mark.get("state")
    is_under_way = state in UNDER_WAY
    is_waiting = is_under_way or bool(waiting_for)
    standing = marketplaces.standing(entry.affiliate, entry.kind)
    is_off = standing in {"paused", "removed"}  # the reprocessor would skip it
    return RowView(
        entry=entry,
        marketplace=marketplaces.get(entry.affiliate, entry.affiliate),
        standing=standing,
        shown="reprocessing" if is_waiting else entry.status,
        causes=causes_of(entry, t),
        may_reprocess=not (is_waiting or is_off) and caller.may("reprocess") and refusal(entry, explicit=True) is None,
        is_waiting=is_waiting,
        is_unanswered=state == UNANSWERED and not mark.get("cancelled") and entry.status in FAILED_STATUSES,
        job_id=waiting_for or (str(mark.get("id", "")) if is_under_way else ""),
    )


def causes_of(entry: LogEntry, t: Words) -> list[CauseView]:
    """Return the causes of an entry, explained in the visitor's language."""
    return causes_told(entry.causes, entry.kind, t)


def causes_told(causes: Sequence[Mapping[str, Any]], kind: str, t: Words) -> list[CauseView]:
    """Return causes of an entry of that kind, explained."""
    return [_cause(cause, kind, t) for cause in causes]


def attempt_of(attempt: Attempt) -> AttemptView:
    """Return an attempt as a line of the history."""
    log = attempt.log or {}
    said = [cause.get("message") or cause.get("code") or "" for cause in attempt.causes]
    exchanges = [_exchange(cause.get("code") or "", cause.get("evidence")) for cause in attempt.causes]
    return AttemptView(
        attempt=attempt,
        is_automatic=(attempt.reprocess_id or "").startswith(AUTOMATIC),
        said=[text for text in (*said, log.get("message")) if text],
        exchanges=[one for one in (*exchanges, _exchange("", log.get("evidence"))) if one.request or one.response],
    )


def waiting_job(entry: LogEntry, jobs: Collection[Mapping[str, Any]]) -> str:
    """Return the id of the unfinished job among `jobs` (commands as JSON) that names `entry` and has not marked it; else ""."""
    marked = (entry.reprocess or {}).get("id")
    for command in jobs:
        named = {"affiliate": entry.affiliate, "code": entry.code}
        if command["id"] != marked and command["kind"] == entry.kind and named in (command.get("items") or ()):
            return str(command["id"])
    return ""


def pretty(value: Any) -> str:
    """Return a payload or an evidence as readable text; a text stays as it is."""
    if value is None or value == "":
        return ""
    return value if isinstance(value, str) else indented(value)


def indented(value: Any) -> str:
    """Return a value as JSON, a line for each member."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


def _exchange(code: str, evidence: Mapping[str, Any] | None) -> Exchange:
    told = evidence or {}
    return Exchange(code, pretty(told.get("request")), pretty(told.get("response")))


def _cause(cause: Mapping[str, Any], kind: str, t: Words) -> CauseView:
    explained = explain(cause, t.language)
    exchange = _exchange(explained.code, cause.get("evidence"))
    message = explained.message.strip()
    return CauseView(
        code=explained.code,
        title=explained.title if find(explained.code) else t("cause.unknown"),
        message=message or t("cause.no_message", code=explained.code),
        is_fallback=not message,
        field=str(explained.field or ""),
        guidance=explained.guidance,
        retry=explained.retry,
        help_href=f"/help/{write_segment(explained.code)}",
        same_href=group_path(kind, explained.group) if explained.group else "",
        request=exchange.request,
        response=exchange.response,
    )
