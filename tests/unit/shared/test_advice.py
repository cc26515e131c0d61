import pytest

from shared.contracts.advice import UNKNOWN, advice_of, known_codes, other_advice
from shared.contracts.catalogue import CATALOGUE, RETRY_ADVICE, find


@pytest.mark.parametrize("advice", RETRY_ADVICE)
def test_the_codes_of_an_advice_are_those_for_which_it_is_given(advice: str) -> None:
    codes = known_codes(frozenset({advice}))
    assert {advice_of(code) for code in codes.named} == {advice}
    assert {advice_of(f"{code}-001") for code in codes.suffixed} <= {advice}


def test_every_code_of_the_catalogue_has_one_advice() -> None:
    named = [code for advice in RETRY_ADVICE for code in known_codes(frozenset({advice})).named]
    written = {*CATALOGUE, *(code for row in CATALOGUE.values() for code in row.vtex_codes if find(code))}
    assert sorted(named) == sorted(written)


def test_what_the_catalogue_lacks_is_advised_as_unmapped() -> None:
    assert {advice_of(code) for code in ("NOBODY-KNOWS", "", None, 7)} == {UNKNOWN}


def test_the_others_of_some_advice_are_the_rest() -> None:
    assert other_advice(frozenset({"fix"})) == {"auto", "never"}
    assert other_advice(frozenset(RETRY_ADVICE)) == frozenset()
