"""The filter's rule over entries: what the fakes hold instead of documents."""

from shared.contracts import matching
from shared.contracts.entries import LogEntry
from shared.contracts.filters import LogFilter
from shared.contracts.text import fold_ids, fold_words


def lets_pass(rows: LogFilter, entry: LogEntry) -> bool:
    """Say whether the filter lets the entry pass: by the shared rule, over the document that ingest would have stored."""
    document = {
        "account": entry.account,
        "kind": entry.kind,
        "affiliate": entry.affiliate,
        "attempts": entry.attempts,
        "reprocess": entry.reprocess,
        "ids": fold_ids([entry.code, *entry.aliases.values()]),
        "state": {
            "status": entry.status,
            "processed_at": entry.processed_at,
            "received_at": entry.received_at,
            "causes": entry.causes,
            "words": fold_words(cause.get("message") or "" for cause in entry.causes),
        },
    }
    return matching.lets_pass(rows, entry.account, document)
