import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.query.core.freshness import RECENT, Recent, judge
from services.query.core.integration import Integration, Marketplaces, oddities_of
from services.query.core.permissions import SCOPES, Caller
from services.query.core.preconditions import Expected, expect_revision, read_tags, tag_of
from services.query.core.repeating import Answer, Asked, read_key
from services.query.handlers.freshness import MAX_AFFILIATES, check_health, list_unregistered
from services.query.handlers.previewing import preview_reprocess
from services.query.handlers.registry import (
    AlreadyRegistered,
    change_integration,
    create_integration,
    remove_integration,
)
from services.query.handlers.repeating import CLAIMED_FOR, InProgress, answer_once
from shared.contracts.commands import ReprocessCommand
from shared.contracts.errors import InvalidField, NotEligible, PreconditionMissing, Stale, StoreUnavailable
from tests.support.builders import RECEIVED_AT, make_event
from tests.support.fakes.query import FakeAnswers, FakeAudit, FakeFreshness, FakeLog, FakeRegistry
from tests.support.seed import entry_document

ADMIN = Caller("loja", "k", "Ana", frozenset(SCOPES))
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MLC = Integration("MLC", "Mercado Livre", freshness_seconds={"order": 3600})


def ago(**lapse: float) -> datetime:
    return NOW - timedelta(**lapse)


@pytest.mark.parametrize(
    ("last", "state"),
    [
        (None, "never"),
        (ago(hours=1), "fresh"),
        (ago(hours=1, seconds=1), "late"),
        (ago(hours=3), "late"),
        (ago(hours=3, seconds=1), "silent"),
        (NOW + timedelta(minutes=5), "fresh"),
    ],
)
def test_a_kind_is_judged_by_its_objective(last: datetime | None, state: str) -> None:
    heard = {"order": {"error": last}} if last else {}
    assert judge(MLC, heard, now=NOW).kinds[0].state == state


def test_an_integration_is_as_bad_as_the_worst_of_its_kinds_that_were_ever_heard_of() -> None:
    fresh, silent = {"success": ago(minutes=1)}, {"error": ago(days=9), "success": ago(days=10)}
    for heard, state in (
        ({}, "never"),
        ({"order": fresh}, "fresh"),
        ({"order": fresh, "price": silent}, "silent"),
        ({"order": {"error": ago(hours=2)}, "price": fresh}, "late"),
    ):
        assert judge(MLC, heard, now=NOW).state == state
    told = judge(MLC, {"price": silent}, now=NOW)
    assert told.last_event_at == ago(days=9)
    assert next(one for one in told.kinds if one.kind == "price").last_success_at == ago(days=10)


def test_what_is_switched_off_is_paused_and_stands_there_only_if_it_was_heard_of() -> None:
    heard = {"order": {"error": ago(days=9)}, "stock": {"error": ago(days=9)}}
    for off in (replace(MLC, paused=True), replace(MLC, removed_at=NOW)):
        assert {one.state for one in judge(off, heard, now=NOW).kinds} == {"paused"}
        assert judge(off, heard, now=NOW).state == "paused"
    some = judge(replace(MLC, kinds=("order", "price")), heard, now=NOW)
    assert [(one.kind, one.state) for one in some.kinds] == [
        ("order", "silent"),
        ("price", "never"),
        ("stock", "paused"),
    ]
    assert some.state == "silent"


async def test_a_share_that_takes_too_long_is_left_out() -> None:
    class Slow(FakeFreshness):
        async def count_recent(self, *_: Any, **__: Any) -> Recent:
            raise StoreUnavailable("too long")

    log = FakeLog([entry_document([make_event(received_at=RECEIVED_AT)])])
    told = await check_health(Slow(log), ADMIN, [MLC], now=RECEIVED_AT)
    assert told["MLC"].kinds[0].last_event_at is not None
    assert told["MLC"].kinds[0].recent is None
    shared = await check_health(FakeFreshness(log), ADMIN, [MLC], now=RECEIVED_AT)
    assert shared["MLC"].kinds[0].recent == Recent(1, 1)
    later = await check_health(FakeFreshness(log), ADMIN, [MLC], now=RECEIVED_AT + RECENT)
    assert later["MLC"].kinds[0].recent is None


async def test_many_registered_affiliates_hide_none_that_nobody_registered() -> None:
    many = [f"A{number:03}" for number in range(MAX_AFFILIATES)]
    log = FakeLog([entry_document([make_event(affiliate=name)]) for name in [*many, "ZZZ"]])
    known = Marketplaces(Integration(name, name) for name in many)
    assert await list_unregistered(FakeFreshness(log), ADMIN, known) == ["ZZZ"]
    assert await list_unregistered(FakeFreshness(log), ADMIN, Marketplaces([])) == many


