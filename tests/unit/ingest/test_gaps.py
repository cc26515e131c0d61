import itertools
from datetime import timedelta

import pytest

from services.ingest.entrypoints.gaps import GapsEntryPoint
from services.ingest.entrypoints.timers import LetterCount
from services.ingest.handlers.shelving import shelve
from shared.contracts.errors import StoreUnavailable
from shared.contracts.gaps import Gap, RecordsMissing
from shared.runtime import metrics
from tests.support.builders import RECEIVED_AT, make_record
from tests.support.fakes.ingest import MemoryGapBook, MemoryLetterBook

GAP = Gap("ponte.ingest", "integration.events.order", 3, 10, 25, "deleted")


@pytest.mark.parametrize("reads_on", [True, False])
async def test_a_gap_is_written_down_then_passed_or_not_as_the_operator_wants(reads_on: object) -> None:
    book = MemoryGapBook()
    gaps = GapsEntryPoint(book, reads_on=bool(reads_on), clock=lambda: RECEIVED_AT)
    await gaps.check()

    assert await gaps.on_gap(GAP, lambda: None) is reads_on

    assert [gap["from"] for gap in book.gaps.values()] == [10]
    with pytest.raises(RecordsMissing, match=r"order\[3\] from 10 to 25 \(deleted\)"):
        await gaps.check()


async def test_nothing_is_passed_before_the_gap_is_durable_and_waiting_for_that_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.runtime.retry.FIRST_DELAY_SECONDS", 0.0)
    failures = [StoreUnavailable("away"), StoreUnavailable("away")]
    book, waits = MemoryGapBook(before=lambda: failures), []
    gaps = GapsEntryPoint(book, reads_on=True, clock=lambda: RECEIVED_AT)

    await gaps.on_gap(GAP, lambda: waits.append("waits"))

    assert (len(waits), len(book.gaps)) == (2, 1)


async def test_a_gap_that_another_lane_or_worker_meets_again_is_counted_once_and_each_worker_tells_of_it_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    book, instants = MemoryGapBook(), itertools.count()
    workers = [
        GapsEntryPoint(book, reads_on=True, clock=lambda: RECEIVED_AT + timedelta(seconds=next(instants)))
        for _ in range(2)
    ]
    gaps, records = metrics.INGEST_GAPS.labels("deleted")._value, metrics.INGEST_GAP_RECORDS._value
    before = gaps.get(), records.get()

    for worker in workers:
        for _lane in range(2):
            assert await worker.on_gap(GAP, lambda: None)

    assert (gaps.get() - before[0], records.get() - before[1]) == (1, 15)
    assert [line.message for line in caplog.records if line.levelname == "ERROR"] == ["gap.found"] * 2
    for worker in workers:
        with pytest.raises(RecordsMissing, match=r"^1 gaps since the start"):
            await worker.check()


async def test_the_letters_that_are_kept_and_the_age_of_the_first_to_go_are_measured() -> None:
    book = MemoryLetterBook()
    week = timedelta(days=7)
    for hours in (0, 2):
        now = RECEIVED_AT + timedelta(hours=hours)
        record = make_record(b"poison", offset=hours, timestamp=now)
        await shelve([record], book, operator="loja", clock=lambda now=now: now, keep_for=week)
    assert min(letter["expires_at"] for letter in book.letters.values()) == RECEIVED_AT + week

    await LetterCount(book, lambda: RECEIVED_AT + timedelta(hours=3)).run_once()

    assert metrics.INGEST_KEPT_LETTERS._value.get() == 2
    assert metrics.INGEST_OLDEST_LETTER._value.get() == 3 * 3600
