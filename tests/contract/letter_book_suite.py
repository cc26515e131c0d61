"""What every LetterBook promises ingest. Subclass it with a fixture `book` and one `kept`."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from services.ingest.core.replay import Walk
from services.ingest.handlers.ports import LetterBook, Replayed
from shared.contracts.dead_letters import LetterFilter
from tests.support.builders import RECEIVED_AT
from tests.support.letters import make_letter

Kept = Callable[[], Awaitable[dict[str, dict[str, Any]]]]
OPEN = LetterFilter(state=("open",))
MARK = Replayed(RECEIVED_AT, "Ana", "job-1")


async def offsets(book: LetterBook, walk: Walk, limit: int = 50, max_bytes: int = 10**6) -> list[int]:
    return [letter.original.offset for letter in await book.next_open(walk, limit=limit, max_bytes=max_bytes)]


class LetterBookSuite:
    async def test_a_letter_that_comes_twice_is_kept_once_and_stays_as_it_is(
        self, book: LetterBook, kept: Kept
    ) -> None:
        letter = make_letter(offset=1)
        assert await book.keep([letter]) == 1
        await book.mark_replayed("loja", [letter["_id"]], MARK)

        assert await book.keep([make_letter(offset=1, at=9, seconds=5), make_letter(offset=2)]) == 1

        found = await kept()
        assert len(found) == 2
        assert (found[letter["_id"]]["state"], found[letter["_id"]]["replay"]["by"]) == ("replayed", "Ana")
        assert await book.keep([]) == 0

    async def test_a_survey_counts_all_letters_and_tells_since_when_the_first_to_go_is_here(
        self, book: LetterBook
    ) -> None:
        assert await book.survey() == (0, None)
        later, first = make_letter(offset=1, seconds=1), make_letter(offset=2, seconds=2, account="vizinha")
        later["expires_at"] += timedelta(hours=1)
        await book.keep([later, first])
        assert await book.survey() == (2, first["received_at"])

    async def test_other_content_at_the_same_address_is_another_letter(self, book: LetterBook) -> None:
        assert await book.keep([make_letter(offset=1, value=b"a"), make_letter(offset=1, value=b"b")]) == 2

    async def test_a_letter_that_came_back_is_linked_within_its_account_only(
        self, book: LetterBook, kept: Kept
    ) -> None:
        first = make_letter(offset=1)
        await book.keep([first])
        mark = (("replayed-letter", first["_id"].encode()),)

        await book.keep([make_letter(offset=8, headers=mark, account="vizinha")])
        assert "came_back_as" not in (await kept())[first["_id"]]
        again = make_letter(offset=9, headers=mark)
        await book.keep([again])

        assert (await kept())[first["_id"]]["came_back_as"] == again["_id"]
        assert (await kept())[again["_id"]]["previous"] == first["_id"]

    async def test_a_walk_passes_the_open_letters_of_its_filter_once_oldest_first(self, book: LetterBook) -> None:
        await book.keep([make_letter(offset=number, seconds=10 - number // 2) for number in range(10)])
        await book.keep([make_letter(offset=90, account="vizinha"), make_letter(offset=91, error_class="NotUtf8")])
        walk = Walk("loja", None, LetterFilter(state=("open",), error_class=("InvalidJson",)))
        assert await book.count_open(walk) == 10

        passed: list[int] = []
        while letters := await book.next_open(walk, limit=3, max_bytes=10**6):
            passed += [letter.original.offset for letter in letters]
            walk = Walk("loja", None, walk.rows, letters[-1].id, letters[-1].received_at)

        assert sorted(passed) == list(range(10))
        assert [offset // 2 for offset in passed] == [4, 4, 3, 3, 2, 2, 1, 1, 0, 0]
        assert await offsets(book, Walk("loja", None, OPEN), max_bytes=2) == [91, *passed[:1]]

    async def test_named_letters_are_walked_in_the_order_of_their_ids(self, book: LetterBook) -> None:
        letters = [make_letter(offset=number) for number in range(4)]
        foreign = make_letter(offset=5, account="vizinha")
        await book.keep([*letters, foreign])
        await book.mark_replayed("loja", [letters[0]["_id"]], MARK)
        ids = sorted([*(letter["_id"] for letter in letters[:3]), foreign["_id"], "absent:0:0:x"])

        assert await offsets(book, Walk("loja", ids, OPEN)) == [1, 2]
        assert await offsets(book, Walk("loja", ids, OPEN, last_id=letters[1]["_id"])) == [2]
        assert await book.count_open(Walk("loja", ids, OPEN)) == 2

    async def test_a_mark_touches_only_open_letters_of_its_account(self, book: LetterBook, kept: Kept) -> None:
        mine, foreign = make_letter(offset=1), make_letter(offset=2, account="vizinha")
        await book.keep([mine, foreign])

        await book.mark_replayed("loja", [mine["_id"], foreign["_id"]], MARK)
        await book.mark_replayed("loja", [mine["_id"]], Replayed(RECEIVED_AT, "Bia", "job-2"))

        found = await kept()
        assert (found[mine["_id"]]["replay"]["by"], found[foreign["_id"]]["state"]) == ("Ana", "open")

    async def test_what_a_job_has_marked_is_counted_within_its_walk_only(self, book: LetterBook) -> None:
        letters = [make_letter(offset=number, seconds=number) for number in range(6)]
        other = make_letter(offset=7, error_class="NotUtf8")
        await book.keep([*letters, other])
        await book.mark_replayed("loja", [other["_id"], *(letter["_id"] for letter in letters[:3])], MARK)
        await book.mark_replayed("loja", [letters[3]["_id"]], Replayed(RECEIVED_AT, "Bia", "job-2"))
        of_class = LetterFilter(state=("open",), error_class=("InvalidJson",))
        named = sorted(letter["_id"] for letter in letters[2:])

        assert await book.count_replayed(Walk("loja", None, OPEN), "job-1") == 4
        assert await book.count_replayed(Walk("loja", None, of_class), "job-1") == 3
        assert await book.count_replayed(Walk("loja", named, OPEN), "job-1") == 1
        assert await book.count_replayed(Walk("vizinha", None, OPEN), "job-1") == 0
