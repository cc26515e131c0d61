import asyncio
import re
from collections.abc import AsyncIterator
from html import unescape
from typing import Any

import httpx
import pytest

from services.query.entrypoints.http import create_app
from shared.contracts.entries import Attempt, attempt_document
from shared.contracts.errors import StoreUnavailable, TooBroad
from shared.contracts.filters import LogFilter
from shared.contracts.groups import group_of
from shared.contracts.records import Address
from tests.support.builders import RECEIVED_AT, make_event
from tests.support.fakes.query import (
    FakeLog,
    counts_of,
)
from tests.support.panel_over_fakes import FROM_PANEL, services, visitor
from tests.support.seed import entry_document


class SlowCounts(FakeLog):
    async def count_by_kind(self, account: str, rows: LogFilter) -> dict[str, dict[str, int]]:
        await asyncio.Event().wait()
        return {}


class BrokenLog(FakeLog):
    async def list_entries(self, *_: Any, **__: Any) -> Any:
        raise StoreUnavailable("mongodb://user:password@inside is down")


@pytest.fixture
async def reader() -> AsyncIterator[httpx.AsyncClient]:
    async with await visitor(services(), "read") as client:
        yield client


async def test_counts_that_take_too_long_do_not_hold_the_page() -> None:
    async with await visitor(services(counts=counts_of(SlowCounts())), "read") as client:
        page = await client.get("/logs/order?affiliate=MLC")
    assert page.status_code == 200
    assert 'data-load="/logs/order/summary?affiliate=MLC"' in page.text


def rare_last(*, patience: float, others: int) -> FakeLog:
    """One order in warning, older than all others."""
    events = [
        make_event(code=f"{n:04}", processed_at=f"2026-11-23T11:{n // 60:02}:{n % 60:02}Z") for n in range(others)
    ]
    events.append(make_event(code="RARE", status="warning", processed_at="2026-11-01T00:00:00Z"))
    return FakeLog([entry_document([event]) for event in events], patience=patience)


async def test_a_search_goes_on_by_itself_for_a_moment() -> None:
    log = rare_last(patience=1 / 150, others=300)  # ten rows at the first step, 166 at each further one
    async with await visitor(services(log=log, counts=counts_of(log)), "read") as client:
        page = await client.get("/logs/order?status=warning", headers={"Accept-Language": "en"})
    assert "RARE" in page.text
    assert "Continue searching" not in page.text


async def test_a_search_that_found_nothing_so_far_says_how_far_it_came_and_goes_on() -> None:
    log = rare_last(patience=1 / 25_000, others=30)
    async with await visitor(services(log=log, counts=counts_of(log)), "read") as client:
        page = await client.get("/logs/order?status=warning&limit=15", headers={"Accept-Language": "en"})
        steps = 0
        while "RARE" not in page.text:
            assert "Nothing found so far" in page.text
            assert "Searched up to" in page.text
            (onward,) = re.findall(r'rel="next" href="([^"]+)">Continue searching', page.text)
            page = await client.get(unescape(onward), headers={"Accept-Language": "en"})
            steps += 1
    assert 0 < steps <= 30
    assert "Continue searching" not in page.text


async def test_a_root_cause_is_a_chip_that_can_be_taken_away(reader: httpx.AsyncClient) -> None:
    group = group_of("order", "ORD-SLA", "No available sla to deliver this order")
    page = await reader.get(f"/logs/order?group={group}", headers={"Accept-Language": "en"})
    assert f"root cause {group[:6]}" in page.text
    assert "2000004567" in page.text


