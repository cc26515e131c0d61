"""Our values → JSON. Plain dicts for orjson: a page of 50 rows costs a third of what validating models would."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from fastapi import Response

from services.query.core.causes import ExplainedCause, explain
from services.query.core.cursor import Value
from services.query.core.integration import Marketplaces
from services.query.core.jobs import Job
from services.query.core.leaf import Leaf, Row
from services.query.core.remembering import by_identity
from services.query.core.streak import ErrorStreak
from services.query.handlers.insights import REMEMBERED_SUMMARIES, Summary
from services.query.handlers.reading import REMEMBERED_ROWS, Page, Total
from shared.contracts.catalogue import UNMAPPED, ErrorCode, Language
from shared.contracts.entries import LOG_TEXTS, Attempt, LogEntry
from shared.contracts.imports import ImportRow
from shared.contracts.segments import write_segment
from shared.contracts.times import format_instant

Json = dict[str, Any]


def json_answer(body: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return `body` as JSON."""
    return Response(orjson.dumps(body), status_code=status, headers=dict(headers or {}), media_type="application/json")


def in_language(answer: Response, language: Language) -> Response:
    """Return `answer` with a header that tells which language its texts for people are in, whatever was asked for."""
    answer.headers["Content-Language"] = language
    return answer


def page_json(page: Page, names: Marketplaces, language: Language, fields: Sequence[str] = ()) -> Json:
    """Return a page of entries; `names` maps affiliate to marketplace. `fields` are the members told of each; none means all."""
    owners = {affiliate: _owner(affiliate, names) for affiliate in {entry.affiliate for entry in page.items}}
    told, item_of = tuple(fields), _item if page.previous_cursor else _remembered_item
    return {
        "items": [item_of(entry, owners[entry.affiliate], language, told) for entry in page.items],
        "next_cursor": page.next_cursor,
        "previous_cursor": page.previous_cursor,
        "total": total_json(page.total),
        "complete": page.searched_until is None,
        "searched_until": _value(page.searched_until),
    }


def total_json(total: Total) -> Json:
    """Return how many there are, exactly or at least."""
    return {"value": total.value, "relation": total.relation}


class _Owner(NamedTuple):
    """What an affiliate is called, and whether it is registered."""

    marketplace: str
    is_registered: bool


def _owner(affiliate: str, names: Marketplaces) -> _Owner:
    return _Owner(names.get(affiliate, affiliate), names.is_registered(affiliate))


@by_identity(REMEMBERED_ROWS)
def _remembered_item(entry: LogEntry, owner: _Owner, language: Language, fields: tuple[str, ...]) -> orjson.Fragment:
    return orjson.Fragment(orjson.dumps(_item(entry, owner, language, fields)))


def _item(entry: LogEntry, owner: _Owner, language: Language, fields: tuple[str, ...]) -> Json:
    item = _item_json(entry, owner, language)
    return {name: item[name] for name in fields} if fields else item


def item_json(entry: LogEntry, names: Marketplaces, language: Language) -> Json:
    """Return an entry as a list shows it."""
    return _item_json(entry, _owner(entry.affiliate, names), language)


def _item_json(entry: LogEntry, owner: _Owner, language: Language) -> Json:
    mark, processed_at = entry.reprocess, entry.processed_at
    at = format_instant(processed_at)
    # Of an item that was told of once these are one instant, and writing instants was half of what a row took.
    first, success = entry.first_seen_at, entry.last_success_at
    return {
        "kind": entry.kind,
        "affiliate": entry.affiliate,
        "marketplace": owner.marketplace,
        "registered": owner.is_registered,
        "code": entry.code,
        "status": entry.status,
        "processed_at": at,
        "first_seen_at": at if first == processed_at else format_instant(first),
        "last_success_at": at if success == processed_at else _instant(success),
        "attempts": entry.attempts,
        "causes": causes_json(entry.causes, language),
        "aliases": dict(entry.aliases),
        "reprocess": {"id": mark["id"], "state": mark["state"]} if mark else None,
    }


def entry_json(
    entry: LogEntry, streak: ErrorStreak, names: Marketplaces, language: Language, *, retry_at: datetime | None
) -> Json:
    """Return one entry, whole. `retry_at`: when it is tried again by itself."""
    return {
        **item_json(entry, names, language),
        "error_streak": streak.count,
        "error_streak_complete": streak.is_whole,
        "failing_since": _instant(streak.since),
        **_payload_json(entry),
        "log": _log_json(entry.log),
        "received_at": format_instant(entry.received_at),
        "sequence": entry.sequence,
        "reprocess_id": entry.reprocess_id,
        "next_retry_at": _instant(retry_at),
    }


def leaf_json(leaf: Leaf[Row], told: Callable[[Row], Json], *, rows: str = "items") -> Json:
    """Return a page whose rows `told` writes, under the name `rows`."""
    return {
        rows: [told(row) for row in leaf.items],
        "next_cursor": leaf.next_cursor,
        "previous_cursor": leaf.previous_cursor,
    }


def attempts_json(page: Leaf[Attempt], language: Language) -> Json:
    """Return a page of attempts."""
    return leaf_json(page, lambda attempt: _attempt_json(attempt, language))


def causes_json(causes: Sequence[Mapping[str, Any]], language: Language) -> list[Json]:
    """Return causes with their guidance."""
    return [_cause_json(explain(cause, language)) for cause in causes]


