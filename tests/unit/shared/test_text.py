from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.entries import escape_name, unescape_name
from shared.contracts.text import MAX_WORDS, fold, fold_ids, fold_words


def test_case_and_accents_do_not_matter():
    assert fold("Não É Possível") == fold("NAO E POSSIVEL") == "nao e possivel"


@given(st.text())
def test_folding_twice_is_folding_once(text):
    assert fold(fold(text)) == fold(text)


def test_words_of_a_message_stand_alone():
    assert fold_words(["Não existe um SKU com o Id: 123!"]) == ["123", "com", "existe", "id", "nao", "sku", "um"]


def test_a_page_of_text_adds_a_bounded_number_of_words():
    assert len(fold_words(" ".join(f"w{n}" for n in range(10_000)).split("|"))) == MAX_WORDS


def test_ids_are_distinct_and_sorted():
    assert fold_ids(["B", "a", "b", "", " "]) == ["a", "b"]


@given(st.text())
def test_an_alias_name_survives_its_storage(name):
    stored = escape_name(name)
    assert "." not in stored
    assert "$" not in stored
    assert "\x00" not in stored
    assert unescape_name(stored) == name
