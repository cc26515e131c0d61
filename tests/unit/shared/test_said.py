from typing import Any

import pytest

from shared.contracts.commands import ReprocessCommand, parse_command
from shared.contracts.errors import InvalidCommand
from shared.contracts.said import visible_name


@pytest.mark.parametrize("name", ["Mercado Livre", "1", "★", "-", "한", "é", "\u200bA", "👩\u200d🚀", "شركة"])
def test_a_name_shows_something(name: str) -> None:
    assert visible_name(name) == name


@pytest.mark.parametrize(
    "name", [" ", "\u200b", "\u200b \u2060", "\ufeff", "\u00ad", "\u202e", "\u0301", "\ufe0f", "\u3164", "\u2800"]
)
def test_a_name_of_which_nothing_can_be_seen_is_none(name: str) -> None:
    with pytest.raises(ValueError, match="holds nothing that can be seen"):
        visible_name(name)


@pytest.mark.parametrize("name", ["a\x00b", "a\nb", "a\tb", "a\x7f", "a\x85b"])
def test_a_name_stands_on_one_line(name: str) -> None:
    with pytest.raises(ValueError, match=r"holds the control character U\+00"):
        visible_name(name)


@pytest.mark.parametrize(
    ("field", "said", "is_taken"),
    [
        ("reason", "the stock\r\n\tis back", True),
        ("reason", "the stock\x00is back", False),
        ("reason", "\x1b[2J", False),
        ("requested_by", "Ana Silva", True),
        ("requested_by", "Ana\nSilva", False),
        ("requested_by", "\x00", False),
    ],
)
def test_a_command_says_why_and_for_whom_without_control_characters(field: str, said: str, *, is_taken: bool) -> None:
    raw: dict[str, Any] = {"account": "loja", "kind": "order", "filter": {}, field: said}
    if is_taken:
        assert parse_command(ReprocessCommand, raw)
        return
    with pytest.raises(InvalidCommand, match="holds the control character") as refused:
        parse_command(ReprocessCommand, raw)
    assert refused.value.field == field


def test_a_line_break_counts_once_as_the_field_of_a_form_counts_it() -> None:
    raw: dict[str, Any] = {"account": "loja", "kind": "order", "filter": {}}
    assert parse_command(ReprocessCommand, {**raw, "reason": "a\r\n" * 500}).reason == "a\n" * 500
    with pytest.raises(InvalidCommand, match="at most 1000 characters"):
        parse_command(ReprocessCommand, {**raw, "reason": "a\r\n" * 501})
