import orjson
import pytest

from services.reprocessor.entrypoints.commands import command_of, command_taker
from shared.contracts.errors import Invalid, InvalidCommand
from tests.support.builders import make_record
from tests.support.fakes.reprocessor import FakeClock, FakeJobs

TOPIC = "integration.reprocess"
COMMAND = {"id": "job-1", "account": "loja", "kind": "order", "items": [{"affiliate": "MLC", "code": "1"}]}


def record_of(body, **changes):
    return make_record(orjson.dumps(body), topic=TOPIC, **changes)


def test_a_command_comes_plain_or_as_the_data_of_a_cloudevent():
    event = {"specversion": "1.0", "id": "e", "source": "/ops", "type": "ops.reprocess", "data": COMMAND}

    assert command_of(record_of(COMMAND)) == command_of(record_of(event))


def test_a_command_without_an_id_is_named_after_its_address():
    body = {name: value for name, value in COMMAND.items() if name != "id"}

    first, redelivered = command_of(record_of(body, offset=7)), command_of(record_of(body, offset=7))
    another = command_of(record_of(body, offset=8))

    assert first.id == redelivered.id != another.id


@pytest.mark.parametrize("value", [b"", b"not json", b"[1]", b'"text"', b"{}", b'{"specversion":"1.0"}', None])
def test_what_is_no_command_is_invalid(value):
    with pytest.raises(Invalid):
        command_of(make_record(value, topic=TOPIC))


def test_a_command_says_which_field_is_wrong():
    with pytest.raises(InvalidCommand, match=r"filter\.status"):
        command_of(record_of({"account": "loja", "kind": "order", "filter": {"status": ["bad"]}}))


async def test_a_stored_command_wakes_the_runners():
    jobs, woken = FakeJobs(), []

    await command_taker(jobs, FakeClock(), lambda: woken.append(1))(record_of(COMMAND))

    assert woken == [1]
    assert list(jobs.jobs) == ["loja|job-1"]
