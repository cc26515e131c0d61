"""Every metric of the product: its name, what it means, and what to do when it looks wrong. The docs list these."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

SECONDS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

INGEST_RECORDS: Final = Counter(
    "ponte_ingest_records", "Records taken in from the events topics. Flat while lag grows: ingest is stuck"
)
INGEST_ATTEMPTS: Final = Counter("ponte_ingest_attempts", "Attempts written, duplicates not counted")
INGEST_DUPLICATES: Final = Counter(
    "ponte_ingest_duplicates", "Events that had come before. Many after a restart are normal"
)
INGEST_DEAD_LETTERS: Final = Counter(
    "ponte_ingest_dead_letters",
    "Records that could not be used. Rising: read the error class in the dead letters, then ask the connector's owner",
)
INGEST_EXPIRED_ENTRIES: Final = Counter(
    "ponte_ingest_expired_entries",
    "Entries removed because they were older than the settings keep them, by status. Errors among them: a setting says so",
    ["status"],
)
INGEST_GAPS: Final = Counter(
    "ponte_ingest_gaps",
    "Partitions that could not be read on where the group had stopped, by reason. Any: look into the collection gaps",
    ["reason"],
)
INGEST_GAP_RECORDS: Final = Counter(
    "ponte_ingest_gap_records",
    "Records that were deleted before they were read. Any: let the connectors publish them again, lengthen the topic's retention",
)
INGEST_KEPT_LETTERS: Final = Gauge(
    "ponte_ingest_kept_letters", "Dead letters kept, of all accounts and states, roughly"
)
INGEST_OLDEST_LETTER: Final = Gauge(
    "ponte_ingest_oldest_letter_seconds",
    "Age of the oldest dead letter kept. Near PONTE_INGEST_DEAD_LETTER_KEEP_DAYS: replay it, or it is gone",
)
INGEST_ROLLUPS_LAG: Final = Gauge(
    "ponte_ingest_rollups_lag_seconds",
    "How far the counts of the summary are behind the log. Up to half a minute while a backlog is taken in; growing: read the log for rollups.postponed",
)
INGEST_ROLLUPS_BUILDS: Final = Counter(
    "ponte_ingest_rollups_builds",
    "Times that the log was counted anew, by reason: first, asked, history, unaccountable. Many of history: give MongoDB a larger oplog",
    ["reason"],
)
INGEST_BATCH_SECONDS: Final = Histogram(
    "ponte_ingest_batch_seconds",
    "From a batch taken in until it is durable. Slow: look at MongoDB",
    buckets=SECONDS,
)
INGEST_LAG_RECORDS: Final = Gauge(
    "ponte_ingest_lag_records",
    "Records of a partition of ours that are not committed yet. Growing: see whether MongoDB is away or a partition held, then add workers",
    ["topic", "partition"],
)
INGEST_LAG_SECONDS: Final = Gauge(
    "ponte_ingest_lag_seconds",
    "Age of the oldest record that is taken in and not committed; 0: there is none. Above a minute: as for the lag in records",
)
INGEST_HELD_SECONDS: Final = Gauge(
    "ponte_ingest_held_seconds",
    "For how long a partition waits at a bad record that integration.deadletter does not take, by Kafka's reason. "
    "Any: repair that topic (its largest message, its rights, whether it is there); the partition goes on by itself",
    ["topic", "partition", "reason"],
)
REPROCESS_ITEMS: Final = Counter(
    "ponte_reprocess_items", "Items of reprocess jobs by outcome: sent, skipped, failed", ["outcome"]
)
EXPORT_ROWS: Final = Counter("ponte_export_rows", "Rows written to reports")
EXPORT_SECONDS: Final = Histogram(
    "ponte_export_seconds", "From an export job taken to its end", buckets=(*SECONDS, 60, 120, 300, 600)
)
IMPORT_ROWS: Final = Counter(
    "ponte_import_rows",
    "Chosen rows of reports that came back, by what a reprocess would do with them. Many unreadable: somebody edits them in a way that loses the codes",
    ["state"],
)
IMPORT_SECONDS: Final = Histogram(
    "ponte_import_seconds", "From an import job taken to its end", buckets=(*SECONDS, 60, 120, 300, 600)
)
JOBS_RUNNING: Final = Gauge("ponte_jobs_running", "Jobs in hand, by service", ["service"])
JOBS_ENDED: Final = Counter(
    "ponte_jobs_ended",
    "Jobs that came to their end, by service and state: done, failed, cancelled. Failed: the job's error says why",
    ["service", "state"],
)
JOBS_WAITING: Final = Gauge(
    "ponte_jobs_waiting_seconds",
    "For how long a job of the service has waited for its turn; 0: none waits. "
    "Growing: all workers are at work on others, add some; or none is there",
    ["service"],
)
CHECK_FAILING: Final = Gauge(
    "ponte_check_failing",
    "1 while a check of /health/ready fails, by check (mongo, kafka, partitions, …); 0: it passes. Long: that answer says why",
    ["check"],
)
HTTP_SECONDS: Final = Histogram(
    "ponte_query_request_seconds", "Answers of the query API by route and status", ["route", "status"], buckets=SECONDS
)
QUERY_STREAMS: Final = Gauge("ponte_query_streams", "Live streams open in this process. At its bound, more are refused")
QUERY_STREAM_EVENTS: Final = Counter("ponte_query_stream_events", "Events handed to live streams")
QUERY_STREAM_RESYNCS: Final = Counter(
    "ponte_query_stream_resyncs",
    "Streams told to read the list again, by reason: too_many, slow, interrupted. Many: narrow the filters, or raise the bounds",
    ["reason"],
)
