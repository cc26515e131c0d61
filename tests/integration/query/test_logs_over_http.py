from typing import Any

import httpx

from services.query.entrypoints.schemas.entries import AttemptPageAnswer, EntryAnswer, EntryPage
from shared.contracts.filters import PARAMETERS
from shared.contracts.groups import group_of
from shared.contracts.names import INTEGRATIONS
from shared.contracts.segments import write_segment
from shared.mongo.client import Database
from tests.support.builders import make_event
from tests.support.eventually import eventually_async
from tests.support.seed import seed_entries, seed_entry


async def walk(api: httpx.AsyncClient, address: str, follow: str = "next_cursor", **asked: Any) -> list[list[str]]:
    pages = []
    while True:
        page = (await api.get(address, params=asked)).json()
        pages.append([item["code"] for item in page["items"]])
        if page[follow] is None:
            return pages
        asked["cursor"] = page[follow]


async def test_a_list_shows_the_newest_first_with_its_causes_explained(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    await seed_entries(
        database,
        [{"account": account, "code": "1"}, {"account": account, "code": "2", "processed_at": "2026-11-23T11:00:00Z"}],
    )
    await database[INTEGRATIONS].insert_one(
        {"_id": f"{account}|MLC", "account": account, "affiliate": "MLC", "marketplace": "Mercado Livre"}
    )

    answer = await api.get("/v1/logs/order", params={"lang": "en"})

    page = answer.json()
    assert answer.status_code == 200
    EntryPage.model_validate_json(answer.content, strict=False)
    assert [item["code"] for item in page["items"]] == ["2", "1"]
    assert page["total"] == {"value": 2, "relation": "exact"}
    assert page["next_cursor"] is page["previous_cursor"] is None
    item = page["items"][0]
    assert item["processed_at"] == "2026-11-23T11:00:00.000Z"
    assert item["marketplace"] == "Mercado Livre"
    assert item["reprocess"] is None
    cause = item["causes"][0]
    assert set(cause) == {"code", "message", "field", "title", "guidance", "retry", "group"}
    assert cause["code"] == "ORD-SLA"
    assert cause["title"]


async def test_paging_tells_every_row_once_in_both_directions_under_ties(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    instants = ["2026-11-23T10:00:00.000Z", "2026-11-23T10:00:00.001Z", "2026-11-23T10:00:00.001Z"]
    await seed_entries(
        database, [{"account": account, "code": f"{n:02}", "processed_at": instants[n % 3]} for n in range(23)]
    )
    for sort in ("-processed_at", "processed_at"):
        forward = await walk(api, "/v1/logs/order", limit=5, sort=sort)
        codes = [code for page in forward for code in page]
        assert sorted(codes) == [f"{n:02}" for n in range(23)]
        expected = sorted(codes, key=lambda code: (instants[int(code) % 3], code), reverse=sort.startswith("-"))
        assert codes == expected

        asked: dict[str, Any] = {"limit": 5, "sort": sort}
        while (page := (await api.get("/v1/logs/order", params=asked)).json())["next_cursor"]:
            asked["cursor"] = page["next_cursor"]
        asked["cursor"] = page["previous_cursor"]
        back = await walk(api, "/v1/logs/order", follow="previous_cursor", **asked)
        assert [*reversed(back), forward[-1]] == forward


async def test_a_page_turned_back_turns_forward_again(api: httpx.AsyncClient, database: Database, account: str) -> None:
    await seed_entries(database, [{"account": account, "code": f"{n:02}"} for n in range(9)])
    first = (await api.get("/v1/logs/order", params={"limit": 3})).json()
    second = (await api.get("/v1/logs/order", params={"limit": 3, "cursor": first["next_cursor"]})).json()

    back = (await api.get("/v1/logs/order", params={"limit": 3, "cursor": second["previous_cursor"]})).json()
    again = (await api.get("/v1/logs/order", params={"limit": 3, "cursor": back["next_cursor"]})).json()

    assert back["items"] == first["items"]
    assert again["items"] == second["items"]


async def test_every_filter_narrows(api: httpx.AsyncClient, database: Database, account: str) -> None:
    await seed_entries(
        database,
        [
            {"account": account, "code": "A1", "affiliate": "MLC", "status": "success", "causes": [], "aliases": {}},
            {
                "account": account,
                "code": "A2",
                "affiliate": "AMZ",
                "processed_at": "2026-11-24T00:00:00Z",
                "aliases": {},
            },
            {
                "account": account,
                "code": "B3",
                "affiliate": "MLC",
                "causes": [{"code": "X-1", "message": "Endereço inválido"}, {"message": "Marca P&G, plano A/B"}],
                "aliases": {"vtex": "PED-9"},
            },
        ],
    )

    async def found(**asked: Any) -> set[str]:
        answer = await api.get("/v1/logs/order", params=asked)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert page["total"]["value"] == len(page["items"])
        return {item["code"] for item in page["items"]}

    assert await found(status="error") == {"A2", "B3"}
    assert await found(status=["error", "success"]) == {"A1", "A2", "B3"}
    assert await found(status="", affiliate="", q="", to="") == {"A1", "A2", "B3"}
    assert await found(affiliate="MLC") == {"A1", "B3"}
    assert await found(affiliate=["MLC", "AMZ"], status="success") == {"A1"}
    assert await found(error_code="X-1") == {"B3"}
    assert await found(group=group_of("order", "X-1", "Endereço inválido")) == {"B3"}
    assert await found(q="a") == {"A1", "A2"}
    assert await found(q="ped-9") == {"B3"}
    assert await found(q="INVALIDO endereco") == {"B3"}
    assert await found(q="p&g") == await found(q="a/b") == await found(q="marca P&G") == {"B3"}
    assert await found(q="R&D") == await found(q="g") == set()
    assert await found(**{"from": "2026-11-24T00:00:00Z"}) == {"A2"}
    assert await found(to="2026-11-23T21:00:00-03:00") == {"A1", "B3"}
    assert await found(q=".*") == set()
    assert await found(q="$where") == set()


BAD: list[tuple[dict[str, Any], str]] = [
    ({"limit": 0}, "limit"),
    ({"limit": 501}, "limit"),
    ({"limit": "x"}, "limit"),
    ({"sort": "colour"}, "sort"),
    ({"sort": ["code", "-code"]}, "sort"),
    ({"fields": "code,colour"}, "fields"),
    ({"retry": "perhaps"}, "retry"),
    ({"attempts_min": "0"}, "attempts_min"),
    ({"attempts_min": "many"}, "attempts_min"),
    ({"attempts_min": ["1", "2"]}, "attempts_min"),
    ({"date_axis": "created_at"}, "date_axis"),
    ({"stale_since": "2026-11-23"}, "stale_since"),
    ({"stale_since": "2026-11-23T00:00:00Z", "from": "2026-11-23T00:00:00Z"}, "stale_since"),
    ({"retry": "auto", "status": "success"}, "status"),
    ({"error_code": "X", "status": "processing"}, "status"),
    ({"status": "eror"}, "status"),
    ({"stat": "error"}, "stat"),
    ({"status[$ne]": "error"}, "status[$ne]"),
    ({"affiliate": "M L"}, "affiliate"),
    ({"group": "5F0C1A9BE2D47788"}, "group"),
    ({"from": "2026-11-23T10:00:00"}, "from"),
    ({"from": "2026-11-24T00:00:00Z", "to": "2026-11-23T00:00:00Z"}, "to"),
    ({"q": "a\x00b"}, "q"),
    ({"lang": "fr"}, "lang"),
]


async def test_an_unknown_or_bad_parameter_is_named(api: httpx.AsyncClient) -> None:
    for asked, field in BAD:
        answer = await api.get("/v1/logs/order", params=asked)

        assert answer.status_code == 422, asked
        assert answer.headers["content-type"] == "application/problem+json"
        (error,) = answer.json()["errors"]
        assert error["field"] == field
        assert error["reason"]
        assert set(error) == {"field", "reason", "allowed"}


async def test_a_bad_value_comes_with_the_allowed_ones(api: httpx.AsyncClient) -> None:
    unknown = (await api.get("/v1/logs/order", params={"stat": "error"})).json()["errors"][0]
    status = (await api.get("/v1/logs/order", params={"status": "eror"})).json()["errors"][0]
    kind = (await api.get("/v1/logs/orders")).json()["errors"][0]

    assert {*PARAMETERS, "cursor", "limit", "sort", "fields", "lang"} - {"kind"} == set(unknown["allowed"])
    assert status["allowed"] == ["success", "error", "warning", "processing"]
    assert kind["allowed"] == ["order", "product", "tracking", "price", "stock"]


async def test_a_foreign_or_altered_cursor_is_refused(api: httpx.AsyncClient, database: Database, account: str) -> None:
    await seed_entries(database, [{"account": account, "code": str(n)} for n in range(3)])
    cursor = (await api.get("/v1/logs/order", params={"limit": 1})).json()["next_cursor"]

    for asked in (
        {"cursor": cursor, "status": "error"},
        {"cursor": cursor, "sort": "processed_at"},
        {"cursor": cursor, "sort": "-received_at"},
        {"cursor": cursor, "attempts_min": "1"},
        {"cursor": cursor[:-2]},
        {"cursor": "x"},
        {"cursor": cursor + "A"},
    ):
        answer = await api.get("/v1/logs/order", params=asked)
        assert answer.status_code == 400, asked
        assert answer.json()["title"] == "Bad Request"
    assert (await api.get("/v1/logs/price", params={"cursor": cursor})).status_code == 400


HARD_CODES = [
    "a/b",
    "a%2Fb",
    "1+2",
    "a&b=c",
    "çãé ü",
    'say "x"',
    "it's",
    "a|b|c",
    "a b",
    "100%",
    ".",
    "..",
    "a?b#c",
    "a//b",
    "attempts",
    "a/attempts",
    "%252F",
]


async def test_a_code_is_one_segment_whatever_it_holds(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    for code in HARD_CODES:
        await seed_entry(database, make_event(account=account, code=code))
    for code in HARD_CODES:
        address = f"/v1/logs/order/MLC/{write_segment(code)}"

        entry = await api.get(httpx.URL("http://ponte.test", raw_path=address.encode()))
        history = await api.get(httpx.URL("http://ponte.test", raw_path=f"{address}/attempts".encode()))

        assert entry.json().get("code") == code
        assert len(history.json()["items"]) == 1, code


async def test_an_entry_tells_its_payload_and_an_absent_one_is_404(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    payload = {"$set": {"a.b": 1}, "n": 2**62, "t": "é"}
    await seed_entry(database, make_event(account=account, payload=payload, sequence=4, reprocess_id="r1"))

    answer = await api.get("/v1/logs/order/MLC/2000004567")

    EntryAnswer.model_validate_json(answer.content, strict=False)
    assert answer.json()["payload"] == payload
    assert answer.json()["sequence"] == 4
    assert answer.json()["reprocess_id"] == "r1"
    assert answer.json()["received_at"] == "2026-11-23T10:11:13.000Z"
    absent = await api.get("/v1/logs/order/MLC/absent")
    assert (absent.status_code, absent.json()["title"]) == (404, "Not Found")


async def test_the_history_is_told_newest_first_a_page_at_a_time(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    events = [
        make_event(account=account, id=f"e{n}", sequence=n, processed_at="2026-11-23T10:00:00.123Z") for n in range(7)
    ]
    await seed_entry(database, *events)
    await seed_entry(database, make_event(account=account, code="20000045678"))
    address = "/v1/logs/order/MLC/2000004567/attempts"
    pages = [await api.get(address, params={"limit": 3})]
    while "next" in pages[-1].links:
        pages.append(await api.get(pages[-1].links["next"]["url"]))
    back = [pages[-1]]
    while "prev" in back[-1].links:
        back.append(await api.get(back[-1].links["prev"]["url"]))

    for answer in (*pages, *back):
        AttemptPageAnswer.model_validate_json(answer.content, strict=False)
    told = [[item["event_id"] for item in answer.json()["items"]] for answer in pages]
    assert told == [["e6", "e5", "e4"], ["e3", "e2", "e1"], ["e0"]]
    assert [answer.json()["items"] for answer in back] == [answer.json()["items"] for answer in reversed(pages)]
    assert (await api.get("/v1/logs/order/MLC/absent/attempts")).status_code == 404


async def test_the_total_is_exact_up_to_ten_thousand(api: httpx.AsyncClient, database: Database, account: str) -> None:
    await seed_entries(database, ({"account": account, "code": str(n)} for n in range(10_000)))
    assert await _total(api) == {"value": 10_000, "relation": "exact"}
    await seed_entries(database, [{"account": account, "code": "one more"}])

    many = {"value": 10_000, "relation": "at_least"}
    await eventually_async(lambda: _total(api), many.__eq__)  # a second later at most


async def _total(api: httpx.AsyncClient) -> dict[str, object]:
    total: dict[str, object] = (await api.get("/v1/logs/order", params={"limit": 1})).json()["total"]
    return total
