"""The panel's pages of reports that come back, over fakes: the exporter's part is played by `done`."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.query.entrypoints.dependencies import Services
from shared.contracts.imports import ImportRow
from shared.contracts.names import KIB
from tests.support.builders import RECEIVED_AT
from tests.support.eventually import eventually_async
from tests.support.panel_over_fakes import FROM_PANEL, SETTINGS, services, visitor

REPORT = b"Tipo,C\xc3\xb3digo,Afiliado\r\nPedido,1,MLC\r\n"
ROWS = [
    ImportRow(number=1, sheet="Itens", row=2, kind="order", affiliate="MLC", code="1", state="eligible"),
    ImportRow(number=2, sheet="Itens", row=3, kind="price", affiliate="MLC", code="<b>2</b>", state="eligible"),
    ImportRow(number=3, sheet="Itens", row=4, kind="order", affiliate="MLC", code="3", state="not_failed"),
    ImportRow(number=4, sheet="Itens", row=5, kind="?", affiliate="MLC", code="4", state="unreadable", fault="kind"),
]


async def bring_back(client: httpx.AsyncClient, content: bytes = REPORT, name: str = "editado.csv") -> httpx.Response:
    return await client.post("/imports", files={"file": (name, content)}, headers=FROM_PANEL)


async def done(made: Services, rows: list[ImportRow] = ROWS, **progress: Any) -> str:
    """Return the path of an import that the exporter has read."""
    command = {"account": "loja", "id": "i1", "operation": "import", "file_name": "editado.xlsx", "requested_by": "Ana"}
    await made.imports.insert(command, now=RECEIVED_AT)
    states = [row.state for row in rows]
    eligible = [row.kind for row in rows if row.state == "eligible"]
    told = {
        "file_id": "preview",
        "rows": len(rows),
        "counts": {state: states.count(state) for state in states},
        "eligible": {kind: eligible.count(kind) for kind in eligible},
        **progress,
    }
    made.imports.jobs["loja|i1"].update(state="done", progress=told)  # type: ignore[attr-defined]  # the fake's
    made.returned.previews["preview"] = rows  # type: ignore[attr-defined]
    return "/imports/i1"


async def test_a_file_is_taken_in_and_its_page_waits_for_the_preview() -> None:
    made = services()
    async with await visitor(made, "read", "reprocess") as client:
        sent = await bring_back(client)
        page = await client.get(sent.headers["location"])

    (job,) = await made.imports.list_jobs("loja", limit=9)
    assert (sent.status_code, sent.headers["location"]) == (303, f"/imports/{job['id']}")
    assert (job["command"]["file_name"], job["command"]["bytes"]) == ("editado.csv", len(REPORT))
    assert made.returned.files[f"loja|{job['id']}|upload"] == REPORT  # type: ignore[attr-defined]
    assert "editado.csv" in page.text
    assert f'data-poll="/imports/{job["id"]}"' in page.text
    assert [command.operation for command in made.commands.published] == ["import"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("files", "told"),
    [({}, "Escolha um arquivo primeiro."), ({"file": ("vazio.csv", b"")}, "O arquivo está vazio. Escolha outro.")],
)
async def test_a_form_without_a_file_comes_back_and_says_so(files: dict[str, Any], told: str) -> None:
    made = services()
    async with await visitor(made, "read", "reprocess") as client:
        page = await client.post("/imports", files=files, headers=FROM_PANEL)

    assert page.status_code == 422
    assert told in page.text
    assert await made.imports.list_jobs("loja", limit=9) == []


async def test_who_sends_while_others_fill_all_the_room_reads_a_page_and_may_send_again() -> None:
    made = services(settings=SETTINGS.model_copy(update={"query_max_import_bytes": 1024}))
    headers = {**FROM_PANEL, "Content-Type": "multipart/form-data; boundary=b", "Accept": "text/html"}
    may_go, waiting = asyncio.Event(), []

    async def slowly() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + b"x" * 64 * KIB
        waiting.append(1)
        await may_go.wait()

    async def is_waiting() -> int:
        return len(waiting)

    async with await visitor(made, "read", "reprocess") as client:
        slow = [asyncio.create_task(client.post("/imports", content=slowly(), headers=headers)) for _ in range(2)]
        await eventually_async(is_waiting, lambda seen: seen == 2)
        refused = await client.post("/imports", content=b"x" * 4096, headers=headers)
        may_go.set()
        ended = await asyncio.gather(*slow)
        sent = await bring_back(client)

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert "Espere um pouco e tente de novo." in refused.text
    assert {answer.status_code for answer in ended} & {429, 500} == set()
    assert sent.status_code == 303


async def test_a_form_that_is_none_is_refused() -> None:
    async with await visitor(services(), "read", "reprocess") as client:
        headers = {**FROM_PANEL, "Content-Type": "multipart/form-data"}
        assert (await client.post("/imports", content=b"x", headers=headers)).status_code == 400


async def test_a_preview_shows_each_row_and_a_button_for_each_kind() -> None:
    made = services()
    address = await done(made, hidden=2, unmarked=1)
    async with await visitor(made, "read", "reprocess") as client:
        page = (await client.get(address)).text

    for told in (
        "Reprocessar 1 linha de Pedidos",
        "Reprocessar 1 linha de Preço",
        "&lt;b&gt;2&lt;/b&gt;",
        "não está com erro",
        "não pode ser lida: o tipo não é nenhum dos cinco",
        "2 linhas estão ocultas",
        "1 linha não tem marca",
        'href="/logs/order/MLC/1"',
    ):
        assert told in page, told
    assert "data-poll" not in page


async def test_a_module_is_given_the_part_that_grows() -> None:
    made = services()
    address = await done(made)
    async with await visitor(made, "read", "reprocess") as client:
        part = (await client.get(address, headers={"X-Ponte-Fragment": "1"})).text

    assert 'id="import"' in part
    assert "<html" not in part


async def test_one_press_sends_the_rows_of_one_kind_once() -> None:
    made = services()
    address = await done(made)
    form = {"kind": "order", "id.order": "r1", "id.price": "r2", "reason": "o estoque voltou", "max_per_second": "5"}
    async with await visitor(made, "read", "reprocess") as client:
        answers = [await client.post(f"{address}/reprocess", data=form, headers=FROM_PANEL) for _ in range(2)]

    assert [answer.headers["location"] for answer in answers] == ["/reprocess/r1"] * 2
    (job,) = await made.reprocesses.list_jobs("loja", limit=9)
    command = job["command"]
    assert (command["kind"], command["items"]) == ("order", [{"affiliate": "MLC", "code": "1"}])
    assert (command["reason"], command["max_per_second"], command["requested_by"]) == ("o estoque voltou", 5, "Ana")


async def test_what_was_typed_stays_and_nothing_is_sent_where_it_cannot_be() -> None:
    made = services()
    address = await done(made)
    form = {"kind": "order", "reason": "o estoque voltou", "max_per_second": "soon"}
    async with await visitor(made, "read", "reprocess") as client:
        page = await client.post(f"{address}/reprocess", data=form, headers=FROM_PANEL)

    assert page.status_code == 422
    assert "o estoque voltou" in page.text
    assert 'aria-invalid="true"' in page.text
    assert await made.reprocesses.list_jobs("loja", limit=9) == []


async def test_a_file_of_which_nothing_can_be_sent_has_no_button() -> None:
    made = services()
    address = await done(made, ROWS[2:])
    async with await visitor(made, "read", "reprocess") as client:
        page = await client.get(address)
        forced = await client.post(f"{address}/reprocess", data={"kind": "order"}, headers=FROM_PANEL)

    assert "Nenhuma destas linhas pode ser reprocessada agora." in page.text
    assert 'name="kind"' not in page.text
    assert forced.status_code == 409


async def test_a_file_that_could_not_be_read_says_why_in_the_readers_language() -> None:
    made = services()
    address = await done(made)
    error = "the workbook is damaged: File is not a zip file"
    made.imports.jobs["loja|i1"].update(state="failed", error=error)  # type: ignore[attr-defined]
    async with await visitor(made, "read", "reprocess") as client:
        pages = [(await client.get(one)).text for one in (address, "/imports")]

    for page in pages:
        assert "a planilha está danificada: File is not a zip file" in page


async def test_a_preview_that_goes_while_it_is_read_is_gone_and_not_empty() -> None:
    made = services()
    address = await done(made)

    async def expired(*_: Any, **__: Any) -> list[ImportRow]:
        made.imports.jobs["loja|i1"]["state"] = "expired"  # type: ignore[attr-defined]
        return []

    made.returned.list_rows = expired  # type: ignore[method-assign]
    async with await visitor(made, "read", "reprocess") as client:
        assert (await client.get(address)).status_code == 404


async def test_rows_are_leafed_through_both_ways() -> None:
    made = services()
    rows = [
        ImportRow(number=n, sheet="", row=n, kind="order", affiliate="MLC", code=f"c{n:03}", state="not_found")
        for n in range(1, 121)
    ]
    address = await done(made, rows)
    async with await visitor(made, "read", "reprocess") as client:
        pages = [(await client.get(address)).text]
        for relation in ("next", "next", "prev"):
            link = pages[-1].split(f'rel="{relation}" href="', 1)[1].partition('"')[0]
            pages.append((await client.get(link.replace("&amp;", "&"))).text)

    assert [("c001" in page, "c051" in page, "c120" in page) for page in pages] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
        (False, True, False),
    ]


async def test_only_who_may_reprocess_sees_the_form_and_the_pages() -> None:
    made = services()
    address = await done(made)
    async with await visitor(made, "read", "export") as client:
        exports = await client.get("/exports")
        refused = [(await client.get(one)).status_code for one in (address, "/imports")]
        sent = await bring_back(client)
    async with await visitor(services(), "read", "export", "reprocess") as client:
        offered = await client.get("/exports")

    assert 'type="file"' not in exports.text
    assert (refused, sent.status_code) == ([403, 403], 403)
    assert 'type="file"' in offered.text
