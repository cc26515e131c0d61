from shared.client.stream import Place, events

FIRST = b"event: changed\nid: A1\ndata: one\n\n"


def test_a_stream_goes_on_behind_the_last_event_that_came_whole() -> None:
    place = Place("")
    told = list(events([FIRST, b"event: changed\nid: A2\nda"], place))

    assert told == [("changed", "one")]
    assert place.last_id == "A1"


def test_a_heartbeat_moves_the_place_and_is_no_event() -> None:
    place = Place("")
    told = list(events([FIRST, b": still here\nid: A3\n\n"], place))

    assert told == [("changed", "one")]
    assert place.last_id == "A3"
