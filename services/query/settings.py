"""The knobs of the query service."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode

from shared.contracts.events import NAME
from shared.contracts.stored_secrets import LEAST_KEY_LENGTH, is_sendable
from shared.runtime import settings as shared_settings

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Public-key signatures only: with a shared secret everyone who can check a token could also make one."""
_ORIGIN: Final = re.compile(r"https?://(\[[0-9a-f:]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:[1-9][0-9]{0,4})?")
_DEFAULT_PORT: Final = re.compile(r"^(https://.*:443|http://.*:80)$")
Scope = Literal["read", "export", "reprocess", "admin"]
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def known_algorithms(text: str) -> str:
    """Return the comma-separated names. Raise ValueError for one that is not of `ALGORITHMS`, or for none at all."""
    names = text.split(",")
    if unknown := [name for name in names if name not in ALGORITHMS]:
        msg = f"{', '.join(unknown) or 'nothing'} is not one of {', '.join(ALGORITHMS)}"
        raise ValueError(msg)
    return text


def exact_origins(text: str) -> str:
    """Return the comma-separated origins. Raise ValueError for one that no browser would send, or for `*`."""
    for origin in _listed(text):
        if origin == "*":
            msg = "`*` would let every page of the web use the keys that people type into it: name each origin"
            raise ValueError(msg)
        if not _ORIGIN.fullmatch(origin) or _DEFAULT_PORT.search(origin):
            msg = f"{origin!r} is no origin as browsers write it: scheme and host in lower case, a port unless it is the usual one, no path, such as https://shop.example"
            raise ValueError(msg)
    return text


def _listed(text: str) -> list[str]:
    return [one.strip() for one in text.split(",")] if text.strip() else []


def roles_of(text: object) -> object:
    """Return what the JSON says, and no roles where there is no text at all. Raise ValueError for what is no JSON."""
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text) if text.strip() else {}
    except ValueError as error:
        msg = 'it is no JSON, and must be scopes of each role, such as {"ops": ["read", "reprocess"]}'
        raise ValueError(msg) from error


def safe_issuer(address: str) -> str:
    """Return the address. Raise ValueError for one over which someone else's keys could be slipped in."""
    parts = urlsplit(address)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    if address and not (is_safe and parts.netloc and not parts.query and not parts.fragment):
        msg = "must be an https:// address without query, as the tokens write it in `iss`"
        raise ValueError(msg)
    return address


def usable_key(key: SecretStr | None) -> SecretStr | None:
    """Return the key. Raise ValueError for one that is easily guessed, or that no request can send."""
    if key is not None and len(key) < LEAST_KEY_LENGTH:
        msg = f"must have {LEAST_KEY_LENGTH} characters or more, this has {len(key)}"
        raise ValueError(msg)
    if key is not None and not is_sendable(key.get_secret_value()):
        msg = "has blanks at its ends or characters beyond ASCII, which no request can carry"
        raise ValueError(msg)
    return key


def public_address(text: str) -> str:
    """Return the address without its last slash. Raise ValueError for one that links cannot begin with."""
    address = text.strip().removesuffix("/")
    if address and not _ORIGIN.fullmatch(address):
        msg = f"{text!r} is no address that links can begin with: scheme and host in lower case, a port where needed, no path, such as https://ponte.example"
        raise ValueError(msg)
    return address


