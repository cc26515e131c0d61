import pytest

from tests.support.panel_over_fakes import program, services

ENTRY = "/v1/logs/order/MLC/2000004567"


@pytest.mark.parametrize(
    "path", ["/v1/errors", "/v1/logs/order", ENTRY, f"{ENTRY}/attempts", f"{ENTRY}/diff", "/v1/summary"]
)
async def test_an_answer_with_texts_for_people_says_which_language_they_are_in(path: str) -> None:
    async with await program(services(), "read") as client:
        answers = [
            await client.get(path, params=asked, headers={"Accept-Language": liked})
            for asked, liked in (({"lang": "en"}, "es"), ({}, "es-AR,en;q=0.5"), ({}, "de"))
        ]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert [answer.headers["content-language"] for answer in answers] == ["en", "es", "pt"]
