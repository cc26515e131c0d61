import base64
import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI
from pydantic import SecretStr

from deploy.local.servers import Servers
from services.query.adapters.oidc_key_set import (
    FETCHES_WITHIN,
    FRESH_FOR,
    MOST_FETCHES,
    PAUSE_AFTER_FAILURE,
    USABLE_FOR,
    KeySet,
)
from services.query.adapters.oidc_tokens import OidcTokens
from services.query.app import build
from services.query.core.claims import ClaimRules
from services.query.core.permissions import CredentialRefused
from services.query.handlers.tokens import IssuerUnavailable
from services.query.settings import Settings
from shared.contracts.names import AUDIT
from shared.mongo.client import Database
from tests.integration.query.conftest import client_of
from tests.support.builders import make_event
from tests.support.fakes.reprocessor import FakeClock
from tests.support.issuer import AUDIENCE, Issuer, SigningKey, running_issuer
from tests.support.seed import seed_entry, seed_key

RULES = ClaimRules(account_claim="account", scope_claim="scope", roles={})


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with running_issuer() as running:
        yield running


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def tokens(issuer: Issuer, clock: FakeClock) -> OidcTokens:
    return OidcTokens(
        KeySet(issuer.url, timeout_seconds=0.25, now=clock),
        issuer=issuer.url,
        audience=AUDIENCE,
        algorithms=["RS256", "PS256", "ES256", "EdDSA"],
        leeway_seconds=30,
        rules=RULES,
    )


@pytest.fixture
async def app(servers: Servers, database_name: str, account: str, issuer: Issuer) -> AsyncIterator[FastAPI]:
    settings = Settings(
        kafka_bootstrap=servers.kafka.bootstrap,
        mongo_uri=SecretStr(servers.mongo.uri),
        mongo_database=database_name,
        account=account,
        query_oidc_issuer=issuer.url,
        query_oidc_audience=AUDIENCE,
        query_oidc_roles={"ponte-admin": frozenset({"admin", "read"})},
        query_oidc_timeout_seconds=0.25,
    )
    application = build(settings)
    async with application.router.lifespan_context(application):
        yield application


async def refused(tokens: OidcTokens, token: str) -> str:
    with pytest.raises(CredentialRefused) as caught:
        await tokens.find_caller(token)
    return str(caught.value)