def test_how_affiliates_stand() -> None:
    known = Marketplaces([MLC, Integration("OFF", "B", paused=True), Integration("OLD", "C", removed_at=NOW),
                          Integration("ONE", "D", kinds=("order",))])  # fmt: skip
    assert [known.standing(name) for name in ("MLC", "OFF", "OLD", "NEW")] == [
        "active",
        "paused",
        "removed",
        "unregistered",
    ]
    assert [known.standing("ONE", kind) for kind in ("order", "price")] == ["active", "paused"]
    assert known.off("price") == {"OFF", "OLD", "ONE"}
    assert [known.is_registered(name) for name in ("MLC", "OFF", "OLD", "NEW")] == [True, True, False, False]


@pytest.mark.parametrize(("affiliate", "is_odd"), [("MLC", False), ("BBB", False), ("ABC", True), ("MLCX", True)])
def test_three_consonants_are_the_rule(affiliate: str, *, is_odd: bool) -> None:
    assert [one.code for one in oddities_of(Integration(affiliate, "A"))] == ["affiliate-rule"] * is_odd


def test_a_tag_tells_what_is_shown_apart() -> None:
    assert tag_of(1, {"a": 1}) == tag_of(1, {"a": 1})
    assert len({tag_of(1), tag_of(1, {"a": 1}), tag_of(1, {"a": 2}), tag_of(2, {"a": 1})}) == 4


@pytest.mark.parametrize("header", ["1-5f", 'W/"1-5f"', ""])
def test_who_names_no_tag_of_ours_is_not_told_to_read_again(header: str) -> None:
    with pytest.raises(Stale, match=r'names no ETag.*"1" now.*quotes'):
        Expected(read_tags(header)).check(1)


def test_a_change_asks_for_the_revision_of_a_tag_alone() -> None:
    for header, refusal in (
        (None, PreconditionMissing),
        ("", Stale),
        ('"2"', Stale),
        ('W/"1"', Stale),
        ("1", Stale),
        ('"11"', Stale),
        ('"2-1"', Stale),
        ('W/"1-5f"', Stale),
        ('"1-5f', Stale),
    ):
        with pytest.raises(refusal):
            Expected(read_tags(header)).check(1)
    for header in (
        '"1"',
        '"0", "1"',
        "*",
        ' W/"1" , "1"',
        tag_of(1, {"shown": "so"}),
        tag_of(1, {"shown": "otherwise"}),
    ):
        Expected(read_tags(header)).check(1)


async def test_a_change_is_written_down_before_it_is_made_and_not_made_without() -> None:
    class Away(FakeAudit):
        async def record(self, line: Any) -> None:
            raise StoreUnavailable("away")

    registry = FakeRegistry()
    with pytest.raises(StoreUnavailable):
        await create_integration(registry, Away(), ADMIN, "MLC", {"marketplace": "A"}, now=lambda: NOW)
    assert registry.integrations == {}


async def test_removing_is_safe_to_repeat_and_masking_outlives_it() -> None:
    registry, audit = FakeRegistry(), FakeAudit()
    said = {"marketplace": "A", "mask_at_write": True, "emails": ("a@b.co",)}
    await create_integration(registry, audit, ADMIN, "MLC", said, now=lambda: NOW)
    with pytest.raises(AlreadyRegistered):
        await create_integration(registry, audit, ADMIN, "MLC", said, now=lambda: NOW)
    for revision in (1, 1, 2):
        removed = await remove_integration(registry, audit, ADMIN, "MLC", expect_revision(revision), now=lambda: NOW)
        assert (removed.standing, removed.revision) == ("removed", 2)
    with pytest.raises(Stale):
        await remove_integration(registry, audit, ADMIN, "MLC", expect_revision(7), now=lambda: NOW)
    with pytest.raises(NotEligible):
        await change_integration(registry, audit, ADMIN, "MLC", {"paused": True}, expect_revision(2), now=lambda: NOW)
    again = await create_integration(registry, audit, ADMIN, "MLC", {"marketplace": "B"}, now=lambda: NOW)
    assert (again.mask_at_write, again.emails, again.revision, again.standing) == (True, (), 3, "active")
    assert [line.action for line in audit.lines] == [
        "integration.created",
        "integration.removed",
        "integration.created",
    ]


@pytest.mark.parametrize(("meanwhile", "is_removed"), [({"removed_at": NOW}, True), ({"paused": True}, False)])
async def test_of_two_who_remove_at_once_both_are_told_so_and_whoever_met_a_change_is_told_of_that(
    meanwhile: dict[str, Any], *, is_removed: bool
) -> None:
    registry, audit = FakeRegistry(), FakeAudit()
    known = await create_integration(registry, audit, ADMIN, "MLC", {"marketplace": "A"}, now=lambda: NOW)
    write = registry.replace_integration

    async def write_later(account: str, integration: Integration, *, revision: int) -> bool:
        await write(account, replace(known, revision=2, **meanwhile), revision=1)
        return await write(account, integration, revision=revision)

    registry.replace_integration = write_later  # type: ignore[method-assign]
    removing = remove_integration(registry, audit, ADMIN, "MLC", expect_revision(1), now=lambda: NOW)

    if is_removed:
        assert (await removing).revision == 2
    else:
        with pytest.raises(Stale):
            await removing


