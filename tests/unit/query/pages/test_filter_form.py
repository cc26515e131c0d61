from tests.support.builders import make_event
from tests.support.fakes.query import FakeLog
from tests.support.seed import entry_document
from tests.unit.query.pages.test_pages_over_fakes import services, visitor

EVERYTHING = (
    "retry=fix&reprocess_id=job-1&attempts_min=2&date_axis=received_at&from=2026-11-20T10:00:00Z"
    "&stale_since=2026-11-24T10:00:00Z&error_code=ORD-SLA&sort=-attempts"
)


async def test_the_form_shows_what_the_address_says_and_keeps_what_it_has_no_field_for() -> None:
    log = FakeLog([entry_document([make_event()], attempts=2, reprocess={"id": "job-1", "state": "answered"})])
    async with await visitor(services(log=log), "read") as client:
        for language, words in {
            "pt": ("2 ou mais tentativas", "pela data de chegada", "sem processamento desde"),
            "en": ("2 or more attempts", "by date of arrival", "not processed since"),
            "es": ("2 o más intentos", "por fecha de llegada", "sin procesar desde"),
        }.items():
            page = await client.get(f"/logs/order?{EVERYTHING}", headers={"Accept-Language": language})
            assert page.status_code == 200
            for word in words:
                assert word in page.text, word
    for shown in (
        'name="attempts_min" min="1" step="1" inputmode="numeric" value="2"',
        '<option value="received_at" selected>',
        '<input type="hidden" name="retry" value="fix">',
        '<input type="hidden" name="reprocess_id" value="job-1">',
        '<input type="hidden" name="stale_since" value="2026-11-24T10:00:00.000Z">',
        '<input type="hidden" name="sort" value="-attempts">',
        "2000004567",
    ):
        assert shown in page.text, shown


async def test_what_the_form_sends_becomes_an_address_without_what_says_nothing() -> None:
    async with await visitor(services(), "read") as client:
        tidied = await client.get("/logs/order?q=&date_axis=processed_at&from=&to=&error_code=&attempts_min=")
        asked = await client.get("/logs/order?q=&date_axis=received_at&from=2026-11-23T10:00&to=&attempts_min=3")
    assert tidied.headers["location"] == "/logs/order"
    assert asked.headers["location"] == (
        "/logs/order?from=2026-11-23T13%3A00%3A00.000Z&date_axis=received_at&attempts_min=3"
    )


async def test_a_filter_is_told_in_words_before_all_its_rows_are_tried_again() -> None:
    async with await visitor(services(), "read", "reprocess") as client:
        page = await client.get(f"/logs/order/reprocess?{EVERYTHING}", headers={"Accept-Language": "en"})
    assert page.status_code == 200
    for word in ("Attempts, at least", "Does reprocessing help?", "Not processed since", "job-1", "of arrival"):
        assert word in page.text, word