@pytest.mark.parametrize("path", ["/logs/order", "/logs/order/MLC/2000004567"])
async def test_a_cause_leads_to_all_items_of_its_kind_that_have_it(path: str) -> None:
    others = [make_event(code="same"), make_event(code="other", causes=[{"code": "ORD-SLA", "message": "No sla"}])]
    log = FakeLog([entry_document([event]) for event in (make_event(), *others)])
    group = group_of("order", "ORD-SLA", "No available sla to deliver this order")
    async with await visitor(services(log=log), "read") as client:
        page = await client.get(path, headers={"Accept-Language": "en"})
        listed = await client.get(f"/logs/order?group={group}")
    name = "All with this cause: ORD-SLA, No available sla to deliver this order"
    assert f'href="/logs/order?group={group}" aria-label="{name}">All with this cause</a>' in page.text
    assert re.findall('data-code="([^"]+)"', listed.text) == ["same", "2000004567"]


async def test_an_items_page_asks_for_itself_only_while_an_answer_is_waited_for() -> None:
    path = "/logs/order/MLC/2000004567?behind=/logs/order%3Fq%3D2000&cursor="
    for state, is_waiting in (("sent", True), ("answered", False)):
        log = FakeLog([entry_document([make_event()], reprocess={"id": "job-1", "state": state})])
        async with await visitor(services(log=log), "read") as client:
            page = await client.get(path)
            part = await client.get(path, headers={"X-Ponte-Fragment": "1"})
        assert ('http-equiv="refresh"' in page.text) is is_waiting
        for shown in (page.text, part.text):
            assert ('data-poll="/logs/order/MLC/2000004567?behind=/logs/order%3Fq%3D2000"' in shown) is is_waiting
        assert "<html" not in part.text
        assert 'id="entry"' in part.text


async def test_a_cause_from_before_root_causes_were_told_leads_nowhere() -> None:
    document = entry_document([make_event()])
    del document["state"]["groups"]
    async with await visitor(services(log=FakeLog([document])), "read") as client:
        page = await client.get("/logs/order")
    assert "ORD-SLA" in page.text
    assert "same-cause" not in page.text


async def test_the_counts_alone_are_a_part_of_the_page(reader: httpx.AsyncClient) -> None:
    part = await reader.get("/logs/order/summary", headers={"X-Ponte-Fragment": "1"})
    assert "1 com erro em Pedidos" in part.text
    assert "data-load" not in part.text
    assert "<html" not in part.text


async def test_a_store_that_is_away_is_told_in_words_and_without_its_address() -> None:
    async with await visitor(services(log=BrokenLog()), "read") as client:
        page = await client.get("/logs/order", headers={"Accept-Language": "en"})
    assert (page.status_code, page.headers["Retry-After"]) == (503, "5")
    assert "Nothing is lost" in page.text
    assert "password" not in page.text


async def test_an_items_page_leads_back_to_the_list_it_was_opened_from() -> None:
    item, filtered = "/logs/order/MLC/2000004567", "http://ponte.test/logs/order?status=error&q=a%26b"
    async with await visitor(services(), "read", "reprocess") as client:
        opened = await client.get(item, headers={"Referer": filtered})
        itself = re.findall(r'name="back" value="([^"]*)"', opened.text)
        again = await client.get(unescape(itself[0]) + "&job=7")
        plain = await client.get(item)
    assert len(itself) == 2  # of the languages, of trying again
    assert len(set(itself)) == 1
    for page in (opened, again):
        assert '<a href="/logs/order?status=error&amp;q=a%26b">Voltar' in page.text
    assert '<a href="/logs/order">Voltar' in plain.text
    assert f'name="back" value="{item}"' in plain.text


async def test_who_may_only_read_sees_no_action_and_may_take_none(reader: httpx.AsyncClient) -> None:
    page = await reader.get("/logs/order")
    for absent in ("Reprocessar", "Exportar para Excel", 'href="/exports"', 'type="checkbox" name="item"'):
        assert absent not in page.text.replace("Reprocessamentos", "").replace("antes de reprocessar", "")
    assert "data-choose-all" not in page.text
    for path, form in (("/logs/order/reprocess", {"item": "MLC|2000004567"}), ("/exports", {"kind": "order"})):
        assert (await reader.post(path, data=form, headers=FROM_PANEL)).status_code == 403


