"""What an operator can turn in the exporter: `PONTE_EXPORTER_<KNOB>`."""

from typing import Annotated

from pydantic import Field

from shared.runtime.settings import Settings as SharedSettings


class Settings(SharedSettings):
    """The shared knobs and the exporter's own."""

    exporter_jobs_at_once: Annotated[
        int, Field(ge=1, le=16, description="reports written at the same time; each adds some 20 MB")
    ] = 2
    exporter_keep_hours: Annotated[
        float, Field(gt=0, le=24 * 365, description="hours after which a finished file is deleted")
    ] = 24
    exporter_lease_seconds: Annotated[
        float, Field(ge=2, le=20, description="seconds after which a silent worker's job goes to another")
    ] = 15
    exporter_idle_poll_seconds: Annotated[
        float, Field(gt=0, le=60, description="seconds between two looks for a job while there is none")
    ] = 0.25
    exporter_batch_rows: Annotated[int, Field(ge=1, le=50_000, description="rows read and written at a time")] = 2_000
    exporter_temp_folder: Annotated[
        str | None, Field(description="folder of the file in the making, nameless there; the system's when absent")
    ] = None
