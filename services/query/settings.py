"""The knobs of the query service."""

from typing import Annotated

from pydantic import Field, SecretStr

from shared.runtime import settings as shared_settings


class Settings(shared_settings.Settings):
    """What an operator can turn."""

    api_key: Annotated[
        SecretStr | None, Field(min_length=32, description="the first admin key, 32 characters or more")
    ] = None
    http_port: Annotated[
        int, Field(ge=0, le=65535, description="port of the API and the panel; 0 takes a free one")
    ] = 8080
    query_host: Annotated[str, Field(description="address that the API and the panel listen on")] = "127.0.0.1"
    query_rate_per_second: Annotated[int, Field(ge=1, description="requests a second that each key may make")] = 1_000
    query_time_limit_ms: Annotated[
        int, Field(ge=100, description="a read that MongoDB needs longer for is given up")
    ] = 5_000
    query_summary_time_limit_ms: Annotated[int, Field(ge=100, description="the same for counts over many rows")] = (
        10_000
    )
    query_max_body_bytes: Annotated[int, Field(ge=1024, description="a longer request body is refused")] = 1024 * 1024
    query_compress_from_bytes: Annotated[int, Field(ge=1, description="answers at least this long are compressed")] = (
        1_024
    )
    query_publish_seconds: Annotated[
        float, Field(gt=0, le=60, description="a command waits this long for Kafka; then its worker finds it by itself")
    ] = 3.0
    query_drain_seconds: Annotated[
        int, Field(ge=0, description="requests in hand may take this long when the service stops")
    ] = 10