class Settings(shared_settings.Settings):
    """What an operator can turn."""

    api_key: Annotated[
        SecretStr | None,
        AfterValidator(usable_key),
        Field(description="the first admin key, 32 characters or more"),
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
    query_max_import_bytes: Annotated[
        int,
        Field(
            ge=1024,
            le=256 * 1024 * 1024,
            description="a longer report that comes back is refused; a process holds the bytes of three",
        ),
    ] = 16 * 1024 * 1024
    query_compress_from_bytes: Annotated[int, Field(ge=1, description="answers at least this long are compressed")] = (
        1_024
    )
    query_publish_seconds: Annotated[
        float, Field(gt=0, le=60, description="a command waits this long for Kafka; then its worker finds it by itself")
    ] = 3.0
    query_drain_seconds: Annotated[
        int, Field(ge=0, description="requests in hand may take this long when the service stops")
    ] = 10
    query_request_seconds: Annotated[
        float,
        Field(
            gt=0,
            le=86_400,
            description="a request that has not begun to be answered by then is answered 503; while its body comes, from the last piece on, six times as long in all at most",
        ),
    ] = 20
    query_cors_origins: Annotated[
        str,
        AfterValidator(exact_origins),
        Field(description="origins whose pages may call the API from a browser, comma separated; none: only our own"),
    ] = ""
    query_public_url: Annotated[
        str,
        AfterValidator(public_address),
        Field(
            description="where people reach the panel: sign-in links begin with it; none: with what the request says"
        ),
    ] = ""
    query_cookie_secure: Annotated[
        Literal["auto", "always"],
        Field(
            description="mark the panel's cookies Secure: `auto` where the visitor came by https, `always` also where no proxy says so"
        ),
    ] = "auto"
    query_oidc_issuer: Annotated[
        str,
        AfterValidator(safe_issuer),
        Field(description="identity provider whose bearer tokens are taken beside API keys"),
    ] = ""
    query_oidc_audience: Annotated[
        str, Field(description="what its tokens must name in `aud`; required with an issuer")
    ] = ""
    query_oidc_account: Annotated[
        str, Field(pattern=f"^({NAME.pattern})?$", description="account of every token; none: each token names its own")
    ] = ""
    query_oidc_account_claim: Annotated[
        str, Field(min_length=1, description="claim that names the account, a dotted path too")
    ] = "account"
    query_oidc_scope_claim: Annotated[
        str,
        Field(
            min_length=1, description="claim that holds scopes or roles, a dotted path too, such as realm_access.roles"
        ),
    ] = "scope"
    query_oidc_roles: Annotated[
        Mapping[str, frozenset[Scope]],
        NoDecode,  # an empty text is no JSON, and means what it means in every other setting
        BeforeValidator(roles_of),
        Field(description='scopes of each role, as JSON: `{"ops": ["read", "reprocess"]}`; empty: none'),
    ] = {}
    query_oidc_algorithms: Annotated[
        str, AfterValidator(known_algorithms), Field(description="signatures that tokens may have, comma separated")
    ] = "RS256,PS256,ES256"
    query_oidc_leeway_seconds: Annotated[
        float, Field(ge=0, le=300, description="the issuer's clock may differ from ours by so much")
    ] = 30
    query_oidc_timeout_seconds: Annotated[
        float, Field(gt=0, le=30, description="the issuer has so long to tell its keys")
    ] = 3

    query_streams: Annotated[int, Field(ge=0, description="live streams that a process holds; more are refused")] = (
        1_000
    )
    query_streams_per_key: Annotated[
        int, Field(ge=1, description="live streams of one key; everyone who signed in with it counts")
    ] = 600
    query_stream_seconds: Annotated[
        float,
        Field(
            gt=0, le=86_400, description="a live stream lasts so long; clients connect again and go on where they were"
        ),
    ] = 3_600
    query_stream_events_per_second: Annotated[
        int,
        Field(ge=1, description="events that one live stream is told; where more happens it is told to read the list"),
    ] = 500
    query_stream_entries_per_second: Annotated[
        int,
        Field(ge=1, description="changed entries that a process reads for its live streams, so that ingest goes first"),
    ] = 2_000

    def cors_origins(self) -> tuple[str, ...]:
        """Return the origins whose pages may call the API."""
        return tuple(_listed(self.query_cors_origins))

    @model_validator(mode="after")
    def _audience_stands_with_issuer(self) -> Self:
        if bool(self.query_oidc_issuer) != bool(self.query_oidc_audience):
            msg = "PONTE_QUERY_OIDC_ISSUER and PONTE_QUERY_OIDC_AUDIENCE stand together: a token for someone else is no key to us"
            raise ValueError(msg)
        return self
