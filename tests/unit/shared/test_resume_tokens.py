"""The time in a resume token: what a quiet change stream has come to."""

import pytest
from bson.timestamp import Timestamp

from shared.mongo.tokens import cluster_time_of


def test_a_token_begins_with_its_cluster_time():
    assert cluster_time_of({"_data": "8265614C8A000000072B022C0100296E5A1004"}) == Timestamp(0x65614C8A, 7)


@pytest.mark.parametrize("data", ["", "82", "8265614C8A0000", "8165614C8A00000007", "82nothexdigits-at-all"])
def test_a_token_of_another_make_has_no_time(data: str):
    assert cluster_time_of({"_data": data}) is None


def test_a_stream_without_a_token_has_none():
    assert cluster_time_of(None) is None
    assert cluster_time_of({}) is None
