"""What an operator can turn in the reprocessor: `PONTE_REPROCESSOR_<KNOB>`. Durations are seconds, or ISO 8601 (`PT15M`)."""

from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from shared.contracts.names import consumer_group
from shared.runtime.settings import Settings as SharedSettings


def _seconds(value: Any) -> Any:
    try:
        return timedelta(seconds=float(value))
    except (TypeError, ValueError, OverflowError):
        return value


Duration = Annotated[timedelta, BeforeValidator(_seconds), Field(gt=timedelta(0), le=timedelta(days=366))]


class Settings(SharedSettings):
    """The reprocessor's knobs beside the shared ones."""

    reprocessor_group: Annotated[str, Field(description="consumer group of the command topic", min_length=1)] = (
        consumer_group("reprocessor")
    )
    reprocessor_runners: Annotated[int, Field(ge=1, le=16, description="jobs that one process works on at once")] = 2
    reprocessor_batch_size: Annotated[int, Field(ge=1, le=5000, description="entries claimed and sent together")] = 500
    reprocessor_slice: Annotated[
        Duration, Field(lt=timedelta(seconds=20), description="work on one job before others get their turn")
    ] = timedelta(seconds=3)
    reprocessor_lease: Annotated[
        Duration, Field(description="after this long without a sign of life, a job passes to another worker")
    ] = timedelta(seconds=20)
    reprocessor_idle: Annotated[Duration, Field(description="pause between two looks for a job")] = timedelta(
        seconds=0.25
    )
    reprocessor_publish_timeout: Annotated[
        Duration,
        Field(
            description="the broker's time to take a message; then its outcome is unknown; at most half of the lease"
        ),
    ] = timedelta(seconds=8)
    reprocessor_give_up_after: Annotated[
        Duration, Field(description="a job that could send nothing for this long fails")
    ] = timedelta(minutes=15)
    reprocessor_rescue_after: Annotated[
        Duration, Field(description="a claim of a job that ended is given back after this long")
    ] = timedelta(seconds=60)
    reprocessor_answer_timeout: Annotated[
        Duration, Field(description="a retry that no connector answered for this long may be asked again")
    ] = timedelta(minutes=15)
    reprocessor_retries_per_second: Annotated[
        int, Field(ge=1, le=100_000, description="automatic retries of one account and kind a second, at most")
    ] = 20
    reprocessor_retry_every: Annotated[
        Duration, Field(description="pause between two looks for automatic retries that are due")
    ] = timedelta(seconds=10)
    reprocessor_rescue_every: Annotated[Duration, Field(description="pause between two rescues")] = timedelta(seconds=5)

    @model_validator(mode="after")
    def _lease_outlasts_a_publish(self) -> Self:
        if self.reprocessor_lease < 2 * self.reprocessor_publish_timeout:
            msg = (
                "PONTE_REPROCESSOR_LEASE must be at least twice PONTE_REPROCESSOR_PUBLISH_TIMEOUT: "
                "else a job passes to another worker while this one waits for Kafka"
            )
            raise ValueError(msg)
        return self
