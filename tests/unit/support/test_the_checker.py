from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from services.ingest.handlers.ingesting import Ingest
from shared.contracts.records import Address
from tests.support.fakes.ingest import MemoryDeadLetters, MemoryLogStore
from tests.support.invariants import PutAside, Stored, Told, breaches, strays_of
from tests.support.journal import Journal, hold
from tests.support.long_histories import long_from
from tests.support.stored import log_of
from tests.support.tellings import Telling, make_telling

Harm = Callable[[Told, Stored], Any]
TOPIC = "integration.events.order"


async def stored_by_the_story(journal: Journal) -> Stored:
    """What ingest itself makes of a hundred events and five bad records, all committed."""
    log, aside = MemoryLogStore(), MemoryDeadLetters()
    records = journal.as_records(journal.teller(items=10, bad_every=20).tell(105))
    outcome = await Ingest(log, aside).handle(records)
    letters = [PutAside(one.record.address, one.record.value, one.error_class) for one in aside.letters]
    return Stored(
        *log_of(log.attempts.values(), log.entries.values()),
        letters=letters,
        kept=list(letters),
        commits=[dict.fromkeys(outcome.commit, 0), outcome.commit],
    )


@pytest.fixture
def journal() -> Journal:
    return Journal(kinds=["order"])


@pytest.fixture
async def stored(journal: Journal) -> Stored:
    return await stored_by_the_story(journal)


def of_entry(stored: Stored, number: int, **changes: Any) -> None:
    stored.entries = [replace(e, **changes) if at == number else e for at, e in enumerate(stored.entries)]


def good(told: Told, number: int = 0) -> tuple[Address, Telling]:
    return [(address, telling) for address, telling in told.acked.items() if not telling.is_bad][number]


def bad(told: Told) -> Address:
    return next(address for address, telling in told.acked.items() if telling.is_bad)


def without_letters_of(address: Address, stored: Stored) -> None:
    stored.letters = [one for one in stored.letters if one.address != address]


def an_attempt_is_lost(_: Told, stored: Stored) -> None:
    lost = stored.attempts[0]
    stored.attempts = stored.attempts[1:]
    key = lost.id.partition("\x1f")[0]
    stored.entries = [replace(e, attempts=e.attempts - 1) if e.id == key else e for e in stored.entries]
    stored.commits = []


def an_attempt_is_invented(_: Told, stored: Stored) -> None:
    stored.attempts = [*stored.attempts, replace(stored.attempts[0], event_id="of-nobody")]


def an_event_is_two_attempts(_: Told, stored: Stored) -> None:
    stored.attempts = [*stored.attempts, replace(stored.attempts[0], id=stored.attempts[0].id + "f")]


def an_attempt_is_at_another_entry(_: Told, stored: Stored) -> None:
    stray = replace(stored.attempts[0], id="loja|order|MLC|other\x1fabc")
    stored.attempts = [stray, *stored.attempts[1:]]


def an_entry_is_lost(_: Told, stored: Stored) -> None:
    stored.entries = stored.entries[1:]


def an_entry_is_invented(_: Told, stored: Stored) -> None:
    stored.entries = [*stored.entries, replace(stored.entries[0], code="of nobody")]


def an_event_is_counted_twice(_: Told, stored: Stored) -> None:
    of_entry(stored, 0, attempts=stored.entries[0].attempts + 1)


def an_event_is_not_counted(_: Told, stored: Stored) -> None:
    of_entry(stored, 0, attempts=stored.entries[0].attempts - 1)


def an_older_event_overwrote_a_newer_one(told: Told, stored: Stored) -> None:
    key = stored.entries[0].id
    events = sorted((t for t in told.acked.values() if t.key == key and not t.is_bad), key=lambda t: t.rank)
    older = events[-2]
    of_entry(
        stored,
        0,
        payload={"event": older.id},
        status=older.status,
        processed_at=older.processed_at,
        sequence=older.sequence,
    )


def only_the_status_is_wrong(_: Told, stored: Stored) -> None:
    other = {"success": "error"}.get(stored.entries[0].status, "success")
    of_entry(stored, 0, status=other)


def a_payload_is_gone(_: Told, stored: Stored) -> None:
    of_entry(stored, 0, payload=None)


def the_first_time_is_wrong(_: Told, stored: Stored) -> None:
    of_entry(stored, 0, first_seen_at=stored.entries[0].processed_at.replace(year=2024))


def the_last_success_is_forgotten(_: Told, stored: Stored) -> None:
    number = next(at for at, entry in enumerate(stored.entries) if entry.last_success_at)
    of_entry(stored, number, last_success_at=None)


def an_attempt_is_not_in_order(_: Told, stored: Stored) -> None:
    stored.strays = [stored.attempts[0].id]


def a_commit_passed_an_event_that_is_not_stored(told: Told, _: Stored) -> None:
    told.acked[Address(TOPIC, 0, 50)] = make_telling("late", account="loja")


def a_commit_passed_a_bad_record_that_is_not_put_aside(told: Told, stored: Stored) -> None:
    without_letters_of(bad(told), stored)


def a_commit_went_back(_: Told, stored: Stored) -> None:
    stored.commits = [*stored.commits, {(TOPIC, 0): 3}]


def a_bad_record_is_gone(told: Told, stored: Stored) -> None:
    without_letters_of(bad(told), stored)
    stored.commits = []


def a_bad_record_was_not_kept(_: Told, stored: Stored) -> None:
    stored.kept = (stored.kept or [])[1:]


