"""Root causes: what may be seen of them, and who may ask for which."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from services.query.core.groups import cause_of, shown_cause, trend_days
from services.query.core.permissions import Caller
from services.query.handlers.grouping import list_groups
from shared.contracts.errors import InvalidField, InvalidFilter, NotPermitted
from shared.contracts.filters import LogFilter
from shared.contracts.groups import group_of
from tests.support.builders import make_event
from tests.support.fakes.query import FakeLog
from tests.support.seed import entry_document

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
READER = Caller(account="loja", key_id="key", name="", scopes=frozenset({"read"}))


@pytest.mark.parametrize(
    ("message", "template"),
    [
        ("No available sla", "no available sla"),
        ("SKU 4711 without stock, asked by maria4@loja.com.br", "sku … without stock, asked by …"),
        ("CPF 123.456.789-09 não encontrado", "cpf … nao encontrado"),
        ("phone +55 11 91234-5678 invalid for order 123", "phone … invalid for order …"),
        ("", ""),
    ],
)
def test_a_template_says_what_a_message_says_and_of_nobody(message: str, template: str) -> None:
    shown = shown_cause({"code": "X", "message": message})

    assert shown["template"] == template
    assert "123.456" not in shown["message"]


def test_a_cause_without_a_message_has_an_empty_template() -> None:
    assert shown_cause({}) == {"code": None, "message": "", "template": ""}


def test_the_days_of_a_trend_are_those_of_utc_and_end_today() -> None:
    late_in_sao_paulo = datetime(2026, 11, 23, 22, tzinfo=timezone(timedelta(hours=-3)))

    assert trend_days(NOW) == [datetime(2026, 11, day, tzinfo=UTC) for day in range(17, 24)]
    assert trend_days(late_in_sao_paulo)[-1] == datetime(2026, 11, 24, tzinfo=UTC)


def test_of_several_causes_the_one_is_told_that_made_the_group() -> None:
    causes = [{"code": "A", "message": "item 1"}, {"code": "A", "message": "pedido 1"}]
    groups = [group_of("order", "A", cause["message"]) for cause in causes]

    assert [cause_of(group, "order", groups, causes) for group in groups] == causes
    assert cause_of("0" * 16, "order", [*groups, "0" * 16], causes) == {}
    assert cause_of("0" * 16, "order", ["0" * 16], causes[:1]) == causes[0]


async def test_groups_are_masked_and_of_the_callers_account() -> None:
    told: dict[str, Any] = {"code": "1", "causes": [{"code": "X", "message": "asked by ana@loja.com.br"}]}
    log = FakeLog([entry_document([make_event(**told)]), entry_document([make_event(**told, account="vizinha")])])
    found = await list_groups(log, READER, LogFilter(), now=lambda: NOW)

    [one] = found.items
    assert one.count.value == 1
    assert one.cause == {"code": "X", "message": "asked by ***@loja.com.br", "template": "asked by …"}


async def test_groups_need_the_scope_read() -> None:
    with pytest.raises(NotPermitted):
        await list_groups(FakeLog(), Caller("loja", "key", "", frozenset({"export"})), LogFilter(), now=lambda: NOW)


async def test_what_can_have_no_cause_is_refused_and_so_is_a_list_without_end() -> None:
    with pytest.raises(InvalidFilter):
        await list_groups(FakeLog(), READER, LogFilter(status=("processing",)), now=lambda: NOW)
    for limit in (0, 101):
        with pytest.raises(InvalidField):
            await list_groups(FakeLog(), READER, LogFilter(), limit=limit, now=lambda: NOW)
