from typing import Any

import pytest

from services.query.core.integration import Integration, Marketplaces
from services.query.core.permissions import Caller
from services.query.entrypoints.pages.language import words_of
from services.query.entrypoints.pages.rows import RowView, pretty, row_of, waiting_job
from shared.contracts.entries import LogEntry, entry_from_document
from tests.support.builders import make_event
from tests.support.seed import entry_document

CALLER = Caller("loja", "k", "Ana", frozenset({"read", "reprocess"}))


def entry_of(**changes: Any) -> LogEntry:
    mark = changes.pop("reprocess", None)
    return entry_from_document(entry_document([make_event(**changes)], **({"reprocess": mark} if mark else {})))


def row(*, caller: Caller = CALLER, waiting_for: str = "", **changes: Any) -> RowView:
    names = Marketplaces([Integration("MLC", "Mercado Livre"), Integration("OFF", "Off", paused=True)])
    return row_of(entry_of(**changes), caller, words_of("pt"), marketplaces=names, waiting_for=waiting_for)


def test_a_failed_row_is_explained_and_may_be_reprocessed() -> None:
    shown = row()
    assert (shown.marketplace, shown.shown, shown.may_reprocess) == ("Mercado Livre", "error", True)
    assert shown.causes[0].title == "Nenhuma entrega disponível para o pedido"
    assert shown.causes[0].message == "No available sla to deliver this order"
    assert shown.causes[0].help_href == "/help/ORD-SLA"


def test_an_affiliate_without_a_name_is_shown_by_its_code() -> None:
    assert row(affiliate="XYZ").marketplace == "XYZ"


def test_a_row_tells_how_its_integration_stands_and_a_paused_one_is_not_reprocessed() -> None:
    assert [row(affiliate=name).standing for name in ("MLC", "OFF", "XYZ")] == ["active", "paused", "unregistered"]
    assert [row(affiliate=name).may_reprocess for name in ("MLC", "OFF", "XYZ")] == [True, False, True]


def test_a_cause_without_message_says_so_and_keeps_its_guidance() -> None:
    cause = row(causes=[{"code": "AUT-TOKEN", "message": "  "}]).causes[0]
    assert cause.is_fallback
    assert "AUT-TOKEN" in cause.message
    assert cause.guidance


def test_a_code_that_nobody_knows_keeps_its_message_and_gets_a_help_address_that_holds_any_character() -> None:
    cause = row(causes=[{"code": "A/B?", "message": "odd"}]).causes[0]
    assert (cause.title, cause.message, cause.help_href) == ("Erro sem explicação conhecida", "odd", "/help/A%2FB%3F")


@pytest.mark.parametrize("state", ["claimed", "sent"])
def test_a_row_under_way_says_so_and_may_not_be_sent_again(state: str) -> None:
    shown = row(reprocess={"id": "j1", "state": state})
    assert (shown.shown, shown.is_waiting, shown.may_reprocess, shown.job_id) == ("reprocessing", True, False, "j1")


def test_a_retry_without_answer_leaves_the_status_and_allows_another() -> None:
    shown = row(reprocess={"id": "j1", "state": "unknown"})
    assert (shown.shown, shown.is_unanswered, shown.may_reprocess) == ("error", True, True)


def test_a_retry_that_was_cancelled_before_it_was_sent_misses_no_answer() -> None:
    shown = row(reprocess={"id": "j1", "state": "unknown", "cancelled": True})
    assert (shown.shown, shown.is_unanswered, shown.may_reprocess) == ("error", False, True)


def test_an_answered_retry_shows_the_new_status() -> None:
    shown = row(status="success", causes=[], reprocess={"id": "j1", "state": "answered"})
    assert (shown.shown, shown.is_waiting, shown.may_reprocess) == ("success", False, False)


def test_a_row_that_a_job_will_take_shows_as_under_way_at_once() -> None:
    assert row(waiting_for="j1").shown == "reprocessing"


def test_who_may_only_read_is_offered_no_reprocess() -> None:
    assert not row(caller=Caller("loja", "k", "Eva", frozenset({"read"}))).may_reprocess


def test_a_job_waits_for_the_rows_it_names_until_it_has_marked_them() -> None:
    command = {"id": "j1", "kind": "order", "items": [{"affiliate": "MLC", "code": "2000004567"}]}
    assert waiting_job(entry_of(), [command]) == "j1"
    assert waiting_job(entry_of(reprocess={"id": "j1", "state": "sent"}), [command]) == ""
    assert waiting_job(entry_of(code="other"), [command]) == ""
    assert waiting_job(entry_of(), [{**command, "items": None}]) == ""


def test_the_fingerprint_changes_with_what_is_seen() -> None:
    assert len({row().fingerprint, row(waiting_for="j").fingerprint, row(status="success", causes=[]).fingerprint}) == 3


def test_a_payload_is_readable_and_a_text_stays_as_it_came() -> None:
    assert pretty({"ação": [1]}) == '{\n  "ação": [\n    1\n  ]\n}'
    assert pretty("<xml/>") == "<xml/>"
    assert pretty(None) == ""
