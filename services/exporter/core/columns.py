"""The columns of a report: which, in which order, and what an entry shows in each. An error row always says why."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from services.exporter.core.labels import WORDS, Words
from services.exporter.core.report import Report
from shared.contracts.catalogue import UNMAPPED, find
from shared.contracts.commands import Language
from shared.contracts.entries import LogEntry
from shared.contracts.masking import mask_field, mask_text

FAILED: Final = frozenset({"error", "warning"})
"""Statuses whose rows must say why."""

Text = str | None


@dataclass(frozen=True, slots=True)
class Detail:
    """Why an entry failed, for people: each distinct code, title, message, guidance, advice and field, a line each."""

    codes: Text = None
    titles: Text = None
    messages: Text = None
    guidance: Text = None
    retry: Text = None
    fields: Text = None


NO_DETAIL: Final = Detail()


@dataclass(frozen=True, slots=True)
class Advice:
    """What the catalogue says of a code, in one language; an unknown code is spoken of as an unmapped one."""

    title: str
    guidance: str
    retry: str


@dataclass(frozen=True, slots=True)
class Column:
    """One column: our name of it, its width in characters, and what an entry shows in it."""

    name: str
    width: int
    show: Callable[[LogEntry, Detail, Report], object]
    is_instant: bool = False
    wraps: bool = False


COLUMNS: Final[Sequence[Column]] = (
    Column("kind", 14, lambda entry, _, report: report.words.kinds.get(entry.kind, entry.kind)),
    Column("code", 24, lambda entry, *_: entry.code),
    Column("affiliate", 11, lambda entry, *_: entry.affiliate),
    Column("marketplace", 18, lambda entry, _, report: report.marketplaces.get(entry.affiliate) or entry.affiliate),
    Column("status", 22, lambda entry, _, report: report.words.statuses.get(entry.status, entry.status)),
    Column("processed_at", 21, lambda entry, *_: entry.processed_at, is_instant=True),
    Column("error_code", 18, lambda _, detail, __: detail.codes),
    Column("error", 36, lambda _, detail, __: detail.titles, wraps=True),
    Column("message", 60, lambda _, detail, __: detail.messages, wraps=True),
    Column("guidance", 60, lambda _, detail, __: detail.guidance, wraps=True),
    Column("retry", 22, lambda _, detail, __: detail.retry, wraps=True),
    Column("field", 18, lambda _, detail, __: detail.fields),
    Column("attempts", 11, lambda entry, *_: entry.attempts),
    Column("first_seen_at", 21, lambda entry, *_: entry.first_seen_at, is_instant=True),
    Column("last_success_at", 21, lambda entry, *_: entry.last_success_at, is_instant=True),
    Column("aliases", 32, lambda entry, *_: _aliases_of(entry), wraps=True),
    Column("reprocess", 18, lambda entry, _, report: _reprocess_of(entry, report.words)),
    Column("received_at", 21, lambda entry, *_: entry.received_at, is_instant=True),
)


def headers_of(report: Report) -> list[str]:
    """Return the header row; a column of instants names the time zone, since spreadsheets' dates have none."""
    zone = f" ({report.zone.key})"
    return [report.words.columns[column.name] + (zone if column.is_instant else "") for column in COLUMNS]


def values_of(entry: LogEntry, report: Report) -> list[object]:
    """Return what `entry` shows, in the order of COLUMNS."""
    detail = detail_of(entry, report) if entry.causes or entry.status in FAILED else NO_DETAIL
    return [column.show(entry, detail, report) for column in COLUMNS]


def detail_of(entry: LogEntry, report: Report) -> Detail:
    """Return why the entry failed. A cause without a message shows its code's title, an entry without causes says so."""
    causes = entry.causes or ({},)
    codes = [code_of(cause) for cause in causes]
    known = [advice_of(code, report.language) for code in codes]
    return Detail(
        codes=_lines(codes),
        titles=_lines([advice.title for advice in known]),
        messages=_lines([message_of(cause, report.language) for cause in causes]),
        guidance=_lines([advice.guidance for advice in known]),
        retry=_lines([advice.retry for advice in known]),
        fields=_lines([str(mask_field(cause.get("field")) or "") for cause in causes]),
    )


def code_of(cause: Mapping[str, Any]) -> str:
    """Return the cause's error code; a connector's unknown codes are kept as they are."""
    return str(cause.get("code") or UNMAPPED)


@lru_cache(1024)  # some 60 codes in three languages, and what connectors invent
def advice_of(code: str, language: Language) -> Advice:
    """Return title, guidance and retry advice of a code."""
    words = WORDS[language]
    error = find(code) or find(UNMAPPED)
    if error is None:
        return Advice(words.no_message, "", "")
    return Advice(error.titles[language], error.guidance[language], words.retry[error.retry])


def message_of(cause: Mapping[str, Any], language: Language) -> str:
    """Return what the marketplace wrote, personal data masked; where it wrote nothing, the title of the cause's code, or that nothing was said."""
    written = cause.get("message")
    if isinstance(written, str) and (written := written.strip()):
        return mask_text(written)
    code = code_of(cause)
    return advice_of(code, language).title if find(code) and code != UNMAPPED else WORDS[language].no_message


def _aliases_of(entry: LogEntry) -> Text:
    return "\n".join([f"{name}: {value}" for name, value in entry.aliases.items()]) if entry.aliases else None


def _reprocess_of(entry: LogEntry, words: Words) -> Text:
    if not entry.reprocess:
        return None
    state = str(entry.reprocess.get("state") or "")
    return words.reprocess.get(state, state)


def _lines(texts: list[str]) -> Text:
    return (texts[0] if len(texts) == 1 else "\n".join(text for text in dict.fromkeys(texts) if text)) or None
