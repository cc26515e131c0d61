import base64
import hashlib
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.query.core.cursor import EPOCH, Binding, Position, Start, decode_cursor, encode_cursor
from shared.contracts.errors import InvalidCursor

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
instants = st.integers(-(10**12), 10**13).map(lambda milliseconds: EPOCH + timedelta(milliseconds=milliseconds))
positions = st.builds(Position, st.one_of(instants, st.integers(0, 2**31 - 1), texts), texts)
bindings = st.builds(Binding, texts, texts, st.sampled_from(["-processed_at", "processed_at", "attempts"]))
HERE = Position(datetime(2026, 11, 23, 10, 11, 12, 123_000, UTC), "loja|order|MLC|1")
BOUND = Binding("loja", "status=error", "-processed_at")


@given(position=positions, binding=bindings, backwards=st.booleans())
def test_a_cursor_leads_back_to_its_position(position: Position, binding: Binding, *, backwards: bool) -> None:
    text = encode_cursor(position, binding, backwards=backwards)

    assert decode_cursor(text, binding, type(position.at)) == Start(position, backwards)
    assert text.isascii()
    assert "=" not in text


@given(positions, bindings, bindings)
def test_a_cursor_of_another_list_is_refused(position: Position, made_for: Binding, used_for: Binding) -> None:
    if made_for != used_for:
        with pytest.raises(InvalidCursor):
            decode_cursor(encode_cursor(position, made_for), used_for, type(position.at))


@given(st.data())
def test_a_cursor_altered_anywhere_is_refused(data: st.DataObject) -> None:
    text = encode_cursor(HERE, BOUND)
    at = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from("abcXYZ019-_~ é"))
    altered = text[:at] + letter + text[at + 1 :]

    if altered != text:
        with pytest.raises(InvalidCursor):
            decode_cursor(altered, BOUND)


def test_the_longest_code_fits_twice() -> None:
    code = "\U0001f600" * 300
    place = Position(code, f"{'a' * 64}|tracking|{'b' * 64}|{code}")
    assert decode_cursor(encode_cursor(place, BOUND), BOUND, str) == Start(place, backwards=False)


def test_a_cursor_of_an_older_version_is_named() -> None:
    old = encode_cursor(HERE, BOUND)
    raw = bytearray(base64.urlsafe_b64decode(old + "=" * (-len(old) % 4)))
    raw[raw.index(b"[") + 1] = ord("1")
    with pytest.raises(InvalidCursor, match="version 1"):
        decode_cursor(base64.urlsafe_b64encode(raw).decode().rstrip("="), BOUND)


def forged(body: object) -> str:
    """Return a cursor whose digest is right: it is no secret."""
    raw = orjson.dumps(body)
    bound = orjson.dumps([BOUND.account, BOUND.rows, BOUND.sort])
    return base64.urlsafe_b64encode(hashlib.sha256(bound + b"\x00" + raw).digest()[:12] + raw).decode().rstrip("=")


def test_a_forged_position_of_the_right_shape_only_starts_the_own_list_elsewhere() -> None:
    assert decode_cursor(forged([3, 0, 0, True, 0, "x"]), BOUND) == Start(Position(EPOCH, "x"), backwards=False)


@pytest.mark.parametrize(
    "body",
    [
        [3],
        [3, 0, 0],
        [3, 0, 0, True, 0, "x", "more"],
        [3, 2, 0, True, 0, "x"],
        [3, 0, 0, True, 2**60, "x"],
        [3, 0, 0, True, -(10**18), "x"],
        [3, 0, 0, True, "a", "x"],
        [3, 0, 0, True, True, "x"],
        [3, 0, 0, False, {"$gt": 1}, "x"],
        [3, 0, 0, False, 7, "x"],
        [3, 0, 0, True, 0, {"$gt": ""}],
        {"3": 0},
    ],
)
def test_a_forged_position_of_another_shape_is_refused(body: object) -> None:
    with pytest.raises(InvalidCursor):
        decode_cursor(forged(body), BOUND)


@given(st.one_of(st.text(), st.binary().map(lambda raw: raw.hex())))
def test_no_text_at_all_breaks_the_reader(text: str) -> None:
    with pytest.raises(InvalidCursor):
        decode_cursor(text, BOUND)
