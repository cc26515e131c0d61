import re
from datetime import UTC, datetime
from html import unescape

import pytest

from services.query.entrypoints.pages.language import words_of
from services.query.entrypoints.pages.letters import as_text
from shared.contracts.catalogue import LANGUAGES, Language
from shared.contracts.letter_classes import ERROR_CLASSES, UNKNOWN
from tests.support.fakes.query import FakeAudit, FakeLetters
from tests.support.letters import make_letter
from tests.support.panel_over_fakes import FROM_PANEL, services, visitor


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_class_says_what_it_means_and_what_to_do(language: Language) -> None:
    t = words_of(language)
    for name in set(ERROR_CLASSES) - {UNKNOWN}:
        assert t.has(f"letters.class.{name}"), name
        assert t.has(f"letters.class.{name}.what"), name
    for reason in ("not_open", "not_replayable", "cut", "not_found"):
        assert t.has(f"skip.{reason}")


def test_what_cannot_be_seen_is_written_out() -> None:
    assert as_text(b"a\x00\xff\tb\n\xe2\x80\xae") == "a\\u0000\\xff\tb\n\\u202e"
    assert as_text(None) == ""


async def test_who_may_only_read_sees_the_letters_and_may_not_send_them_back() -> None:
    letter = make_letter(error_class="Anew", value=None)
    async with await visitor(services(letters=FakeLetters([letter])), "read") as client:
        page = await client.get("/dead-letters")
        one = await client.get(f"/dead-letters/{letter['_id']}")
        forbidden = [
            await client.post("/dead-letters/replay", data=form, headers=FROM_PANEL)
            for form in ({"item": letter["_id"]}, {"all": "1"})
        ]
        absent = await client.get("/dead-letters/absent")
    assert (page.status_code, one.status_code, absent.status_code) == (200, 200, 404)
    assert "Anew" in page.text
    assert "A mensagem veio sem conteúdo" in one.text
    assert "Reenviar" not in page.text + one.text
    assert {answer.status_code for answer in forbidden} == {403}


async def test_a_letter_says_until_when_it_stays_as_it_was_kept_and_not_as_is_usual() -> None:
    letter = {**make_letter(), "expires_at": datetime(2061, 3, 9, 12, tzinfo=UTC)}
    async with await visitor(services(letters=FakeLetters([letter])), "read") as client:
        page = await client.get("/dead-letters")
        one = await client.get(f"/dead-letters/{letter['_id']}")
    assert "09/03/2061 09:00:00" in one.text
    assert "30 dias" not in page.text


async def test_the_count_of_a_reason_leads_to_as_many_letters() -> None:
    kept = [make_letter(offset=1), make_letter(offset=2), make_letter(offset=3, state="replayed")]
    async with await visitor(services(letters=FakeLetters(kept)), "read") as client:
        page = await client.get("/dead-letters?topic=integration.events.price&state=replayed")
        link = re.search(r'href="([^"]*)" ><span>.*?</span> <strong>(\d+)</strong>', page.text)
        assert link is not None
        listed = await client.get(unescape(link[1]))
    assert link[2] == "2"
    assert f"Total: {link[2]}<" in listed.text


async def test_only_open_letters_are_offered_to_be_sent_back() -> None:
    made = services(letters=FakeLetters([make_letter(offset=1), make_letter(offset=2)]))
    async with await visitor(made, "read", "reprocess") as client:
        every, opened, sent = [
            await client.get(f"/dead-letters{query}") for query in ("", "?state=open", "?state=replayed")
        ]
        by_hand = await client.get("/dead-letters/replay?state=replayed")
        confirmed = await client.get("/dead-letters/replay?state=open")
    assert [
        ("/dead-letters/replay?" in page.text or '/dead-letters/replay"' in page.text) for page in (every, opened)
    ] == [True, True]
    assert "/dead-letters/replay?" not in sent.text
    assert (by_hand.status_code, by_hand.headers["Location"]) == (303, "/dead-letters?state=replayed")
    assert 'name="id"' in confirmed.text


