"""A bad event, its letter, the fix, the way back: with the real process, real Kafka and real MongoDB."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient

from deploy.local.servers import Servers
from shared.contracts.names import DEAD_LETTER_TOPIC, EVENTS_TOPICS, REPLAY_TOPIC
from tests.support.builders import make_cloudevent
from tests.support.eventually import eventually
from tests.support.ingest_process import IngestProcess
from tests.support.ingest_topics import lag, publish, start_at_end

ORDERS = EVENTS_TOPICS[0]
MANY = 10_000


class Shop:
    """The process, what it keeps, and the two ways to ask it."""

    def __init__(self, servers: Servers, database: str, folder: Path, documents: Any) -> None:
        self.process = IngestProcess(servers.kafka.bootstrap, servers.mongo.uri, database, folder)
        self.bootstrap = servers.kafka.bootstrap
        self.documents = documents
        for group, topics in ((".deadletters", [DEAD_LETTER_TOPIC]), (".commands", [REPLAY_TOPIC])):
            start_at_end(self.bootstrap, self.process.group + group, topics)

    def letters(self, account: str, **query: Any) -> list[dict[str, Any]]:
        return list(self.documents.dead_letters.find({"account": account, **query}))

    def refuse(self, values: Sequence[bytes], account: str) -> None:
        """Publish while the account is not taken, until every value is a letter that can be read."""
        kept = self.documents.dead_letters
        with self.process.running(PONTE_ACCOUNTS="nobody", PONTE_INGEST_DEAD_LETTER_WINDOW="1000000"):
            publish(self.bootstrap, ORDERS, values)
            eventually(lambda: kept.count_documents({"account": account}), lambda n: n == len(values), within=60)

    def ask(self, **command: Any) -> None:
        publish(self.bootstrap, REPLAY_TOPIC, [json.dumps({"id": uuid4().hex, **command}).encode()])

    def kept_up(self) -> None:
        group = f"{self.process.group}.deadletters"
        eventually(lambda: lag(self.bootstrap, group, [DEAD_LETTER_TOPIC]), lambda records: records == 0)


@pytest.fixture
def shop(servers: Servers, database_name: str, tmp_path: Path) -> Iterator[Shop]:
    with MongoClient[dict[str, Any]](servers.mongo.uri, tz_aware=True) as client:
        yield Shop(servers, database_name, tmp_path, client[database_name])


def orders(account: str, count: int) -> list[bytes]:
    return [json.dumps(make_cloudevent(account=account, code=str(number))).encode() for number in range(count)]


def test_a_replay_too_early_comes_back_linked_and_after_the_fix_the_letter_becomes_an_entry(
    shop: Shop, account: str
) -> None:
    (value,) = orders(account, 1)
    with shop.process.running(PONTE_ACCOUNTS="nobody"):
        publish(shop.bootstrap, ORDERS, [value])
        (first,) = eventually(lambda: shop.letters(account))
        shop.ask(account=account, filter={"error_class": ["UnknownAccount"]}, requested_by="Ana")
        (back,) = eventually(lambda: shop.letters(account, state="open", previous=first["_id"]))
        (old,) = eventually(lambda: shop.letters(account, state="replayed", came_back_as=back["_id"]))
    assert (back["error_class"], back["value"], back["headers"]) == ("UnknownAccount", value, first["headers"])
    assert old["_id"] == first["_id"]

    with shop.process.running(PONTE_ACCOUNTS=account):
        shop.ask(account="vizinha", letters=[back["_id"]], requested_by="Bia")
        shop.ask(account=account, letters=[back["_id"]], requested_by="Ana")
        entry = eventually(lambda: shop.documents.log_entries.find_one({"account": account}))
        eventually(lambda: shop.letters(account, state="replayed", _id=back["_id"]))
        shop.kept_up()
    letters = shop.letters(account)
    assert (entry["code"], entry["attempts"]) == ("0", 1)
    assert {letter["replay"]["by"] for letter in letters} == {"Ana"}

    # The whole dead-letter topic once more, from its beginning.
    shop.process = _with_new_group(shop.process)
    with shop.process.running(PONTE_ACCOUNTS=account):
        shop.kept_up()
    assert shop.letters(account) == letters
    assert len(letters) == 2


def test_ten_thousand_letters_go_back_while_the_intake_goes_on_and_none_is_lost_or_doubled(
    shop: Shop, account: str
) -> None:
    other = f"{account}-x"
    shop.refuse(orders(account, MANY), account)

    with shop.process.running(PONTE_ACCOUNTS=f"{account},{other}"):
        shop.ask(account=account, filter={}, requested_by="Ana")
        eventually(lambda: shop.letters(account, state="replayed"))
        publish(shop.bootstrap, ORDERS, orders(other, 1))
        eventually(lambda: shop.documents.log_entries.find_one({"account": other}))
        counted = {"account": account}
        eventually(lambda: shop.documents.log_entries.count_documents(counted), lambda n: n == MANY, within=90)
        job = eventually(lambda: shop.documents.replay_requests.find_one({"state": "done"}))

    assert (job["progress"]["matched"], job["progress"]["sent"]) == (MANY, MANY)
    assert shop.documents.log_entries.count_documents({"account": account, "attempts": 1}) == MANY
    assert shop.documents.dead_letters.count_documents({"account": account, "state": "open"}) == 0


def _with_new_group(process: IngestProcess) -> IngestProcess:
    """The same process under a group that has read nothing yet of the dead letters."""
    process.group = f"{process.group}.again"
    process._environment["PONTE_INGEST_GROUP"] = process.group
    start_at_end(process.bootstrap, process.group, EVENTS_TOPICS)
    return process
