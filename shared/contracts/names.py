"""Every topic, consumer group, header, collection and index, each with its reason. `ponte topics` and the docs list these.

`deploy/provision.py` makes them real; nothing else creates a topic or an index.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

Kind = Literal["order", "product", "tracking", "price", "stock"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

KIB = 1024
MIB = 1024 * KIB
DAY_MS = 24 * 3600 * 1000

MAX_EVENT_BYTES = MIB
"""An event's value may be this long; a longer one is a dead letter."""

ENVELOPE_BYTES = 64 * KIB
"""What our own headers and envelope may add to an event's bytes on the dead-letter and retry topics."""

EVENTS_MAX_MESSAGE_BYTES = 2 * MIB
"""Above the event limit, so that an oversized event reaches the dead letters instead of failing at its producer."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as provisioned. `retention_ms` -1 keeps for ever."""

    name: str
    partitions: int
    retention_ms: int
    purpose: str
    max_message_bytes: int = MIB + ENVELOPE_BYTES
    log_append_time: bool = False


def events_topic(kind: Kind) -> str:
    """Return the topic on which connectors publish events of `kind`."""
    return f"integration.events.{kind}"


def retry_topic(kind: Kind) -> str:
    """Return the topic on which connectors read the retry requests of `kind`."""
    return f"integration.retry.{kind}"


EVENTS_TOPICS: Final = tuple(events_topic(kind) for kind in KINDS)
RETRY_TOPICS: Final = tuple(retry_topic(kind) for kind in KINDS)
REPROCESS_TOPIC: Final = "integration.reprocess"
REPROCESS_STATUS_TOPIC: Final = "integration.reprocess.status"
EXPORTS_TOPIC: Final = "integration.exports"
REPLAY_TOPIC: Final = "integration.replay"
DEAD_LETTER_TOPIC: Final = "integration.deadletter"

TOPICS: Final[tuple[TopicSpec, ...]] = (
    *(
        TopicSpec(
            events_topic(kind),
            6,
            7 * DAY_MS,
            f"connectors → ingest: what happened to each {kind}",
            EVENTS_MAX_MESSAGE_BYTES,
            log_append_time=True,
        )
        for kind in KINDS
    ),
    *(
        TopicSpec(
            retry_topic(kind),
            3,
            7 * DAY_MS,
            f"reprocessor → connectors: try this {kind} again",
            EVENTS_MAX_MESSAGE_BYTES + ENVELOPE_BYTES,
        )
        for kind in KINDS
    ),
    TopicSpec(REPROCESS_TOPIC, 3, 7 * DAY_MS, "ops, query → reprocessor: commands"),
    TopicSpec(REPROCESS_STATUS_TOPIC, 3, 7 * DAY_MS, "reprocessor → whoever asked: progress of a command"),
    TopicSpec(EXPORTS_TOPIC, 3, 7 * DAY_MS, "ops, query → exporter: commands"),
    TopicSpec(REPLAY_TOPIC, 1, 7 * DAY_MS, "ops, query → ingest: replay of dead letters"),
    TopicSpec(
        DEAD_LETTER_TOPIC,
        3,
        30 * DAY_MS,
        "any worker → ops: records that could not be used, raw",
        EVENTS_MAX_MESSAGE_BYTES + ENVELOPE_BYTES,
    ),
)


def consumer_group(service: str) -> str:
    """Return the consumer group of a service."""
    return f"ponte.{service}"


HEADER_ORIGINAL_TOPIC: Final = "original-topic"
HEADER_ORIGINAL_PARTITION: Final = "original-partition"
HEADER_ORIGINAL_OFFSET: Final = "original-offset"
HEADER_ERROR_CLASS: Final = "error-class"
HEADER_ERROR_MESSAGE: Final = "error-message"
HEADER_REPLAYED_LETTER: Final = "replayed-letter"
MAX_ERROR_MESSAGE_BYTES: Final = KIB

