"""What an operator can turn, for every service. Read from the environment once, at start; secrets never print.

Each service's `settings.py` adds its own knobs as `PONTE_<SERVICE>_<KNOB>`.
"""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.contracts.errors import Defect
from shared.contracts.events import Name


class Settings(BaseSettings):
    """The knobs that all services share."""

    model_config = SettingsConfigDict(env_prefix="PONTE_", extra="ignore", frozen=True)

    kafka_bootstrap: Annotated[str, Field(description="Kafka's addresses, host:port, comma separated")]
    mongo_uri: Annotated[SecretStr, Field(description="MongoDB's connection string; a replica set")]
    mongo_database: Annotated[str, Field(description="database name")] = "ponte"
    account: Annotated[Name, Field(description="the account of the first API key")] = "loja"
    health_host: Annotated[str, Field(description="address that health and metrics listen on")] = "127.0.0.1"
    health_port: Annotated[int, Field(ge=0, le=65535, description="port of health and metrics; 0 takes a free one")] = 0
    instance_id: Annotated[
        str, Field(description="static member name in the consumer groups; unique per process of a service")
    ] = ""
    stop_seconds: Annotated[
        float, Field(gt=0, description="a worker that was asked to stop leaves after so long, whatever still waits")
    ] = 20
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Field(description="least level logged")] = "info"

    def summary(self) -> dict[str, Any]:
        """Return the settings without secrets, for one log line at start."""
        return {name: str(value) for name, value in self.model_dump().items()}


S = TypeVar("S", bound=Settings)


def read_settings(model: type[S]) -> S:
    """Return the settings of the environment. Raise Defect that names the variables at fault."""
    try:
        return model()
    except ValidationError as error:
        found = "; ".join(
            f"PONTE_{'_'.join(map(str, item['loc'])).upper()}: {item['msg']}"
            for item in error.errors(include_url=False)
        )
        msg = f"settings are wrong: {found}"
        raise Defect(msg) from error
