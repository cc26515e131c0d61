import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from deploy.local.servers import Servers
from services.ingest.adapters.kafka_replay import KafkaDeadLetterShelf, KafkaTopics
from services.ingest.adapters.mongo_log_store import MongoLogStore
from services.ingest.handlers.ingesting import Ingest
from services.ingest.handlers.replaying import replay
from shared.contracts.errors import BrokerUnavailable, InvalidCommand
from shared.contracts.names import DEAD_LETTER_TOPIC, EVENTS_TOPICS
from shared.kafka.dead_letters import KafkaDeadLetters
from shared.kafka.messages import record_of
from shared.kafka.producer import Publisher
from shared.mongo.client import Database
from tests.contract.dead_letters_suite import DeadLettersSuite
from tests.support.builders import make_cloudevent, make_record
from tests.support.fakes.ingest import MemoryLogStore
from tests.support.ingest_topics import ends, record_with


@pytest.fixture
def bootstrap(servers: Servers) -> str:
    return servers.kafka.bootstrap


class TestKafkaDeadLetters(DeadLettersSuite):
    @pytest.fixture
    async def dead_letters(self, bootstrap: str) -> AsyncIterator[KafkaDeadLetters]:
        publisher = Publisher(bootstrap, service="test")
        yield KafkaDeadLetters(publisher)
        await publisher.close()


async def test_a_bad_record_is_kept_raw_with_its_address_and_goes_back_when_asked(
    bootstrap: str, database: Database, account: str
) -> None:
    publisher = Publisher(bootstrap, service="test")
    ingest = Ingest(MongoLogStore(database), KafkaDeadLetters(publisher))
    start, events_start = ends(bootstrap, [DEAD_LETTER_TOPIC]), ends(bootstrap, [EVENTS_TOPICS[0]])
    raw = b"\xff\x00 not an event of " + account.encode()
    good = json.dumps(make_cloudevent(account=account)).encode()
    headers = (
        ("ce_id", b"7"),
        ("trace", b"\xfe"),
        ("trace", b"again"),
        ("h1", None),
        ("h2", b""),
        ("error-class", b"theirs"),
    )

    outcome = await ingest.handle(
        [make_record(raw, offset=41, partition=5, key=b"\x00k", headers=headers), make_record(good, offset=42)]
    )

    assert (outcome.attempts, outcome.dead_lettered) == (1, 1)
    assert await database.log_entries.count_documents({"account": account}) == 1
    letter = record_of(record_with(bootstrap, start, raw))
    assert (letter.key, letter.headers[: len(headers)]) == (b"\x00k", list(headers))
    ours = dict(letter.headers[len(headers) :])
    assert ours.pop("error-message")
    assert ours == {
        "original-topic": b"integration.events.order",
        "original-partition": b"5",
        "original-offset": b"41",
        "error-class": b"NotUtf8",
    }

    shelf, command = KafkaDeadLetterShelf(bootstrap), {"partition": letter.address.partition}
    await replay({**command, "offset": letter.address.offset}, shelf, KafkaTopics(publisher))

    returned = record_of(record_with(bootstrap, events_start, raw))
    assert (returned.key, returned.headers) == (b"\x00k", list(headers))
    with pytest.raises(InvalidCommand):
        await replay({**command, "offset": 10**12}, shelf, KafkaTopics(publisher))
    with pytest.raises(InvalidCommand):
        await replay({"partition": 999, "offset": 0}, shelf, KafkaTopics(publisher))
    await publisher.close()


async def test_dead_letters_that_no_broker_takes_are_not_called_done() -> None:
    publisher = Publisher("127.0.0.1:1", service="test", timeout_seconds=0.5)
    letters, bad = KafkaDeadLetters(publisher), make_record(b"")

    outcome = await asyncio.wait_for(Ingest(MemoryLogStore(), letters).handle([bad]), 20)

    assert [(one.letter.record, one.error) for one in outcome.untaken] == [(bad, "_MSG_TIMED_OUT")]
    with pytest.raises(BrokerUnavailable):
        await asyncio.wait_for(letters.put([one.letter for one in outcome.untaken]), 20)
