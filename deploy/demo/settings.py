"""What can be turned on the demo shop, from the environment."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.contracts.events import Name


class DemoSettings(BaseSettings):
    """The knobs. With an API address and key the affiliates' marketplace names are registered as well."""

    model_config = SettingsConfigDict(env_prefix="PONTE_", extra="ignore", frozen=True)

    kafka_bootstrap: Annotated[str, Field(description="Kafka's addresses, host:port, comma separated")]
    account: Annotated[Name, Field(description="the shop's account")] = "loja"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Field(description="least level logged")] = "info"
    demo_rate: Annotated[float, Field(ge=0, le=1000, description="events per second of the steady stream")] = 2
    demo_history: Annotated[int, Field(ge=0, description="entries that are there at the start")] = 4000
    demo_answer_ms: Annotated[int | None, Field(ge=0, description="delay of every answer to a retry")] = None
    api_url: Annotated[str, Field(description="address of the query API")] = ""
    api_key: Annotated[SecretStr, Field(description="key with the scope admin")] = SecretStr("")