async def test_a_form_of_another_site_changes_nothing() -> None:
    made = services()
    async with await visitor(made, "read", "reprocess") as client:
        forged = await client.post(
            "/logs/order/reprocess", data={"item": "MLC|2000004567"}, headers={"Origin": "https://evil.example"}
        )
    assert forged.status_code == 403
    assert await made.reprocesses.list_jobs("loja", limit=50) == []


async def test_a_form_without_rows_and_a_cursor_that_was_altered_are_answered_in_words() -> None:
    async with await visitor(services(), "read", "reprocess") as client:
        sent = {"back": "/logs/order?status=error&q=2000"}
        empty = await client.post("/logs/order/reprocess", data=sent, headers=FROM_PANEL)
        told = await client.get(empty.headers["location"])
        module = await client.post("/logs/order/reprocess", headers={**FROM_PANEL, "X-Ponte-Fragment": "1"})
        altered = await client.get("/logs/order?cursor=abc")
    assert (empty.status_code, module.status_code, altered.status_code) == (303, 422, 400)
    assert "Escolha ao menos um item" in told.text
    assert 'name="q" value="2000"' in told.text
    assert "Escolha ao menos um item" in module.text
    assert "Comece da primeira página" in altered.text


async def test_a_field_at_fault_does_not_cost_the_rest_of_the_filter(reader: httpx.AsyncClient) -> None:
    asked = "/logs/order?status=error&from=2026-12-01T00:00:00Z&to=2026-11-01T00:00:00Z&q=a%26b"

    refused = await reader.get(asked)

    assert refused.status_code == 422
    way_on = re.search(r'class="button is-main" href="([^"]+)"', refused.text)
    assert way_on is not None
    assert unescape(way_on[1]) == "/logs/order?status=error&from=2026-12-01T00%3A00%3A00Z&q=a%26b"
    assert (await reader.get(unescape(way_on[1]))).status_code == 200


@pytest.mark.parametrize(
    ("language", "words"), [("pt", "Não encontrado"), ("en", "Not found"), ("es", "No encontrado")]
)
async def test_an_address_that_does_not_exist_is_told_to_readers_as_a_page_and_to_programs_as_a_problem(
    reader: httpx.AsyncClient, language: str, words: str
) -> None:
    reads_pages = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": language}
    for path in ("/nothing", "/logs/order/MLC/1/nothing", "/logs/order/", "/v2"):
        page, problem = await reader.get(path, headers=reads_pages), await reader.get(path)
        assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert f"<h1>{words}</h1>" in page.text
        assert (problem.status_code, problem.headers["content-type"]) == (404, "application/problem+json")
    for path in ("/v1/nothing", "/static/nothing.js", "/health/nothing"):
        answer = await reader.get(path, headers=reads_pages)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    form = await reader.get("/views", headers=reads_pages)
    assert (form.status_code, form.headers["allow"]) == (405, "POST")
    assert "<h1>" in form.text


async def test_a_stranger_is_led_to_the_sign_in_and_a_module_of_theirs_is_refused() -> None:
    app = create_app(services())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://ponte.test") as client:
        led = await client.get("/logs/order?status=error")
        refused = await client.get("/logs/order", headers={"X-Ponte-Fragment": "1", "Accept-Language": "en"})
    assert (led.status_code, led.headers["location"]) == (303, "/sign-in?next=%2Flogs%2Forder%3Fstatus%3Derror")
    assert refused.status_code == 403
    assert "Your session has ended" in refused.text


