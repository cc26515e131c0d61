"""What was said of an object is said again of the same object, and of no other."""

import gc
import weakref
from dataclasses import dataclass

from services.query.core.remembering import by_identity


@dataclass(eq=True)
class Row:
    """Equal to another of the same name, and so without a hash, as entries are."""

    name: str


class Teller:
    """A function that counts how often it was asked."""

    def __init__(self, most: int) -> None:
        self.asked: list[tuple[str, str]] = []
        self.tell = by_identity(most)(self._tell)

    def _tell(self, row: Row, language: str) -> str:
        self.asked.append((row.name, language))
        return f"{row.name} in {language}"


def test_the_same_object_is_asked_about_once() -> None:
    teller, row = Teller(10), Row("a")
    assert [teller.tell(row, "pt") for _ in range(3)] == ["a in pt"] * 3
    assert teller.asked == [("a", "pt")]


def test_another_object_and_another_question_are_asked_anew_however_alike() -> None:
    teller, row, twin = Teller(10), Row("a"), Row("a")
    assert row == twin
    assert [teller.tell(row, "pt"), teller.tell(twin, "pt"), teller.tell(row, "en")] == [
        "a in pt",
        "a in pt",
        "a in en",
    ]
    assert len(teller.asked) == 3


def test_what_was_asked_about_longest_ago_is_forgotten_first() -> None:
    teller, rows = Teller(2), [Row(name) for name in "abc"]
    for row in (rows[0], rows[1], rows[0], rows[2]):  # the last pushes b out: a was asked about since
        teller.tell(row, "pt")
    teller.tell(rows[0], "pt")
    teller.tell(rows[1], "pt")
    assert [name for name, _ in teller.asked] == ["a", "b", "c", "b"]


def test_an_object_lives_as_long_as_its_answer_so_that_no_other_is_taken_for_it() -> None:
    teller, row = Teller(1), Row("a")
    seen = weakref.ref(row)
    teller.tell(row, "pt")
    del row
    gc.collect()
    assert seen() is not None
    teller.tell(Row("b"), "pt")
    gc.collect()
    assert seen() is None
