"""What an operator can turn in ingest."""

from typing import Annotated, Final, Literal

from pydantic import Field, field_validator

from shared.contracts.names import DAY_MS, EVENTS_TOPICS, KIB, MIB, TOPICS, consumer_group
from shared.kafka.member_settings import Assignor
from shared.runtime.settings import Settings as SharedSettings

EVENTS_DAYS: Final = max(topic.retention_ms for topic in TOPICS if topic.name in EVENTS_TOPICS) // DAY_MS


class Settings(SharedSettings):
    """The knobs of ingest, beside the shared ones."""

    ingest_group: Annotated[str, Field(min_length=1, description="consumer group of the events topics")] = (
        consumer_group("ingest")
    )
    ingest_batch_size: Annotated[int, Field(ge=1, le=10_000, description="records handled and committed together")] = (
        3000
    )
    ingest_lanes: Annotated[
        int, Field(ge=1, le=16, description="intakes side by side in one process, each with partitions of its own")
    ] = 2
    ingest_assignor: Annotated[
        Assignor,
        Field(
            description="range: each lane gets the same share of every topic; uniform: for more lanes in all than a topic has partitions"
        ),
    ] = "range"
    ingest_linger_ms: Annotated[
        int, Field(ge=0, le=5_000, description="how long a batch waits to fill; less where 32 records come sooner")
    ] = 20
    ingest_dead_letter_run: Annotated[int, Field(ge=1, description="dead letters in a row that stop the worker")] = 500
    ingest_dead_letter_ratio: Annotated[float, Field(gt=0, le=1, description="share of dead letters that stops it")] = (
        0.5
    )
    ingest_dead_letter_window: Annotated[int, Field(ge=1, description="latest records that the share is taken of")] = (
        5000
    )
    ingest_minimum_availability: Annotated[
        int, Field(ge=0, description="a stock change is sent on only if the quantity before or after is at most this")
    ] = 5
    ingest_attempts_keep_days: Annotated[
        int,
        Field(ge=0, le=20_000, description="days after which attempts vanish; 0 keeps them for ever, else more than 7"),
    ] = 90
    ingest_success_keep_days: Annotated[
        int, Field(ge=0, le=20_000, description="days after which untouched entries in success are removed; 0 is never")
    ] = 0
    ingest_error_keep_days: Annotated[
        int, Field(ge=0, le=20_000, description="the same for all other entries, each removal logged; 0 is never")
    ] = 0
    ingest_dead_letter_keep_days: Annotated[
        int, Field(ge=1, le=20_000, description="days after which a dead letter taken in from now on is removed")
    ] = 30
    ingest_stuck_seconds: Annotated[
        float,
        Field(
            ge=1,
            le=86_400,
            description="a worker that gets nothing done for so long, and waits for no server, ends with code 70",
        ),
    ] = 180
    ingest_gap_policy: Annotated[
        Literal["continue", "stop"],
        Field(
            description="where records were gone before they were read: go on behind them, or let the partition stand"
        ),
    ] = "continue"
    ingest_max_payload_bytes: Annotated[
        int, Field(ge=1, le=MIB, description="a longer payload is not stored, only its length and beginning")
    ] = 64 * KIB
    ingest_max_evidence_bytes: Annotated[
        int, Field(ge=1, le=MIB, description="a longer message, request, response or unknown field is cut")
    ] = 16 * KIB
    ingest_rollups: Annotated[
        bool, Field(description="this process may be the one that keeps the counts of the summary up to date")
    ] = True
    ingest_rollups_rest_ms: Annotated[
        int, Field(ge=0, le=60_000, description="least pause between two batches of changes that are counted")
    ] = 250
    ingest_rollups_pause_seconds: Annotated[
        float, Field(ge=0, le=600, description="counts may fall back so far while a backlog is taken in; 0 is never")
    ] = 30
    accounts: Annotated[str, Field(description="accounts taken, comma separated; empty takes every account")] = ""

    @field_validator("ingest_attempts_keep_days")
    @classmethod
    def _outlives_its_record(cls, days: int) -> int:
        # A record that comes again must find its attempt, or it would count again.
        if 0 < days <= EVENTS_DAYS:
            msg = f"must be 0, or more than the {EVENTS_DAYS} days that the events topics keep a record"
            raise ValueError(msg)
        return days

    @property
    def allowed_accounts(self) -> frozenset[str]:
        """The accounts taken; empty means every account."""
        return frozenset(name.strip() for name in self.accounts.split(",") if name.strip())