async def test_a_dry_run_counts_what_a_paused_integration_holds_back() -> None:
    log = FakeLog(
        [
            entry_document([make_event(code="1")]),
            entry_document([make_event(code="1", affiliate="OFF")]),
            entry_document([make_event(code="2", affiliate="OFF", status="success", causes=[])]),
        ]
    )
    items = [{"affiliate": name, "code": "1"} for name in ("MLC", "OFF")]
    for said, skipped in (
        ({"filter": {}}, {"not_failed": 1, "paused": 1}),
        ({"filter": {"affiliate": ["MLC"]}}, {}),
        ({"items": items}, {"paused": 1}),
    ):
        command = ReprocessCommand.model_validate({"account": "loja", "kind": "order", **said})
        preview = await preview_reprocess(log, ADMIN, command, off={"OFF", "GONE"})
        assert (preview.eligible, dict(preview.skipped)) == (1, skipped)


ASKED = Asked("loja", "key-1", "POST /v1/exports", "key", "print")
DONE = Answer(202, {}, b"{}")


def once(*answers: Answer | Exception) -> tuple[Callable[[str], Any], list[str]]:
    operations: list[str] = []
    left = list(answers)

    async def operate(operation: str) -> Answer:
        operations.append(operation)
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return operate, operations


async def test_a_claim_whose_holder_died_passes_on_with_its_operation() -> None:
    store, at = FakeAnswers(), NOW

    async def hang(operation: str) -> Answer:
        operations.append(operation)
        return await asyncio.Event().wait() or DONE  # type: ignore[func-returns-value]

    operate, operations = once(DONE)
    stuck = asyncio.create_task(answer_once(store, ASKED, hang, now=lambda: at))
    await asyncio.sleep(0)
    with pytest.raises(InProgress):
        await answer_once(store, ASKED, operate, now=lambda: at)
    at += CLAIMED_FOR
    assert await answer_once(store, ASKED, operate, now=lambda: at) == (DONE, False)
    assert await answer_once(store, ASKED, operate, now=lambda: at) == (DONE, True)
    assert len(operations) == 2
    assert len(set(operations)) == 1
    stuck.cancel()


async def test_a_claim_lasts_as_long_as_its_holder_may_take() -> None:
    store, at = FakeAnswers(), NOW
    operate, _ = once(DONE)
    hour = timedelta(hours=1)

    async def hang(_: str) -> Answer:
        return await asyncio.Event().wait() or DONE  # type: ignore[func-returns-value]

    stuck = asyncio.create_task(answer_once(store, ASKED, hang, now=lambda: at, claimed_for=hour))
    await asyncio.sleep(0)
    at += hour - timedelta(seconds=1)
    with pytest.raises(InProgress):
        await answer_once(store, ASKED, operate, now=lambda: at, claimed_for=hour)
    at += timedelta(seconds=1)
    assert await answer_once(store, ASKED, operate, now=lambda: at, claimed_for=hour) == (DONE, False)
    stuck.cancel()


async def test_an_answer_that_cannot_be_kept_is_given_all_the_same() -> None:
    operate, _ = once(DONE)
    assert await answer_once(FakeAnswers(available=False), ASKED, operate, now=lambda: NOW) == (DONE, False)


@pytest.mark.parametrize("status", [400, 401, 403, 413, 415, 422, 429, 500, 503])
async def test_an_answer_to_a_request_that_did_nothing_is_not_kept(status: int) -> None:
    store = FakeAnswers()
    operate, _ = once(Answer(status, {}, b""), DONE)
    assert (await answer_once(store, ASKED, operate, now=lambda: NOW))[0].status == status
    mended = replace(ASKED, fingerprint="mended")
    assert await answer_once(store, mended, operate, now=lambda: NOW) == (DONE, False)


async def test_after_a_failure_of_ours_the_key_stands_for_the_same_request() -> None:
    store = FakeAnswers()
    operate, operations = once(StoreUnavailable("away"), DONE)
    with pytest.raises(StoreUnavailable):
        await answer_once(store, ASKED, operate, now=lambda: NOW)
    with pytest.raises(InvalidField):
        await answer_once(store, replace(ASKED, fingerprint="other"), operate, now=lambda: NOW)
    assert await answer_once(store, ASKED, operate, now=lambda: NOW) == (DONE, False)
    assert len(set(operations)) == 1


def test_a_key_is_one_visible_word() -> None:
    assert read_key([]) is None
    assert [read_key([text]) for text in ("abc", '"abc"', ' "a"b" ', '"')] == ["abc", "abc", 'a"b', '"']
    for values in ([""], ['""'], ["a b"], ["é"], ["a", "a"], ["x" * 256]):
        with pytest.raises(InvalidField):
            read_key(values)