def a_bad_record_was_kept_twice(_: Told, stored: Stored) -> None:
    stored.kept = [*(stored.kept or []), (stored.kept or [])[0]]


def a_good_record_was_put_aside_too(told: Told, stored: Stored) -> None:
    address, telling = good(told)
    stored.letters = [*stored.letters, PutAside(address, telling.value, "StoreUnavailable")]


def a_good_record_was_put_aside_instead(told: Told, stored: Stored) -> None:
    a_good_record_was_put_aside_too(told, stored)
    stored.attempts = [attempt for attempt in stored.attempts if attempt.event_id != good(told)[1].id]


def a_letter_is_cut(_: Told, stored: Stored) -> None:
    stored.letters = [replace(stored.letters[0], value=b"{"), *stored.letters[1:]]


def a_letter_gives_no_reason(_: Told, stored: Stored) -> None:
    stored.letters = [replace(stored.letters[0], error_class=""), *stored.letters[1:]]


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (an_attempt_is_lost, "I1: acknowledged, but no attempt"),
        (an_attempt_is_invented, "I1: an attempt that nobody published: of-nobody"),
        (an_event_is_two_attempts, "I2: several attempts of one event"),
        (an_attempt_is_at_another_entry, "I2: an attempt of another entry"),
        (an_entry_is_lost, "I1: attempts without their entry"),
        (an_entry_is_invented, "I1: an entry of no attempt"),
        (an_event_is_counted_twice, "I2: a count that is not the number of events"),
        (an_event_is_not_counted, "I2: a count that is not the number of events"),
        (an_older_event_overwrote_a_newer_one, "I3: a state that is not the newest event's"),
        (only_the_status_is_wrong, "I3: a state that is not the newest event's"),
        (a_payload_is_gone, "I3: a state that is not the newest event's"),
        (the_first_time_is_wrong, "I3: a state that is not the newest event's"),
        (the_last_success_is_forgotten, "I3: a state that is not the newest event's"),
        (
            a_commit_passed_an_event_that_is_not_stored,
            "I4: committed, but not stored: late at integration.events.order[0]@50",
        ),
        (a_commit_passed_a_bad_record_that_is_not_put_aside, "I4: committed, but not stored"),
        (a_commit_went_back, "I4: a committed offset went back"),
        (a_bad_record_is_gone, "I5: a bad record that is no dead letter of the topic"),
        (a_bad_record_was_not_kept, "I5: a bad record that is no dead letter of the collection"),
        (a_bad_record_was_kept_twice, "I5: kept twice"),
        (a_good_record_was_put_aside_too, "I5: both an attempt and a dead letter"),
        (a_good_record_was_put_aside_instead, "I5: a dead letter of the topic that was no bad record"),
        (a_letter_is_cut, "I5: a dead letter of the topic that is not the record's bytes"),
        (a_letter_gives_no_reason, "I5: a dead letter of the topic without its reason"),
        (an_attempt_is_not_in_order, "I7: out of order"),
    ],
)
def test_each_breach_is_found_and_named(journal: Journal, stored: Stored, harm: Harm, said: str) -> None:
    assert breaches(journal.told, stored) == []

    harm(journal.told, stored)

    assert any(found.startswith(said) for found in breaches(journal.told, stored)), breaches(journal.told, stored)
    with pytest.raises(AssertionError, match=journal.account):
        hold(journal, stored)


async def test_what_is_not_in_order_is_found(journal: Journal) -> None:
    log = MemoryLogStore()
    with long_from(3):
        await Ingest(log, MemoryDeadLetters()).handle(journal.as_records(journal.teller(items=1).tell(8)))
        assert strays_of(log.attempts.values(), log.entries.values()) == []

        first, *_ = log.attempts.values()
        del first["entry"]
        assert strays_of(log.attempts.values(), log.entries.values()) == [first["_id"]]
        (entry,) = log.entries.values()
        entry["in_order"] -= 1
        assert entry["_id"] in strays_of(log.attempts.values(), log.entries.values())


async def test_duplicates_and_any_order_break_nothing(journal: Journal) -> None:
    log, aside = MemoryLogStore(), MemoryDeadLetters()
    ingest, tellings = Ingest(log, aside), journal.teller(items=3, bad_every=10).tell(40)
    for records in (journal.as_records(tellings), journal.as_records(tellings[::-1])):
        await ingest.handle(records)

    letters = [PutAside(one.record.address, one.record.value, one.error_class) for one in aside.letters]
    hold(journal, Stored(*log_of(log.attempts.values(), log.entries.values()), letters=letters))


async def test_what_nobody_acknowledged_may_be_there_or_not(journal: Journal, stored: Stored) -> None:
    address, telling = good(journal.told)
    del journal.told.acked[address]
    journal.told.unknown = [telling, make_telling("never-came", account=journal.account)]

    assert breaches(journal.told, stored) == []


async def test_a_letter_that_a_crash_doubled_on_the_topic_is_no_breach(journal: Journal, stored: Stored) -> None:
    stored.letters = [*stored.letters, stored.letters[0]]

    assert breaches(journal.told, stored) == []


async def test_it_names_a_few_ids_and_says_how_many_more(journal: Journal, stored: Stored) -> None:
    stored.attempts, stored.entries, stored.commits = [], [], []

    (sentence,) = breaches(journal.told, stored)

    assert f"{journal.account}-1-0000001" in sentence
    assert sentence.endswith("and 95 more")
