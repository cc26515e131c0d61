from datetime import timedelta

import pytest

from services.query.handlers.insights import Counts
from shared.contracts.catalogue import LANGUAGES, Language
from shared.contracts.filters import LogFilter
from tests.support.builders import RECEIVED_AT, make_event
from tests.support.fakes.query import FakeLog, FakeRolledCounts
from tests.support.panel_over_fakes import services, visitor
from tests.support.seed import entry_document

WORDS = {
    "pt": ("Contado às", "Contagem antiga, de", "Falta o que mudou depois."),
    "en": ("Counted at", "Old counts, from", "What changed since is not in them."),
    "es": ("Contado a las", "Conteo antiguo, del", "Falta lo que cambió después."),
}
LOCAL_TIME = "07:11:13"
"""`RECEIVED_AT` in São Paulo, where a reader is who tells no zone."""


def rolled(seconds: float) -> Counts:
    """Return counts from rollups that are so many seconds old."""
    log = FakeLog([entry_document([make_event()])])
    return Counts(log, FakeRolledCounts(log, RECEIVED_AT - timedelta(seconds=seconds)), lambda: RECEIVED_AT)


async def part_of(counts: Counts, language: Language = "pt", query: str = "") -> str:
    async with await visitor(services(counts=counts), "read") as client:
        answer = await client.get(f"/logs/order/summary{query}", headers={"Accept-Language": language})
    return " ".join(answer.text.split())


@pytest.mark.parametrize("language", LANGUAGES)
async def test_new_counts_tell_the_time_of_day_and_old_ones_their_date_and_what_that_means(language: Language) -> None:
    new, old, why = WORDS[language]
    fresh, stale = await part_of(rolled(0), language), await part_of(rolled(3_600), language)
    assert f"{new} <time" in fresh
    assert 'data-counted="new" hidden' not in fresh
    assert f">{LOCAL_TIME}</time>" in fresh
    assert 'data-counted="old" hidden>' in fresh
    assert 'data-counted="new" hidden>' in stale
    assert old in stale
    assert why in stale
    assert "06:11:13</time>. " in stale
    assert "2026 06:11:13" in stale


@pytest.mark.parametrize(("seconds", "is_old"), [(-2, False), (59.9, False), (60, True)])
async def test_counts_are_old_after_a_minute_and_a_clock_ahead_of_ours_makes_none_old(
    seconds: float, *, is_old: bool
) -> None:
    part = await part_of(rolled(seconds))
    assert ('data-counted="new" hidden>' in part) == is_old
    assert f'data-age="{max(0, int(seconds))}"' in part


async def test_only_counts_that_cost_little_are_asked_for_again() -> None:
    log = FakeLog([entry_document([make_event()])])
    counted = Counts(log, FakeRolledCounts(log, RECEIVED_AT), lambda: RECEIVED_AT)
    assert 'data-again="/logs/order/summary?affiliate=MLC"' in await part_of(counted, query="?affiliate=MLC")
    by_arrival = await part_of(counted, query="?date_axis=received_at&from=2026-11-01T00:00:00Z")
    assert "data-again" not in by_arrival
    assert 'data-age="0"' in by_arrival


async def test_counts_tell_of_what_instant_they_are_wherever_they_come_from() -> None:
    log = FakeLog([entry_document([make_event()])])
    then = RECEIVED_AT - timedelta(seconds=5)
    counts = Counts(log, FakeRolledCounts(log, then), lambda: RECEIVED_AT)
    kept = await counts.by_kind("loja", LogFilter())
    counted = await counts.by_kind("loja", LogFilter(q="20000"))
    assert (kept.as_of, kept.is_rolled) == (then, True)
    assert (counted.as_of, counted.is_rolled) == (RECEIVED_AT, False)
    assert kept.by_kind == counted.by_kind == {"order": {"error": 1}}