async def test_a_form_of_a_session_that_ended_leads_back_to_its_page_and_says_that_nothing_was_done() -> None:
    page, form = "/logs/order/reprocess?status=error&done=created", "/logs/order/reprocess/all"
    app = create_app(services())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://ponte.test") as client:
        sent = {**FROM_PANEL, "Referer": f"http://ponte.test{page}", "Accept-Language": "en"}
        led = await client.post(form, data={"reason": "mended"}, headers=sent)
        unknown = await client.post(form, headers=FROM_PANEL)
        asked = await client.get(led.headers["location"], headers=sent)
    assert led.headers["location"] == "/sign-in?next=%2Flogs%2Forder%2Freprocess%3Fstatus%3Derror&undone=1"
    assert unknown.headers["location"] == "/sign-in?undone=1"
    assert asked.status_code == 200
    assert "was not done" in asked.text
    assert 'name="next" value="/logs/order/reprocess?status=error"' in asked.text
    assert 'name="back" value="/sign-in?next=/logs/order/reprocess%3Fstatus%3Derror"' in asked.text


async def test_the_session_cookie_is_kept_from_scripts_and_other_sites() -> None:
    made = services()
    async with await visitor(made, "read") as client:
        answer = await client.post("/sign-in", data={"key": "k" * 40, "next": "//evil.example"}, headers=FROM_PANEL)
    assert answer.headers["location"] == "/"
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(answer.headers["set-cookie"].split("; "))


async def test_pages_are_never_kept_by_a_cache_and_forbid_what_is_not_ours(reader: httpx.AsyncClient) -> None:
    page = await reader.get("/logs/order")
    assert page.headers["cache-control"] == "no-store"
    assert "require-trusted-types-for 'script'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(("failures", "is_told"), [(3, True), (1, False)])
async def test_an_entry_that_keeps_failing_tells_how_often_in_a_row_and_since_when(
    failures: int, *, is_told: bool
) -> None:
    at = "2026-11-23T10:00:0{}Z".format
    events = [make_event(processed_at=at(0), status="success", causes=[])]
    events += [make_event(processed_at=at(n)) for n in range(1, failures + 1)]
    attempts = [attempt_document(event, Address("t", 0, n)) for n, event in enumerate(events)]

    async with await visitor(services(log=FakeLog([entry_document(events)], attempts)), "read") as client:
        part = await client.get("/logs/order/MLC/2000004567/details")

    assert (f"{failures} erros seguidos desde" in part.text) == is_told


async def test_the_history_shows_what_was_said_and_exchanged_in_each_attempt() -> None:
    failure = {"code": "ORD-SLA", "message": "No sla", "evidence": {"request": "ask-1", "response": "answer-1"}}
    log = {"message": "Pedido exportado", "evidence": {"request": {"email": "ana@example.com"}, "response": "answer-2"}}
    events = [
        make_event(processed_at="2026-11-23T10:00:00Z", causes=[failure]),
        make_event(processed_at="2026-11-23T10:00:01Z", status="success", causes=[], log=log),
    ]
    attempts = [attempt_document(event, Address("t", 0, n)) for n, event in enumerate(events)]

    async with await visitor(services(log=FakeLog([entry_document(events)], attempts)), "read") as client:
        pages = [(await client.get(f"/logs/order/MLC/2000004567{part}")).text for part in ("", "/details")]

    for page in pages:
        for text in ("Pedido exportado", "***@example.com", "answer-2", "ORD-SLA", "ask-1", "answer-1"):
            assert text in page
        assert "ana@example.com" not in page


async def test_an_item_whose_history_takes_too_long_is_shown_without_it() -> None:
    class Endless(FakeLog):
        async def list_attempts(self, *_: Any, **__: Any) -> list[Attempt]:
            raise TooBroad("tried so often")

    log = Endless([entry_document([make_event(status="success", causes=[])])], [])
    async with await visitor(services(log=log), "read") as client:
        pages = [await client.get(f"/logs/order/MLC/2000004567{part}") for part in ("", "/details")]

    for page in pages:
        assert page.status_code == 200
        assert "não houve tempo de pôr o histórico em ordem" in page.text
    assert "2000004567" in pages[0].text


