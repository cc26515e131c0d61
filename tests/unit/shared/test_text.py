from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.entries import escape_name, unescape_name
from shared.contracts.text import MAX_WORDS, asked_words, fold, fold_ids, fold_words


def test_case_and_accents_do_not_matter():
    assert fold("Não É Possível") == fold("NAO E POSSIVEL") == "nao e possivel"


@given(st.text())
def test_folding_twice_is_folding_once(text):
    assert fold(fold(text)) == fold(text)


def test_words_of_a_message_stand_alone():
    assert fold_words(["Não existe um SKU com o Id: 123!"]) == ["123", "com", "existe", "id", "nao", "sku", "um"]


def test_single_letters_that_signs_hold_together_are_words_and_a_letter_alone_is_none():
    said = "R&D and (P&G): plan A/B of Ação S.A. in C++, C#; a & b, x, 1/2, 5.0"
    assert fold_words([said]) == ["a/b", "acao", "and", "c#", "c++", "in", "of", "p&g", "plan", "r&d", "s.a"]
    assert fold_words(["AT&T T-shirt e-mail R&D2 +A 1/2/2026"]) == ["2026", "at", "d2", "mail", "shirt"]


def test_a_search_asks_for_words_with_signs_only_where_there_is_nothing_else():
    assert asked_words("R&D") == ["r&d"]
    assert asked_words("P&G, C++") == ["c++", "p&g"]
    assert asked_words("the plan A/B") == ["plan", "the"]
    assert asked_words("x & y") == []


@given(st.text(st.sampled_from("aB1é_ &/+.#-'"), max_size=12))
def test_what_a_search_asks_for_is_among_the_words_of_the_same_text(text):
    assert set(asked_words(text)) <= set(fold_words([text]))
    assert bool(asked_words(text)) == bool(fold_words([text]))


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
