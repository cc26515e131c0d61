"""What an operator can turn, for every service. Read from the environment once, at start; secrets never print.

Each service's `settings.py` adds its own knobs as `PONTE_<SERVICE>_<KNOB>`.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from shared.contracts.errors import Defect
from shared.contracts.events import Name
from shared.kafka.address import parse_address, shown_servers

RETRY_DELAYS: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
"""How long after a failure the first automatic retry comes, after the next failure the second, …; then it is left to people."""

_DATABASE_NAME: Final = re.compile(r"""[^/\\. "$\x00]{1,63}""")


def _listed(value: Any) -> Any:
    return [_seconds(one.strip()) for one in value.split(",") if one.strip()] if isinstance(value, str) else value


def _reachable(bootstrap: str) -> str:
    parse_address(bootstrap)
    return bootstrap


def _storable(database: str) -> str:
    if not _DATABASE_NAME.fullmatch(database):
        msg = f'{database!r} is no name of a database: it has 1 to 63 characters, and none of / \\ . " $ and the blank'
        raise ValueError(msg)
    return database


def _seconds(text: str) -> Any:
    try:
        return timedelta(seconds=float(text))
    except (ValueError, OverflowError):
        return text  # ISO 8601, or nothing that pydantic takes


Delays = Annotated[
    tuple[Annotated[timedelta, Field(ge=timedelta(seconds=1), le=timedelta(days=1))], ...],
    NoDecode,
    BeforeValidator(_listed),
    Field(max_length=20),
]


class Settings(BaseSettings):
    """The knobs that all services share."""

    model_config = SettingsConfigDict(env_prefix="PONTE_", extra="ignore", frozen=True, hide_input_in_errors=True)

    kafka_bootstrap: Annotated[
        str,
        AfterValidator(_reachable),
        Field(
            repr=False, description="Kafka's addresses, host:port, comma separated; TLS and password: deploy/README.md"
        ),
    ]
    mongo_uri: Annotated[SecretStr, Field(description="MongoDB's connection string; a replica set")]
    mongo_database: Annotated[str, AfterValidator(_storable), Field(description="database name")] = "ponte"
    account: Annotated[Name, Field(description="the account of the first API key")] = "loja"
    health_host: Annotated[str, Field(description="address that health and metrics listen on")] = "127.0.0.1"
    health_port: Annotated[int, Field(ge=0, le=65535, description="port of health and metrics; 0 takes a free one")] = 0
    instance_id: Annotated[
        str, Field(description="static member name in the consumer groups; unique per process of a service")
    ] = ""
    stop_seconds: Annotated[
        float,
        Field(
            gt=0, le=86_400, description="a worker that was asked to stop leaves after so long, whatever still waits"
        ),
    ] = 20
    retry_delays: Annotated[
        Delays,
        Field(
            description="seconds from a failure to the first automatic retry, the second, …; nothing: there are none"
        ),
    ] = RETRY_DELAYS
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Field(description="least level logged")] = "info"

    def summary(self) -> dict[str, Any]:
        """Return the settings without secrets, for one log line at start."""
        shown = {name: _shown(value) for name, value in self.model_dump().items()}
        return shown | {"kafka_bootstrap": shown_servers(self.kafka_bootstrap)}


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


S = TypeVar("S", bound=BaseSettings)


def read_settings(model: type[S], known: Mapping[str, Any] | None = None) -> S:
    """Return the settings of the environment, but for those `known` by their fields. Raise Defect that names the variables at fault."""
    try:
        return model(**known or {})
    except ValidationError as error:
        msg = f"settings are wrong: {'; '.join(map(_what_is_wrong, error.errors(include_url=False)))}"
        raise Defect(msg) from error
    except SettingsError as error:
        msg = f"settings are wrong: {_what_is_no_json(model, str(error))}"
        raise Defect(msg) from error


def _what_is_wrong(item: ErrorDetails) -> str:
    why = item["msg"].removeprefix("Value error, ")
    place = "_".join(map(str, item["loc"])).upper()
    return f"PONTE_{place}: {why}" if place else why  # several that do not fit one another name themselves


def _what_is_no_json(model: type[BaseSettings], said: str) -> str:
    """Return what is wrong with a value that must be JSON and is not: pydantic-settings tells its field in its words only."""
    fields = [name for name in model.model_fields if f'"{name}"' in said]
    return (
        "; ".join(
            f"PONTE_{name.upper()}: it is no JSON, and must be {model.model_fields[name].description}"
            for name in fields
        )
        or said
    )
