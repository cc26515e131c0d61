from dataclasses import replace
from datetime import timedelta

import pytest

from services.query.core.integration import Integration, Marketplaces
from services.query.core.retries import coming_retry
from tests.support.reprocessing import AT, make_entry

MINUTE = timedelta(minutes=1)
ENTRY = make_entry(causes=[{"code": "NET-DOWN", "message": "502 Bad Gateway"}])
ACTIVE = Integration(affiliate="MLC", marketplace="Mercado Livre")


def comes(*integrations: Integration):
    return coming_retry(ENTRY, Marketplaces(integrations), (MINUTE,), now=AT)


@pytest.mark.parametrize("known", [(), (ACTIVE,)])
def test_an_item_tells_when_it_is_tried_again_whether_or_not_its_affiliate_is_registered(known):
    assert comes(*known) == AT + MINUTE


@pytest.mark.parametrize(
    "changes", [{"paused": True}, {"removed_at": AT}, {"kinds": ("price",)}, {"automatic_retries": False}]
)
def test_nothing_is_tried_where_nothing_may_be_sent(changes):
    assert comes(replace(ACTIVE, **changes)) is None
