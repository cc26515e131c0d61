from typing import Any

import pytest

from services.query.core.claims import ClaimRules, caller_of_claims, claim_at
from services.query.core.permissions import CredentialRefused
from services.query.handlers.tokens import is_token
from services.query.settings import Settings
from shared.contracts.errors import Defect
from shared.runtime.settings import read_settings

RULES = ClaimRules(
    account_claim="account",
    scope_claim="realm_access.roles",
    roles={"ponte-ops": frozenset({"read", "reprocess"}), "ponte-boss": frozenset({"admin"})},
)
CLAIMS: dict[str, Any] = {"sub": "u-1", "account": "loja", "exp": 2_000_000_000, "realm_access": {"roles": []}}


def test_roles_become_scopes_and_our_own_names_stand_for_themselves() -> None:
    caller = caller_of_claims({**CLAIMS, "realm_access": {"roles": ["ponte-ops", "export", "other", 7]}}, RULES)
    assert caller.scopes == {"read", "reprocess", "export"}
    assert (caller.account, caller.key_id, caller.name, caller.by_token) == ("loja", "oidc:u-1", "u-1", True)


def test_scopes_may_be_one_text_with_spaces() -> None:
    rules = ClaimRules(account_claim="account", scope_claim="scope", roles={})
    assert caller_of_claims({**CLAIMS, "scope": "openid read  export"}, rules).scopes == {"read", "export"}
    assert caller_of_claims(CLAIMS, rules).scopes == frozenset()


def test_a_claim_whose_name_holds_dots_is_found_by_its_name() -> None:
    claims = {"https://ponte.example/account": "loja", "a": {"b": 1}}
    assert claim_at(claims, "https://ponte.example/account") == "loja"
    assert claim_at(claims, "a.b") == 1
    assert claim_at(claims, "a.b.c") is None


@pytest.mark.parametrize("account", [None, "", "a b", "a|b", ["loja"], "x" * 65, "loja\n", {"$ne": ""}])
def test_a_token_without_exactly_one_account_is_nobodys(account: object) -> None:
    with pytest.raises(CredentialRefused, match="account"):
        caller_of_claims({**CLAIMS, "account": account}, RULES)


def test_a_fixed_account_is_everyones_whatever_they_claim() -> None:
    rules = ClaimRules(account_claim="account", scope_claim="scope", roles={}, account="loja")
    assert caller_of_claims({**CLAIMS, "account": "vizinha"}, rules).account == "loja"


@pytest.mark.parametrize("subject", [None, "", "x" * 256, "a\nb", 7])
def test_a_token_without_a_subject_is_nobodys(subject: object) -> None:
    with pytest.raises(CredentialRefused, match="subject"):
        caller_of_claims({**CLAIMS, "sub": subject}, RULES)


@pytest.mark.parametrize("expiry", [10**18, "soon", None])
def test_an_expiry_that_no_calendar_holds_is_refused(expiry: object) -> None:
    with pytest.raises(CredentialRefused, match="expiry"):
        caller_of_claims({**CLAIMS, "exp": expiry}, RULES)


def test_people_are_called_by_the_name_that_they_know() -> None:
    assert caller_of_claims({**CLAIMS, "preferred_username": " ana ", "email": "a@b.co"}, RULES).name == "ana"
    assert caller_of_claims({**CLAIMS, "preferred_username": "\x07", "email": "a@b.co"}, RULES).name == "a@b.co"


def test_a_token_is_told_from_a_key_by_how_it_is_written() -> None:
    assert is_token("eyJhbGciOiJub25lIn0.eyJ9.")
    for key in ("ponte_abc", "a" * 32, "my.own.key-of-thirty-two-letters!", "eyJhbGciOiJub25lIn0.eyJ9"):
        assert not is_token(key)


@pytest.mark.parametrize(
    "wrong",
    [
        {"query_oidc_issuer": "https://id.example"},
        {"query_oidc_audience": "ponte"},
        {"query_oidc_issuer": "http://id.example", "query_oidc_audience": "ponte"},
        {"query_oidc_issuer": "https://id.example?x=1", "query_oidc_audience": "ponte"},
        {"query_oidc_algorithms": "RS256,HS256"},
        {"query_oidc_algorithms": "none"},
        {"query_oidc_algorithms": ""},
        {"query_oidc_roles": {"ops": ["root"]}},
        {"query_oidc_account": "a b"},
    ],
)
def test_unsafe_settings_of_an_identity_provider_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"query_oidc|OIDC"):
        Settings(kafka_bootstrap="none:1", mongo_uri="none", **wrong)  # type: ignore[arg-type]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The least that the service wants of it."""
    monkeypatch.setenv("PONTE_KAFKA_BOOTSTRAP", "none:1")
    monkeypatch.setenv("PONTE_MONGO_URI", "none")
    return monkeypatch


@pytest.mark.parametrize(
    ("text", "roles"), [("", {}), (" ", {}), ("{}", {}), ('{"ops": ["read"]}', {"ops": frozenset({"read"})})]
)
def test_an_empty_text_means_no_roles(environment: pytest.MonkeyPatch, text: str, roles: dict[str, Any]) -> None:
    environment.setenv("PONTE_QUERY_OIDC_ROLES", text)
    assert read_settings(Settings).query_oidc_roles == roles


@pytest.mark.parametrize("text", ["ops=read", "{", "[]", '{"ops": ["root"]}'])
def test_roles_that_are_none_are_named_in_a_sentence(environment: pytest.MonkeyPatch, text: str) -> None:
    environment.setenv("PONTE_QUERY_OIDC_ROLES", text)
    with pytest.raises(Defect, match=r"^settings are wrong: PONTE_QUERY_OIDC_ROLES"):
        read_settings(Settings)
