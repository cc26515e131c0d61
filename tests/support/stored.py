"""What the product holds of one account, read back for the checker: MongoDB through the shared documents, Kafka through its API."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from pymongo.database import Database
from pymongo.errors import PyMongoError

from shared.contracts.dead_letters import letter_from_document
from shared.contracts.entries import Attempt, LogEntry, attempt_from_document, attempt_of_state, entry_from_document
from shared.contracts.names import (
    ATTEMPTS,
    DEAD_LETTER_TOPIC,
    DEAD_LETTERS,
    HEADER_ERROR_CLASS,
    HEADER_ORIGINAL_OFFSET,
    HEADER_ORIGINAL_PARTITION,
    HEADER_ORIGINAL_TOPIC,
    LOG_ENTRIES,
)
from shared.contracts.records import Address, Record
from tests.support.ingest_topics import looking
from tests.support.invariants import Place, PutAside
from tests.support.topic_contents import read_topic

Document = dict[str, Any]


def read_documents(database: Database[Any], account: str) -> tuple[list[Document], list[Document]]:
    """Return the documents of the account's attempts and of its entries."""
    attempts = database[ATTEMPTS].find({"_id": {"$regex": f"^{re.escape(account)}[|]"}})
    return list(attempts), list(database[LOG_ENTRIES].find({"account": {"$eq": account}}))


def log_of(
    attempts: Iterable[Mapping[str, Any]], entries: Iterable[Mapping[str, Any]]
) -> tuple[list[Attempt], list[LogEntry]]:
    """Return what documents of both collections hold; the newest attempt of an item is its entry's state."""
    held = list(entries)
    states = [attempt_of_state(entry["_id"], entry["state"]) for entry in held]
    told = [attempt_from_document(one) for one in [*attempts, *states]]
    return told, [entry_from_document(entry) for entry in held]


def count_attempts(database: Database[Any]) -> int:
    """Return about how many attempts there are, -1 while MongoDB cannot tell."""
    try:
        return sum(database[name].estimated_document_count() for name in (ATTEMPTS, LOG_ENTRIES))
    except PyMongoError:
        return -1


def read_letters(bootstrap: str, account: str) -> list[PutAside]:
    """Return the account's dead letters on the topic."""
    prefix = f"{account}|".encode()
    found = read_topic(bootstrap, DEAD_LETTER_TOPIC)
    return [_put_aside(record) for record in found if record.key is not None and record.key.startswith(prefix)]


def read_kept(database: Database[Any], account: str) -> list[PutAside]:
    """Return the account's dead letters in the collection."""
    found = [letter_from_document(document) for document in database[DEAD_LETTERS].find({"account": {"$eq": account}})]
    return [PutAside(letter.original, letter.value, letter.error_class) for letter in found]


def read_committed(bootstrap: str, group: str, topics: Sequence[str]) -> dict[Place, int]:
    """Return the offsets that the group has committed."""
    with looking(bootstrap, group) as consumer:
        return committed_by(consumer, topics)


def committed_by(consumer: Consumer, topics: Sequence[str]) -> dict[Place, int]:
    """Return the offsets that the consumer's group has committed; partitions without one are left out."""
    known = consumer.list_topics(timeout=20).topics
    places = [TopicPartition(topic, number) for topic in topics for number in known[topic].partitions]
    found = consumer.committed(places, timeout=20)
    return {(at.topic, at.partition): at.offset for at in found if at.offset >= 0}


def _put_aside(record: Record) -> PutAside:
    said = {name: (value or b"").decode() for name, value in record.headers}
    place = said[HEADER_ORIGINAL_TOPIC], int(said[HEADER_ORIGINAL_PARTITION]), int(said[HEADER_ORIGINAL_OFFSET])
    return PutAside(Address(*place), record.value, said[HEADER_ERROR_CLASS])
