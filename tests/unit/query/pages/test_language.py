import re
import string
from datetime import UTC, datetime
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from services.query.entrypoints.pages.language import LOCALES, choose_zone, language_of, words_of
from services.query.entrypoints.pages.screen import TEMPLATES
from shared.contracts.catalogue import LANGUAGES, RETRY_ADVICE, Language
from shared.contracts.commands import JOB_STATES
from shared.contracts.events import STATUSES
from shared.contracts.imports import ROW_STATES, RowFault
from shared.contracts.names import KINDS

NOON = datetime(2026, 11, 23, 15, 4, 5, tzinfo=UTC)
ASKED = re.compile(r"""\bt\(\s*["']([\w.]+)["']\s*[,)]""")
QUOTED = re.compile(r"""["']([a-z_]+\.[\w.]*)""")
BUILT = "problem."


def names_in(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_the_three_languages_have_the_same_texts_with_the_same_places_to_fill_in() -> None:
    portuguese = words_of("pt").texts
    for language in LANGUAGES:
        texts = words_of(language).texts
        assert set(texts) == set(portuguese)
        assert {key: names_in(text) for key, text in texts.items()} == {
            key: names_in(text) for key, text in portuguese.items()
        }
        assert all(text.strip() for text in texts.values())


def test_every_text_that_a_page_asks_for_exists_and_none_is_left_over() -> None:
    sources = [*TEMPLATES.rglob("*.html"), *(LOCALES.parents[1] / "entrypoints" / "pages").glob("*.py")]
    written = "\n".join(path.read_text() for path in sources)
    known, quoted = set(words_of("pt").texts), set(QUOTED.findall(written))
    quoted |= {f"{key}.{form}" for key in quoted for form in ("zero", "one", "other", "at_least")}
    built = (*(key for key in quoted if key.endswith(".")), BUILT)
    assert {key for key in ASKED.findall(written) if key not in known} == set()
    assert {key for key in known - quoted if not key.startswith(built)} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_thing_is_told_in_the_singular(language: Language) -> None:
    t = words_of(language)
    counted = [key.removesuffix(".one") for key in t.texts if key.endswith(".one")]
    assert counted
    assert {key for key in counted if not t.has(f"{key}.other")} == set()
    one, two = (t.counted("exports.rows_of", count, done="0") for count in (1, 2))
    assert one != two
    assert "2" in two
    assert t.counted("reprocess.matched", 1) != t.counted("reprocess.matched", 0) == t.counted("reprocess.matched", 5)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_status_state_and_advice_has_its_words(language: Language) -> None:
    t = words_of(language)
    for key in (
        *(f"{part}.{kind}" for kind in KINDS for part in ("tab", "item", "column.code", "search.placeholder")),
        *(f"{part}.{status}" for status in STATUSES for part in ("status", "strip")),
        *(f"job.{state}" for state in JOB_STATES),
        *(f"retry.{advice}{long}" for advice in RETRY_ADVICE for long in ("", ".long")),
        *(f"skip.{reason}" for reason in ROW_STATES if reason != "eligible"),
        *(f"imports.fault.{fault}" for fault in get_args(RowFault)),
        *(
            f"problem.{status}{what}"
            for status in (400, 403, 404, 405, 409, 413, 422, 429, 500, 503)
            for what in ("", ".what")
        ),
    ):
        assert t.has(key), key


@pytest.mark.parametrize(
    ("language", "number", "text"), [("pt", 4312, "4.312"), ("en", 1234567, "1,234,567"), ("es", 10000, "10.000")]
)
def test_numbers_are_written_as_their_readers_do(language: Language, number: int, text: str) -> None:
    assert words_of(language).number(number) == text


def test_instants_are_written_in_the_readers_zone_with_seconds_and_the_zone_by_name() -> None:
    zone = ZoneInfo("America/Sao_Paulo")
    assert words_of("pt").instant(NOON, zone) == "23/11/2026 12:04:05"
    assert words_of("en").instant(NOON, zone) == "23 Nov 2026 12:04:05"
    assert (
        words_of("es").instant_with_zone(NOON, ZoneInfo("Asia/Kolkata"))
        == "23/11/2026 20:34:05 (Asia/Kolkata, UTC+05:30)"
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_unset_date_is_shown_though_its_zone_has_no_such_day(language: Language) -> None:
    first = datetime(1, 1, 1, tzinfo=UTC)
    words, zone = words_of(language), ZoneInfo("America/Sao_Paulo")

    assert words.instant(first, zone).endswith("00:00:00")
    assert words.clock(first, zone) == "00:00:00"
    assert words.instant_with_zone(first, zone).endswith("UTC+00:00)")


def test_a_count_chooses_its_form() -> None:
    t = words_of("pt")
    assert t.counted("reprocess.confirm.count", 0).startswith("Nenhum item")
    assert t.counted("reprocess.confirm.count", 1).startswith("1 item ")
    assert t.counted("reprocess.confirm.count", 4312).startswith("4.312 itens")


@pytest.mark.parametrize(
    ("cookie", "header", "language"),
    [
        ("es", "en", "es"),
        (None, "en-GB,en;q=0.9,pt;q=0.8", "en"),
        ("xx", "es-AR", "es"),
        (None, None, "pt"),
        (None, "de", "pt"),
    ],
)
def test_the_chosen_language_wins_over_the_browsers_which_wins_over_portuguese(
    cookie: str | None, header: str | None, language: Language
) -> None:
    assert language_of(cookie, header) == language


@pytest.mark.parametrize(
    "nonsense", [None, "", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "\x00", "America"]
)
def test_a_zone_that_does_not_exist_is_sao_paulo(nonsense: str | None) -> None:
    assert choose_zone(nonsense).key == "America/Sao_Paulo"


def test_the_browsers_zone_is_taken_when_it_exists() -> None:
    assert choose_zone("Asia/Tokyo").key == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("language", "told"), [("pt", ["2,5", "1.440", "0"]), ("en", ["2.5", "1,440", "0"]), ("es", ["2,5", "1.440", "0"])]
)
def test_a_number_that_is_not_whole_keeps_a_decimal(language: Language, told: list[str]) -> None:
    assert [words_of(language).decimal(value) for value in (2.5, 1440.0, 0)] == told
