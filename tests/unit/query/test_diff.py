from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.query.core.diff import MAX_CHANGES, Change, Side, changes_between, is_same
from shared.contracts.masking import mask_content

scalars = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(-2, 2), st.text("ab/~", max_size=3))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text("ab/~0", max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


def plain(value: Any) -> Side:
    return Side(value, value)


def masked(value: Any) -> Side:
    return Side(value, mask_content(value))


def changes(before: Any, after: Any) -> list[tuple[str, str, Any, Any]]:
    found = changes_between(plain(before), plain(after))
    return [(change.path, change.kind, change.before, change.after) for change in found.items]


def parts_of(path: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def apply(value: Any, change: Change) -> Any:
    """Return `value` with the change made, by the rules of JSON Patch."""
    *way, last = parts_of(change.path) or [None]
    if last is None:
        return change.after
    holder = value
    for part in way:
        holder = holder[int(part)] if isinstance(holder, list) else holder[part]
    at: Any = int(last) if isinstance(holder, list) else last
    if change.kind == "removed":
        holder[at] = REMOVED
    elif isinstance(holder, list) and change.kind == "added":
        holder.append(change.after)
    else:
        holder[at] = change.after
    return value


REMOVED = object()


def without_removed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_removed(item) for name, item in value.items() if item is not REMOVED}
    if isinstance(value, list):
        return [without_removed(item) for item in value if item is not REMOVED]
    return value


@given(values, values)
def test_the_changes_lead_from_the_one_to_the_other(before: Any, after: Any) -> None:
    found = changes_between(plain(before), plain(after))
    assert not found.cut
    value = deepcopy(before)
    for change in found.items:
        value = apply(value, deepcopy(change))
    assert is_equal(without_removed(value), after)


def is_equal(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_equal(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_equal, one, other))
    return is_same(one, other)


@given(values)
def test_nothing_changed_where_nothing_did(value: Any) -> None:
    assert changes(value, deepcopy(value)) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 2}, [("/a", "changed", 1, 2)]),
        ({"a": 1}, {"b": 1}, [("/a", "removed", 1, None), ("/b", "added", None, 1)]),
        ({"a": None}, {}, [("/a", "removed", None, None)]),
        ({"a": [1, 2]}, {"a": [1, 3, 4]}, [("/a/1", "changed", 2, 3), ("/a/2", "added", None, 4)]),
        ({"a/b": {"~": 1}}, {"a/b": {"~": 2}}, [("/a~1b/~0", "changed", 1, 2)]),
        ({"a": {}}, {"a": []}, [("/a", "changed", {}, [])]),
        (1, True, [("", "changed", 1, True)]),
        (1, 1.0, []),
        (None, {"a": 1}, [("", "changed", None, {"a": 1})]),
        ({"": 1}, {"": 2}, [("/", "changed", 1, 2)]),
    ],
)
def test_a_change_names_its_place_and_both_sides(before: Any, after: Any, expected: list[Any]) -> None:
    assert changes(before, after) == expected


def test_personal_data_is_compared_and_not_shown() -> None:
    before = {"client": {"email": "ana@example.com", "name": "Ana Souza"}, "price": 10}
    after = {"client": {"email": "bia@example.com", "name": "Ana Souza"}, "price": 11}
    found = changes_between(masked(before), masked(after)).items
    assert [change.path for change in found] == ["/client/email", "/price"]
    assert "ana@" not in str(found)
    assert "bia@" not in str(found)


def test_a_name_that_is_personal_is_masked_in_the_path() -> None:
    found = changes_between(masked({"ana@example.com": 1}), masked({"ana@example.com": 2})).items
    assert [change.before for change in found] == [1]
    assert "ana@" not in found[0].path


def test_more_changes_than_anyone_reads_are_cut() -> None:
    found = changes_between(plain([0] * (MAX_CHANGES + 1)), plain([1] * (MAX_CHANGES + 1)))
    assert (len(found.items), found.cut) == (MAX_CHANGES, True)
    assert not changes_between(plain([0] * MAX_CHANGES), plain([1] * MAX_CHANGES)).cut
