import orjson
import pytest

from services.reprocessor.entrypoints.commands import command_taker
from shared.contracts.errors import Invalid, InvalidCommand
from tests.support.builders import make_record
from tests.support.fakes.reprocessor import FakeClock, FakeJobs

TOPIC = "integration.reprocess"
COMMAND = {"id": "job-1", "account": "loja", "kind": "order", "items": [{"affiliate": "MLC", "code": "1"}]}


def record_of(body, **changes):
    return make_record(orjson.dumps(body), topic=TOPIC, **changes)


async def take(*records):
    """Return the jobs that the records come to, and how often the runners were woken."""
    jobs, woken = FakeJobs(), []
    for record in records:
        await command_taker(jobs, FakeClock(), lambda: woken.append(1))(record)
    return list(jobs.jobs), len(woken)


async def test_a_command_comes_plain_or_as_the_data_of_a_cloudevent():
    event = {"specversion": "1.0", "id": "e", "source": "/ops", "type": "ops.reprocess", "data": COMMAND}

    assert (await take(record_of(event)))[0] == (await take(record_of(COMMAND)))[0]


async def test_a_command_without_an_id_is_one_job_when_it_comes_again():
    body = {name: value for name, value in COMMAND.items() if name != "id"}

    jobs, _ = await take(record_of(body, offset=7), record_of(body, offset=7), record_of(body, offset=8))

    assert len(jobs) == 2


@pytest.mark.parametrize("value", [b"", b"not json", b"[1]", b'"text"', b"{}", b'{"specversion":"1.0"}', None])
async def test_what_is_no_command_is_invalid(value):
    with pytest.raises(Invalid):
        await take(make_record(value, topic=TOPIC))


async def test_a_command_says_which_field_is_wrong():
    with pytest.raises(InvalidCommand, match=r"filter\.status"):
        await take(record_of({"account": "loja", "kind": "order", "filter": {"status": ["bad"]}}))


async def test_a_stored_command_wakes_the_runners():
    jobs, woken = await take(record_of(COMMAND))

    assert (jobs, woken) == (["loja|job-1"], 1)