LOG_ENTRIES: Final = "log_entries"
ATTEMPTS: Final = "attempts"
REPROCESS_REQUESTS: Final = "reprocess_requests"
EXPORTS: Final = "exports"
EXPORT_FILES: Final = "export_files"
IMPORTS: Final = "imports"
IMPORT_FILES: Final = "import_files"
IMPORT_ROWS: Final = "import_rows"
API_KEYS: Final = "api_keys"
SIGN_IN_CODES: Final = "sign_in_codes"
SESSIONS: Final = "sessions"
INTEGRATIONS: Final = "integrations"
VIEWS: Final = "views"
DEAD_LETTERS: Final = "dead_letters"
REPLAY_REQUESTS: Final = "replay_requests"
AUDIT: Final = "audit"
GAPS: Final = "gaps"
IDEMPOTENT_REQUESTS: Final = "idempotent_requests"
ROLLUPS: Final = "rollups"
PROJECTIONS: Final = "projections"


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """An index as provisioned: (field, 1 | -1) pairs in order; `expire_after_seconds` makes it a TTL index."""

    name: str
    keys: Sequence[tuple[str, int]]
    purpose: str
    unique: bool = False
    expire_after_seconds: int | None = None
    partial: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class CollectionSpec:
    """A collection as provisioned. `writer` is the service that writes it; in brackets who else does, and what."""

    name: str
    writer: str
    purpose: str
    indexes: Sequence[IndexSpec] = field(default_factory=tuple)
    retired: Sequence[str] = ()
    """Names of indexes that nobody reads any more: they are dropped."""


BY_CREATION: Final = IndexSpec(
    "by_creation", (("account", 1), ("created_at", -1), ("_id", -1)), "an account's jobs, newest first"
)
"""Of each collection of jobs."""