async def test_a_job_tells_what_the_connectors_answered_in_the_language_of_the_reader() -> None:
    marks = (
        ("1", "error", "answered"),
        ("2", "success", "answered"),
        ("3", "error", "sent"),
        ("4", "error", "unknown"),
    )
    made = services()
    made.log.entries.update(  # type: ignore[attr-defined]  # the fake's
        {
            document["_id"]: document
            for code, status, state in marks
            for document in [
                entry_document([make_event(code=code, status=status)], reprocess={"id": "j", "state": state})
            ]
        }
    )
    command = {"account": "loja", "id": "j", "kind": "order", "filter": {}, "requested_by": "Ana"}
    await made.reprocesses.insert(command, now=RECEIVED_AT)
    async with await visitor(made, "read") as client:
        for language, words in {
            "pt": ("O que os conectores responderam", "aguardam resposta"),
            "en": ("What the connectors answered", "waiting for an answer"),
            "es": ("Lo que respondieron los conectores", "esperan respuesta"),
        }.items():
            page = await client.get("/reprocess/j", headers={"Accept-Language": language})
            assert page.status_code == 200
            assert all(word in page.text for word in words)
        link = re.search(r'href="(/logs/order\?reprocess_id=j)">', page.text)
        assert link is not None
        rows = await client.get(link[1])
    assert re.findall(r'class="without-script" href="/logs/order/MLC/(\w+)"', rows.text) == ["4", "3", "2", "1"]


async def test_a_job_tells_which_items_failed_and_that_it_waits() -> None:
    made = services()
    progress = {
        "matched": 9,
        "sent": 2,
        "failed": 2,
        "failures": [
            {"affiliate": "MLC", "code": "big-1", "reason": "too_large", "detail": "Broker: Message size too large"},
            {"affiliate": "MLC", "code": "odd-2", "reason": "refused", "detail": "Broker: Invalid record"},
        ],
        "stalled_since": RECEIVED_AT,
        "stalled_why": "1 of 1 messages on <topic>: Broker: Unknown topic or partition",
    }
    command = {"account": "loja", "id": "j", "kind": "order", "filter": {}, "requested_by": "Ana"}
    await made.reprocesses.insert(command, now=RECEIVED_AT)
    made.reprocesses.jobs["loja|j"] |= {"state": "running", "progress": progress}  # type: ignore[attr-defined]  # the fake's
    async with await visitor(made, "read") as client:
        page = await client.get("/reprocess/j", headers={"Accept-Language": "en"})
    for words in (
        "MLC big-1",
        "too large for its topic",
        "MLC odd-2",
        "Invalid record",
        "Nothing could be sent since",
        "on &lt;topic&gt;: Broker: Unknown topic",
    ):
        assert words in page.text


async def test_a_warning_looks_like_one_on_the_page_of_a_job_that_stands_still() -> None:
    made = services()
    await made.reprocesses.insert({"account": "loja", "id": "j", "kind": "order", "filter": {}}, now=RECEIVED_AT)
    stalled = {"state": "running", "progress": {"stalled_since": RECEIVED_AT}}
    made.reprocesses.jobs["loja|j"] |= stalled  # type: ignore[attr-defined]  # the fake's
    async with await visitor(made, "read") as client:
        page = await client.get("/reprocess/j")
        sheets = [await client.get(path) for path in re.findall(r'rel="stylesheet" href="([^"]+)"', page.text)]
    assert 'class="notice is-warning"' in page.text
    assert any(".notice.is-warning" in sheet.text for sheet in sheets)


async def test_a_dry_run_by_the_topic_tells_how_many_it_would_send() -> None:
    made = services()
    command = {"account": "loja", "id": "j", "kind": "order", "filter": {}, "requested_by": "Ana", "dry_run": True}
    await made.reprocesses.insert(command, now=RECEIVED_AT)
    progress = {"matched": 9, "sent": 0, "failed": 0, "skipped": {"never": 2}, "dry_run": True, "eligible": 7}
    made.reprocesses.jobs["loja|j"] |= {"state": "done", "progress": progress}  # type: ignore[attr-defined]  # the fake's
    async with await visitor(made, "read") as client:
        page = await client.get("/reprocess/j", headers={"Accept-Language": "en"})
        table = await client.get("/reprocess", headers={"Accept-Language": "en"})
    assert re.search(r"<dt>would be sent</dt><dd>7</dd>", page.text)
    assert '<progress value="1" max="1"' in page.text
    assert "7 would be sent" in table.text