def written(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def by_hand(header: object, claims: object, secret: bytes = b"") -> str:
    """A token that no library would make."""
    told = f"{written(header)}.{written(claims)}"
    signature = hmac.digest(secret, told.encode(), hashlib.sha256) if secret else b""
    return f"{told}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


async def test_real_keys_of_each_kind_are_taken(tokens: OidcTokens, issuer: Issuer) -> None:
    kinds = [SigningKey.rsa("rsa-2", algorithm="PS256"), SigningKey.elliptic("ec-1"), SigningKey.edwards("ed-1")]
    for key in kinds:
        issuer.rotate(key)
    for key in (issuer.signing, *kinds):
        caller = await tokens.find_caller(issuer.token(key=key))
        assert (caller.account, caller.scopes, caller.key_id, caller.name) == ("loja", {"read"}, "oidc:u-1", "ana")
    assert (await tokens.find_caller(issuer.token(aud=["other", AUDIENCE]))).account == "loja"
    assert issuer.asked == 1, "one look at its keys is enough"


async def test_a_token_that_is_not_for_us_or_not_for_now_is_refused(tokens: OidcTokens, issuer: Issuer) -> None:
    now = issuer.claims()["iat"]
    for wrong in (
        {"exp": now - 31},
        {"exp": None},
        {"exp": "never"},
        {"nbf": now + 120},
        {"iat": now + 120},
        {"aud": "other"},
        {"aud": ["other"]},
        {"aud": None},
        {"aud": {"$ne": ""}},
        {"iss": "https://other.example"},
        {"iss": issuer.url + "/"},
        {"iss": None},
        {"sub": None},
        {"sub": ""},
        {"account": None},
        {"account": "a|b"},
    ):
        assert await refused(tokens, issuer.token(**wrong)), wrong


async def test_clocks_may_differ_a_little(tokens: OidcTokens, issuer: Issuer) -> None:
    now = issuer.claims()["iat"]
    for near in ({"exp": now - 20}, {"nbf": now + 20}, {"iat": now + 20}):
        assert (await tokens.find_caller(issuer.token(**near))).account == "loja"


async def test_a_token_without_a_good_signature_is_refused(tokens: OidcTokens, issuer: Issuer) -> None:
    good, claims = issuer.token(), issuer.claims()
    head, body, signature = good.split(".")
    stranger = SigningKey.rsa("rsa-1")
    public = issuer.signing.public()
    forged = [
        by_hand({"alg": "none", "typ": "JWT"}, claims),
        by_hand({"alg": "None", "kid": "rsa-1"}, claims),
        by_hand({"alg": "HS256", "kid": "rsa-1"}, claims, issuer.signing.pem),
        by_hand({"alg": "HS256", "kid": "rsa-1"}, claims, json.dumps(public).encode()),
        by_hand({"alg": "RS256", "kid": "rsa-1"}, claims, issuer.signing.pem),
        by_hand({"alg": ["RS256"], "kid": "rsa-1"}, claims),
        by_hand({"alg": "RS256", "kid": ["rsa-1"]}, claims),
        by_hand({"kid": "rsa-1"}, claims),
        by_hand([], claims),
        issuer.token(key=stranger),
        f"{head}.{written({**claims, 'account': 'vizinha'})}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}.{signature[:-8]}AAAAAAAA",
        issuer.token(headers={"crit": ["exp"], "exp": 1}),
        issuer.token(key=SigningKey("rsa-1", stranger.private, "RS512")),
        issuer.token(headers={"jwk": stranger.public()}, key=stranger),
        issuer.token(headers={"jku": "http://127.0.0.1:1/keys"}, key=stranger),
        "eyJ.e.y",
        "eyJ" + "A" * 20_000 + ".e.y",
        "eyJhbGciOiJSUzI1NiJ9.\x00.é",
    ]
    for token in forged:
        assert await refused(tokens, token), token
    assert (await tokens.find_caller(good)).account == "loja"


async def test_a_key_serves_only_what_it_is_published_for(tokens: OidcTokens, issuer: Issuer) -> None:
    weak = SigningKey.rsa("weak", bits=1024)
    other_curve = SigningKey("p384", ec.generate_private_key(ec.SECP384R1()), "ES256")
    sealing, pss_only = SigningKey.rsa("seals"), SigningKey.rsa("pss")
    issuer.keys = [
        weak.public(),
        {**other_curve.public(), "alg": "ES384"},
        {**sealing.public(), "use": "enc"},
        {**pss_only.public(), "alg": "PS256"},
        {"kty": "oct", "kid": "shared", "k": "c2VjcmV0", "alg": "RS256"},
        {"kty": "RSA", "kid": "broken", "n": "!", "e": "!"},
        {"kid": "nothing"},
        "nonsense",  # type: ignore[list-item]
    ]
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        assert await refused(tokens, issuer.token(key=weak))
    for key in (sealing, pss_only):
        assert await refused(tokens, issuer.token(key=key)), key.kid
    for kid in ("shared", "broken", "nothing"):
        assert await refused(tokens, issuer.token(headers={"kid": kid})), kid


async def test_a_token_that_names_no_key_is_checked_with_the_only_one_that_fits(
    tokens: OidcTokens, issuer: Issuer, clock: FakeClock
) -> None:
    nameless = issuer.token(headers={"kid": None})
    assert (await tokens.find_caller(nameless)).account == "loja"
    issuer.rotate(SigningKey.rsa("rsa-2"))
    clock.advance(seconds=FRESH_FOR.total_seconds())
    assert await refused(tokens, nameless)


async def test_a_new_key_of_the_issuer_is_found_at_once_and_an_old_one_is_forgotten(
    tokens: OidcTokens, issuer: Issuer, clock: FakeClock
) -> None:
    before = issuer.token()
    await tokens.find_caller(before)
    clock.advance(seconds=1)
    issuer.rotate(SigningKey.elliptic("ec-2"))
    assert (await tokens.find_caller(issuer.token())).account == "loja"
    assert issuer.asked == 2

    issuer.keys = issuer.keys[1:]
    clock.advance(seconds=FRESH_FOR.total_seconds())
    assert await refused(tokens, before)
    assert (await tokens.find_caller(issuer.token())).account == "loja"


async def test_made_up_keys_are_no_flood_for_the_issuer(tokens: OidcTokens, issuer: Issuer, clock: FakeClock) -> None:
    for number in range(4 * MOST_FETCHES):
        clock.advance(seconds=1)
        await refused(tokens, issuer.token(headers={"kid": f"made-up-{number}"}))
    assert issuer.asked == MOST_FETCHES

    issuer.rotate(SigningKey.elliptic("ec-2"))
    clock.advance(seconds=FETCHES_WITHIN.total_seconds())
    assert (await tokens.find_caller(issuer.token())).account == "loja"


async def test_nothing_is_asked_of_the_issuer_for_what_cannot_be_its_token(tokens: OidcTokens, issuer: Issuer) -> None:
    await refused(tokens, by_hand({"alg": "HS256", "kid": "x"}, {}, b"secret"))
    await refused(tokens, "eyJ.e.y")
    assert issuer.asked == 0


@pytest.mark.parametrize("trouble", ["ill", "stuck", "gone", "other issuer", "keys elsewhere", "no keys"])
async def test_an_issuer_that_cannot_be_asked_is_no_verdict(
    tokens: OidcTokens, issuer: Issuer, clock: FakeClock, trouble: str
) -> None:
    token, keys = issuer.token(), issuer.keys
    if trouble == "ill":
        issuer.status = 500
    elif trouble == "stuck":
        issuer.stuck.clear()
    elif trouble == "gone":
        tokens = other_tokens(f"http://127.0.0.1:{free_port()}", clock)
    elif trouble == "other issuer":
        issuer.calls_itself = "https://other.example"
    elif trouble == "keys elsewhere":
        issuer.jwks_uri = "file:///etc/passwd"
    else:
        issuer.keys = {}  # type: ignore[assignment]
    for _ in range(2):
        with pytest.raises(IssuerUnavailable):
            await tokens.find_caller(token)
    if trouble == "gone":
        return

    issuer.status, issuer.calls_itself, issuer.jwks_uri, issuer.keys = 200, issuer.url, f"{issuer.url}/keys", keys
    issuer.stuck.set()
    clock.advance(seconds=PAUSE_AFTER_FAILURE.total_seconds())
    assert (await tokens.find_caller(token)).account == "loja"


async def test_keys_that_are_known_outlast_an_issuer_that_is_away_for_an_hour(
    tokens: OidcTokens, issuer: Issuer, clock: FakeClock
) -> None:
    token = issuer.token()
    await tokens.find_caller(token)
    issuer.status = 503
    clock.advance(seconds=FRESH_FOR.total_seconds())
    assert (await tokens.find_caller(token)).account == "loja"
    with pytest.raises(IssuerUnavailable):
        await tokens.find_caller(issuer.token(headers={"kid": "new"}))
    clock.advance(seconds=USABLE_FOR.total_seconds())
    with pytest.raises(IssuerUnavailable):
        await tokens.find_caller(token)


async def test_a_person_asks_with_a_token_and_sees_their_account_only(
    app: FastAPI, issuer: Issuer, database: Database, account: str
) -> None:
    await seed_entry(database, make_event(account=account))
    mine, other = issuer.token(account=account), issuer.token(account="vizinha")
    async with client_of(app, mine) as ana, client_of(app, other) as neighbour:
        assert len((await ana.get("/v1/logs/order")).json()["items"]) == 1
        assert (await neighbour.get("/v1/logs/order")).json()["items"] == []
        refused_write = await ana.post("/v1/exports", json={"kind": "order"})
    assert refused_write.status_code == 403


async def test_what_a_person_does_is_written_down_under_their_subject(
    app: FastAPI, issuer: Issuer, database: Database, account: str
) -> None:
    async with client_of(app, issuer.token(account=account, scope="ponte-admin")) as boss:
        made = await boss.post("/v1/keys", json={"name": "shop", "scopes": ["read"]})
        link = (await boss.post("/v1/sign-in-codes")).json()["link"]
        assert (await boss.get(link)).status_code == 303
    assert made.status_code == 201
    lines = await database[AUDIT].find().sort("at").to_list()
    assert {(line["key_id"], line["by_token"]) for line in lines} == {("oidc:u-1", True)}
    assert lines[0]["request_id"] == made.headers["x-request-id"]


async def test_bad_tokens_are_told_from_weak_ones(app: FastAPI, issuer: Issuer) -> None:
    cases: tuple[tuple[dict[str, Any], int], ...] = (
        ({"exp": 1}, 401),
        ({"aud": "other"}, 401),
        ({"account": None}, 401),
        ({"scope": ""}, 403),
    )
    for change, status in cases:
        async with client_of(app, issuer.token(**change)) as client:
            answer = await client.get("/v1/errors")
            assert (await client.get("/health/live")).status_code == 200
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), change
        if status == 401:
            assert answer.headers["www-authenticate"] == 'Bearer realm="ponte", error="invalid_token"'


async def test_an_issuer_away_is_503_and_keys_work_on(
    app: FastAPI, issuer: Issuer, database: Database, account: str
) -> None:
    issuer.status = 500
    async with (
        client_of(app, issuer.token()) as person,
        client_of(app, await seed_key(database, account, "read")) as key,
    ):
        answer = await person.get("/v1/errors")
        assert (await key.get("/v1/errors")).status_code == 200
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "identity provider" in answer.json()["detail"]
    assert issuer.url not in answer.text


def other_tokens(url: str, clock: FakeClock) -> OidcTokens:
    keys = KeySet(url, timeout_seconds=0.25, now=clock)
    return OidcTokens(keys, issuer=url, audience=AUDIENCE, algorithms=["RS256"], leeway_seconds=0, rules=RULES)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port