@by_identity(REMEMBERED_SUMMARIES)
def summary_json(summary: Summary, language: Language) -> Json:
    """Return the counts."""
    return {
        "by_kind": summary.by_kind,
        "by_affiliate": summary.by_affiliate,
        "by_cause": [
            {
                "code": found.code or UNMAPPED,
                "title": explain({"code": found.code}, language).title,
                "count": found.count,
            }
            for found in summary.by_cause
        ],
        "series": [{"at": format_instant(point.at), "by_status": point.by_status} for point in summary.series],
        "bucket": summary.bucket,
        "as_of": format_instant(summary.as_of),
    }


def reprocess_json(job: Job) -> Json:
    """Return a reprocess job."""
    command, progress = job.command, job.progress
    return {
        **job_json(job),
        "kind": command.get("kind"),
        "items": command.get("items"),
        "filter": command.get("filter"),
        "reason": command.get("reason", ""),
        "max_per_second": command.get("max_per_second"),
        "dry_run": bool(command.get("dry_run", False)),
        "automatic": job.is_automatic,
        "matched": progress.get("matched"),
        "eligible": progress.get("eligible"),
        "sent": progress.get("sent"),
        "failed": progress.get("failed"),
        "skipped": progress.get("skipped") or {},
        "failures": list(progress.get("failures") or ()),
        "stalled_since": _instant(progress.get("stalled_since")),
        "stalled_why": progress.get("stalled_why"),
    }


def export_json(job: Job) -> Json:
    """Return an export job."""
    command, progress = job.command, job.progress
    return {
        **job_json(job),
        "kinds": list(job.kinds),
        "filter": command.get("filter") or {},
        "format": command.get("format"),
        "language": command.get("language"),
        "time_zone": command.get("time_zone"),
        "rows": progress.get("rows"),
        "rows_done": progress.get("rows_done") or 0,
        "file": f"/v1/exports/{write_segment(job.id)}/file" if job.state == "done" else None,
        "file_name": progress.get("file_name"),
        "bytes": progress.get("bytes"),
        "sha256": progress.get("sha256"),
    }


def import_json(job: Job) -> Json:
    """Return an import job."""
    command, progress = job.command, job.progress
    return {
        **job_json(job),
        "file_name": command.get("file_name") or "",
        "bytes": command.get("bytes") or 0,
        "sha256": command.get("sha256") or "",
        "rows": progress.get("rows"),
        "rows_done": progress.get("rows_done") or 0,
        "rows_read": progress.get("rows_read"),
        "hidden": progress.get("hidden"),
        "unmarked": progress.get("unmarked"),
        "counts": progress.get("counts") or {},
        "eligible": progress.get("eligible") or {},
    }


def import_row_json(row: ImportRow) -> Json:
    """Return a row of an import's preview."""
    return asdict(row)


def error_code_json(error: ErrorCode, language: Language) -> Json:
    """Return a row of the catalogue."""
    return {
        "code": error.code,
        "kinds": list(error.kinds),
        "retry": error.retry,
        "title": error.title(language),
        "guidance": error.guide(language),
        "vtex_codes": list(error.vtex_codes),
        "article": error.article,
    }


def job_json(job: Job) -> Json:
    """Return what every job tells."""
    return {
        "id": job.id,
        "state": job.state,
        "requested_by": job.command.get("requested_by", ""),
        "created_at": format_instant(job.created_at),
        "updated_at": format_instant(job.updated_at),
        "finished_at": _instant(job.finished_at),
        "cancel_requested": job.cancel_requested,
        "error": job.error,
    }


def _attempt_json(attempt: Attempt, language: Language) -> Json:
    return {
        "status": attempt.status,
        "processed_at": format_instant(attempt.processed_at),
        "received_at": format_instant(attempt.received_at),
        "sequence": attempt.sequence,
        "reprocess_id": attempt.reprocess_id,
        "source": attempt.source,
        "event_id": attempt.event_id,
        "causes": [
            {**_cause_json(explain(cause, language)), "evidence": _evidence_json(cause.get("evidence"))}
            for cause in attempt.causes
        ],
        **_payload_json(attempt),
        "log": _log_json(attempt.log),
    }


def _payload_json(of: LogEntry | Attempt) -> Json:
    return {
        "payload": of.payload,
        "payload_truncated": of.payload_truncated,
        "payload_bytes": of.payload_bytes,
        "payload_preview": of.payload_preview,
        "payload_masked": of.payload_masked,
    }


def _log_json(log: Mapping[str, Any] | None) -> Json | None:
    if log is None:
        return None
    return {**{name: log[name] for name in LOG_TEXTS}, "evidence": _evidence_json(log["evidence"])}


def _evidence_json(evidence: Mapping[str, Any] | None) -> Json | None:
    if evidence is None:
        return None
    return {"request": evidence.get("request"), "response": evidence.get("response")}


def _cause_json(cause: ExplainedCause) -> Json:
    # Written out: `asdict` copies every value and took half of a page's time.
    return {
        "code": cause.code,
        "message": cause.message,
        "field": cause.field,
        "title": cause.title,
        "guidance": cause.guidance,
        "retry": cause.retry,
        "group": cause.group,
    }


def _value(value: Value | None) -> int | str | None:
    return format_instant(value) if isinstance(value, datetime) else value


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else format_instant(instant)