@pytest.mark.parametrize(
    ("asked_by", "title"), [({"requested_by": "Ana"}, "2 itens escolhidos"), ({"tries": 1}, "2 itens")]
)
async def test_only_what_a_person_asked_for_is_called_chosen(asked_by: dict[str, Any], title: str) -> None:
    made = services()
    items = [{"affiliate": "MLC", "code": code} for code in ("1", "2")]
    command = {"account": "loja", "id": "j", "kind": "order", "items": items, "requested_by": "ponte", **asked_by}
    await made.reprocesses.insert(command, now=RECEIVED_AT)
    async with await visitor(made, "read") as client:
        page = await client.get("/reprocess/j")
    heading = re.search(r"<h1>(.*?)</h1>", page.text, re.DOTALL)
    assert heading is not None
    assert heading[1].split("·")[1].strip() == title


FOUR = {"items": [{"affiliate": "MLC", "code": code} for code in "1234"]}


@pytest.mark.parametrize(
    ("asked", "state", "bar"),
    [
        ({"filter": {}}, "running", ""),
        ({"filter": {}}, "done", 'value="1" max="1"'),
        ({"filter": {}}, "cancelled", None),
        ({"filter": {}}, "failed", None),
        (FOUR, "running", 'value="3" max="4"'),
        (FOUR, "cancelled", 'value="3" max="4"'),
    ],
)
async def test_the_bar_of_a_reprocess_is_full_when_all_is_done_and_not_before(
    asked: dict[str, Any], state: str, bar: str | None
) -> None:
    made = services()
    command = {"account": "loja", "id": "j", "kind": "order", **asked}
    await made.reprocesses.insert(command, now=RECEIVED_AT)
    [job] = made.reprocesses.jobs.values()  # type: ignore[attr-defined]  # the fake's
    job |= {"state": state, "progress": {"matched": 3, "sent": 2, "skipped": {"paused": 1}, "failed": 0}}
    async with await visitor(made, "read") as client:
        page = await client.get("/reprocess/j")
    shown = re.search(r"<progress (.*?) ?aria-label", page.text)
    assert (shown and shown[1]) == bar


@pytest.mark.parametrize(
    ("state", "progress", "bar"),
    [
        ("cancelled", {"matched": 0}, None),
        ("cancelled", {"matched": 4, "sent": 1}, 'value="1" max="4"'),
        ("done", {"matched": 0}, 'value="1" max="1"'),
    ],
)
async def test_the_bar_of_a_replay_that_was_cancelled_is_not_full(
    state: str, progress: dict[str, Any], bar: str | None
) -> None:
    made = services()
    await made.replays.insert({"account": "loja", "id": "j", "filter": {}}, now=RECEIVED_AT)
    made.replays.jobs["loja|j"] |= {"state": state, "progress": progress}  # type: ignore[attr-defined]  # the fake's
    async with await visitor(made, "read") as client:
        page = await client.get("/dead-letters/replays/j")
    shown = re.search(r"<progress (.*?) ?aria-label", page.text)
    assert (shown and shown[1]) == bar


@pytest.mark.parametrize("path", ["/reprocess", "/exports"])
async def test_older_jobs_are_a_page_on_and_newer_ones_a_page_back(path: str) -> None:
    made = services()
    for number in range(60):
        command = {"account": "loja", "id": f"j{number:02d}", "kind": "order", "filter": {}}
        for jobs in (made.reprocesses, made.exports):
            await jobs.insert(command, now=RECEIVED_AT)
    async with await visitor(made, "read", "export") as client:
        first = await client.get(path)
        older = await client.get(link(first.text, "next"))
        newer = await client.get(link(older.text, "prev"))
    assert ("j59" in first.text, "j09" in first.text) == (True, False)
    assert ("j59" in older.text, "j09" in older.text) == (False, True)
    assert ("j59" in newer.text, 'rel="prev"' in newer.text) == (True, False)
    assert ("data-poll" in older.text) == (path == "/exports")