COLLECTIONS: Final[tuple[CollectionSpec, ...]] = (
    CollectionSpec(
        LOG_ENTRIES,
        "ingest (reprocessor: the field `reprocess`)",
        "the current state of each item; _id = account|kind|affiliate|code",
        (
            IndexSpec(
                "by_time",
                (("account", 1), ("kind", 1), ("state.processed_at", -1), ("_id", -1)),
                "a tab, newest first",
            ),
            IndexSpec(
                "by_status",
                (("account", 1), ("kind", 1), ("state.status", 1), ("state.processed_at", -1), ("_id", -1)),
                "a tab filtered by status",
            ),
            IndexSpec(
                "by_affiliate",
                (
                    ("account", 1),
                    ("kind", 1),
                    ("affiliate", 1),
                    ("state.status", 1),
                    ("state.processed_at", -1),
                    ("_id", -1),
                ),
                "a tab filtered by affiliate and status; counts by affiliate",
            ),
            IndexSpec(
                "by_cause",
                (("account", 1), ("kind", 1), ("state.causes.code", 1), ("state.processed_at", -1), ("_id", -1)),
                "a tab filtered by error code; items without causes take no place in it",
                partial={"state.causes.code": {"$exists": True}},
            ),
            IndexSpec(
                "by_group",
                (("account", 1), ("kind", 1), ("state.groups", 1), ("state.processed_at", -1), ("_id", -1)),
                "a tab filtered by root cause; the root causes themselves; items without causes take no place in it",
                partial={"state.groups": {"$gt": ""}},
            ),
            IndexSpec(
                "by_received",
                (("account", 1), ("kind", 1), ("state.received_at", -1), ("_id", -1)),
                "a tab by the time of arrival; a period of it",
            ),
            IndexSpec(
                "by_attempts",
                (("account", 1), ("kind", 1), ("attempts", -1), ("_id", -1)),
                "a tab by attempts, at least n of them; items tried once take no place in it",
                partial={"attempts": {"$gte": 2}},
            ),
            IndexSpec("by_ids", (("account", 1), ("kind", 1), ("ids", 1)), "search by code or alias, exact or prefix"),
            IndexSpec(
                "by_message_words",
                (("account", 1), ("kind", 1), ("state.words", 1)),
                "search by whole words of the cause messages; items without causes take no place in it",
                partial={"state.words": {"$gt": ""}},
            ),
            IndexSpec(
                "by_reprocess_job",
                (("reprocess.id", 1), ("reprocess.state", 1), ("_id", 1)),
                "outcome of a job; what a job that died had in hand",
                partial={"reprocess.id": {"$exists": True}},
            ),
            IndexSpec(
                "by_reprocess_pending",
                (("reprocess.state", 1), ("reprocess.claimed_at", 1)),
                "rescue of stale claims, of retries that nobody answered",
                partial={"reprocess.state": {"$in": ["claimed", "sent"]}},
            ),
        ),
        retired=("by_not_success", "by_code", "by_words"),
    ),
    CollectionSpec(
        ATTEMPTS,
        "ingest",
        "every processing of an item; _id = entry id + U+001F + hash of source and id, so a prefix range finds them",
        (
            IndexSpec(
                "expiry",
                (("received_at", 1),),
                "attempts vanish after PONTE_INGEST_ATTEMPTS_KEEP_DAYS: ingest sets the time",
                expire_after_seconds=90 * DAY_MS // 1000,
            ),
            IndexSpec(
                "by_order",
                (("entry", 1), ("version.0", 1), ("version.1", 1), ("version.2", 1), ("version.3", 1)),
                "the attempts of an item with a long history in their order; those of all others take no place in it",
                partial={"entry": {"$exists": True}},
            ),
        ),
    ),
    CollectionSpec(
        REPROCESS_REQUESTS,
        "reprocessor (query inserts, sets the cancel flag)",
        "reprocess jobs: command, state, progress; _id = account|job id",
        (
            IndexSpec("by_state", (("state", 1), ("leased_until", 1), ("created_at", 1)), "the runner's next job"),
            IndexSpec(
                "by_asker",
                (("account", 1), ("automatic", 1), ("created_at", -1), ("_id", -1)),
                "an account's jobs, newest first: what people asked for, or the automatic retries",
            ),
            IndexSpec("expiry", (("expires_at", 1),), "automatic retries vanish after a week", expire_after_seconds=0),
        ),
        retired=("by_account",),
    ),
    CollectionSpec(
        EXPORTS,
        "exporter (query inserts, sets the cancel flag)",
        "export jobs; _id = account|job id",
        (
            IndexSpec("by_state", (("state", 1), ("leased_until", 1), ("created_at", 1)), "the runner's next job"),
            BY_CREATION,
        ),
        retired=("by_account",),
    ),
    CollectionSpec(
        IMPORTS,
        "exporter (query inserts, sets the cancel flag)",
        "import jobs: reports that came back; _id = account|job id",
        (
            IndexSpec("by_state", (("state", 1), ("leased_until", 1), ("created_at", 1)), "the runner's next job"),
            BY_CREATION,
        ),
    ),
    CollectionSpec(
        IMPORT_ROWS,
        "exporter",
        "previews of imports: what a reprocess would do with each chosen row; _id = file id of the preview|number of the row",
        (
            IndexSpec(
                "by_number",
                (("file_id", 1), ("state", 1), ("number", 1)),
                "a page of a preview, of all its rows or of those in some states",
            ),
        ),
    ),
    CollectionSpec(
        API_KEYS,
        "query",
        "credentials: hash, prefix, account, scopes, expiry, last use, revocation; a secret is never stored",
        (
            IndexSpec("by_hash", (("hash", 1),), "who asks", unique=True),
            IndexSpec(
                "by_account", (("account", 1), ("created_at", -1), ("_id", -1)), "an account's keys, newest first"
            ),
        ),
    ),
    CollectionSpec(
        SIGN_IN_CODES,
        "query (`ponte up` inserts the first)",
        "one-time codes of sign-in links",
        (IndexSpec("expiry", (("expires_at", 1),), "codes vanish when they expire", expire_after_seconds=0),),
    ),
    CollectionSpec(
        SESSIONS,
        "query",
        "sessions of the panel: hash of the cookie, the key that opened it, its account and scopes",
        (IndexSpec("expiry", (("expires_at", 1),), "sessions vanish when they expire", expire_after_seconds=0),),
    ),
    CollectionSpec(
        INTEGRATIONS,
        "query",
        "registered integrations, removed ones too: marketplace, kinds, rules, revision; _id = account|affiliate",
    ),
    CollectionSpec(
        VIEWS,
        "query",
        "saved views: name, kind, filter as a query string, order, revision, and what was removed a day ago at most; _id = account|view id, and account: how many were made",
        (
            IndexSpec(
                "by_name",
                (("account", 1), ("name_key", 1)),
                "an account's views by name; a name stands once, whatever its case",
                unique=True,
            ),
            IndexSpec("expiry", (("expires_at", 1),), "removed views vanish after 24 hours", expire_after_seconds=0),
        ),
    ),
    CollectionSpec(
        IDEMPOTENT_REQUESTS,
        "query",
        "requests under an Idempotency-Key and their answers, sealed; _id = hash of account, credential, route and key",
        (IndexSpec("expiry", (("expires_at", 1),), "keys are free again after 24 hours", expire_after_seconds=0),),
    ),
    CollectionSpec(
        AUDIT,
        "query",
        "who looked at personal data or changed something: what, when, why, in which request; never changed",
        (
            IndexSpec("by_time", (("account", 1), ("at", -1), ("_id", -1)), "an account's newest lines"),
            IndexSpec(
                "by_actor",
                (("account", 1), ("key_id", 1), ("at", -1), ("_id", -1)),
                "what one key, or one person, did",
            ),
            IndexSpec(
                "by_action",
                (("account", 1), ("action", 1), ("at", -1), ("_id", -1)),
                "who did one thing, such as a reveal",
            ),
            IndexSpec(
                "by_target", (("account", 1), ("target", 1), ("at", -1), ("_id", -1)), "what was done to one thing"
            ),
        ),
    ),
    CollectionSpec(
        DEAD_LETTERS,
        "ingest",
        "records that could not be used, raw, with the reason; _id = original topic:partition:offset:hash of the content",
        (
            IndexSpec(
                "by_state",
                (("account", 1), ("state", 1), ("received_at", -1), ("_id", -1)),
                "an account's dead letters, newest first; the walk of a bulk replay",
            ),
            IndexSpec(
                "by_class",
                (("account", 1), ("error_class", 1), ("state", 1), ("received_at", -1), ("_id", -1)),
                "the same of one error class; counts by class",
            ),
            IndexSpec(
                "expiry",
                (("expires_at", 1),),
                "dead letters vanish after PONTE_INGEST_DEAD_LETTER_KEEP_DAYS",
                expire_after_seconds=0,
            ),
        ),
    ),
    CollectionSpec(
        ROLLUPS,
        "ingest",
        "counts of log entries by what they are and when they were processed; _id = generation|account|family|affiliate|month|kind|status|codes",
    ),
    CollectionSpec(
        PROJECTIONS,
        "ingest",
        "up to where log entries are counted in the rollups, and which worker counts; _id = rollups",
    ),
    CollectionSpec(
        GAPS,
        "ingest",
        "records that were gone before they were read: topic, partition, from, to, why, when; never changed, never removed",
    ),
    CollectionSpec(
        REPLAY_REQUESTS,
        "ingest (query inserts, sets the cancel flag)",
        "replay jobs of dead letters: command, state, progress; _id = account|job id",
        (
            IndexSpec("by_state", (("state", 1), ("leased_until", 1), ("created_at", 1)), "the runner's next job"),
            BY_CREATION,
        ),
        retired=("by_account",),
    ),
)
"""GridFS buckets (`export_files`) make their own two collections at the first upload."""