async def test_a_period_is_read_in_the_zone_that_the_form_showed_and_keeps_its_seconds() -> None:
    async with await visitor(services(letters=FakeLetters()), "read") as client:
        page = await client.get("/dead-letters?to=2026-11-23T12:00:59Z")
        client.cookies.set("ponte_zone", "America/Mexico_City")
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text))
        sent = await client.get(
            "/dead-letters", params={**hidden, "from": "2026-11-23T09:00", "to": "2026-11-23T09:00"}
        )
    assert hidden["zone"] == "America/Sao_Paulo"
    assert sent.headers["Location"] == "/dead-letters?from=2026-11-23T12%3A00%3A00.000Z&to=2026-11-23T12%3A00%3A59.000Z"


async def test_a_form_without_letters_is_answered_in_words() -> None:
    made = services(letters=FakeLetters())
    async with await visitor(made, "read", "reprocess") as client:
        sent = {"back": "/dead-letters?state=open&cursor=x"}
        empty = await client.post("/dead-letters/replay", data=sent, headers=FROM_PANEL)
        told = await client.get("/dead-letters?state=open&done=none_chosen")
        untidy = await client.get("/dead-letters?state=&topic=integration.events.order")
    assert (empty.status_code, untidy.status_code) == (303, 303)
    assert empty.headers["location"] == "/dead-letters?state=open&cursor=x&done=none_chosen"
    assert "Escolha ao menos uma mensagem aberta" in told.text
    assert '<option value="open" selected>' in told.text
    assert untidy.headers["location"] == "/dead-letters?topic=integration.events.order"


async def test_why_a_letter_was_refused_is_told_in_the_language_of_the_reader() -> None:
    letter = make_letter(offset=1) | {"error_message": "code: is missing"}
    async with await visitor(services(letters=FakeLetters([letter])), "read") as client:
        for language, words in (("pt", "code: falta"), ("en", "code: is missing")):
            for path in ("/dead-letters", f"/dead-letters/{letter['_id']}"):
                page = await client.get(path, headers={"Accept-Language": language})
                assert words in page.text, path


async def test_the_original_is_offered_to_an_admin_only_who_says_why() -> None:
    person, audit = b'{"buyer": {"name": "Ana Silva"}}', FakeAudit()
    letter, binary = make_letter(offset=1, value=person), make_letter(offset=2, value=b"\xff Ana")
    address = f"/dead-letters/{letter['_id']}"
    letters = FakeLetters([letter, binary])
    async with await visitor(services(letters=letters, audit=audit), "read", "reprocess") as client:
        shown = await client.get(address)
        withheld = await client.get(f"/dead-letters/{binary['_id']}")
        forbidden = await client.post(f"{address}/raw", data={"reason": "x"}, headers=FROM_PANEL)
    async with await visitor(services(letters=letters, audit=audit), "read", "admin") as client:
        offered = await client.get(address)
        silent = await client.post(f"{address}/raw", data={"reason": " "}, headers=FROM_PANEL)
        forged = await client.post(f"{address}/raw", data={"reason": "x"}, headers={"Origin": "https://evil.example"})
        before = [line for line in audit.lines if line.action != "session.opened"]
        file = await client.post(f"{address}/raw", data={"reason": "chamado 7"}, headers=FROM_PANEL)
    assert "A*** S***" in shown.text
    assert "Baixar o original" not in shown.text + withheld.text
    assert "não há como mascarar" in withheld.text
    assert "Ana" not in shown.text + withheld.text
    assert (forbidden.status_code, silent.status_code, forged.status_code, before) == (403, 422, 403, [])
    assert "diga, em 1 a 500 caracteres" in silent.text
    assert f'action="/dead-letters/{letter["_id"].replace(":", "%3A")}/raw"' in offered.text
    assert file.content == person
    (line,) = [line for line in audit.lines if line.action != "session.opened"]
    revealed = ("dead_letter.revealed", letter["_id"], "chamado 7", True)
    assert (line.action, line.target, line.reason, line.by_session) == revealed