def link(page: str, relation: str) -> str:
    found = re.search(f'rel="{relation}" href="([^"]*)"', page)
    assert found is not None
    return unescape(found[1])


@pytest.mark.parametrize(
    ("reason", "pace", "wrong"),
    [
        ("token renewed\r\n<b>by Ana</b>", "0", "pace"),
        ("token renewed", "soon", "pace"),
        ("token renewed", "9" * 5000, "pace"),
        ("a\x07b", "20", "reason"),
        ("x" * 1001, "", "reason"),
    ],
)
async def test_what_was_typed_stays_in_the_form_that_comes_back(reason: str, pace: str, wrong: str) -> None:
    made = services()
    rows = {"status": ["error"], "affiliate": ["MLC"], "sort": "code"}
    async with await visitor(made, "read", "reprocess") as client:
        page = await client.post(
            "/logs/order/reprocess/all",
            data={**rows, "reason": reason, "max_per_second": pace},
            headers={**FROM_PANEL, "Accept-Language": "en"},
        )
        form = page.text[page.text.index("reprocess/all") :]
        assert page.status_code == 422
        assert "Nothing was sent yet." in form
        assert re.findall(r'id="(\w+)-error"', form) == [wrong]
        (typed,) = re.findall(r"<textarea[^>]*>([^<]*)</textarea>", form)
        assert unescape(typed) == reason
        assert f'name="max_per_second" value="{pace}"' in form
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))
        assert hidden.pop("id")
        assert hidden == {"status": "error", "affiliate": "MLC", "sort": "code"}
        assert await made.reprocesses.list_jobs("loja", limit=9) == []

        sent = await client.post(
            "/logs/order/reprocess/all",
            data={**hidden, "reason": "token renewed", "max_per_second": "20"},
            headers=FROM_PANEL,
        )
    (job,) = await made.reprocesses.list_jobs("loja", limit=9)
    assert sent.headers["location"] == f"/reprocess/{job['id']}"
    said = {name: job["command"][name] for name in ("reason", "max_per_second", "filter")}
    assert said == {
        "reason": "token renewed",
        "max_per_second": 20,
        "filter": {"affiliate": ["MLC"], "status": ["error"]},
    }


async def test_a_form_that_may_not_be_sent_does_not_come_back(reader: httpx.AsyncClient) -> None:
    wrong = {"status": "error", "max_per_second": "0"}
    assert (await reader.post("/logs/order/reprocess/all", data=wrong, headers=FROM_PANEL)).status_code == 403


async def test_the_confirmation_names_the_rows_left_out() -> None:
    log = FakeLog([entry_document([make_event(code="ok-1", status="success", causes=[])])])
    async with await visitor(services(log=log, entries=log), "read", "reprocess") as client:
        page = await client.get("/logs/order/reprocess", headers={"Accept-Language": "en"})
    assert "MLC ok-1" in page.text
    assert "is not in error" in page.text


@pytest.mark.parametrize("code", [".", "..", "a?b#c/d e"])
async def test_every_link_of_an_entry_leads_back_to_it_whatever_its_code(code: str) -> None:
    log = FakeLog([entry_document([make_event(code=code)])])
    async with await visitor(services(log=log, entries=log, counts=counts_of(log)), "read") as client:
        listed = await client.get("/logs/order")
        path = unescape(re.search(r'href="(/logs/order/MLC/[^"?]+)', listed.text)[1])
        shown = await client.get(path)

    assert shown.status_code == 200
    assert f'name="back" value="{path}"' in unescape(shown.text)
    assert code in unescape(shown.text)
