"""What an operator can turn in ingest."""

from typing import Annotated

from pydantic import Field

from shared.contracts.names import consumer_group
from shared.runtime.settings import Settings as SharedSettings


class Settings(SharedSettings):
    """The knobs of ingest, beside the shared ones."""

    ingest_group: Annotated[str, Field(min_length=1, description="consumer group of the events topics")] = (
        consumer_group("ingest")
    )
    ingest_batch_size: Annotated[int, Field(ge=1, le=10_000, description="records handled and committed together")] = (
        1000
    )
    ingest_linger_ms: Annotated[int, Field(ge=0, le=5_000, description="how long a batch waits to fill")] = 20
    ingest_dead_letter_run: Annotated[int, Field(ge=1, description="dead letters in a row that stop the worker")] = 500
    ingest_dead_letter_ratio: Annotated[float, Field(gt=0, le=1, description="share of dead letters that stops it")] = (
        0.5
    )
    ingest_dead_letter_window: Annotated[int, Field(ge=1, description="latest records that the share is taken of")] = (
        5000
    )
    accounts: Annotated[str, Field(description="accounts taken, comma separated; empty takes every account")] = ""

    @property
    def allowed_accounts(self) -> frozenset[str]:
        """The accounts taken; empty means every account."""
        return frozenset(name.strip() for name in self.accounts.split(",") if name.strip())
