"""Every golden sample through real Kafka, the real process and real MongoDB: keys, headers and both CloudEvents modes included."""

import json
from pathlib import Path
from typing import Any

from confluent_kafka import Producer
from pymongo import MongoClient

from deploy.local.servers import Servers
from shared.contracts.events import attempt_id
from tests.support.ingest_process import IngestProcess
from tests.support.ingest_shop import whole_history

SAMPLES = [json.loads(path.read_text()) for path in Path(__file__).parents[2].glob("contract/samples/*.json")]


def publish_samples(bootstrap: str) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0})
    for sample in SAMPLES:
        value = json.dumps(sample["value"], ensure_ascii=False, separators=(",", ":")).encode()
        headers = [(name, text.encode()) for name, text in sample["headers"].items()]
        producer.produce(sample["topic"], value, key=sample["key"], headers=headers)
    assert producer.flush(30) == 0


def test_every_sample_becomes_its_entries_and_a_second_time_changes_nothing(
    servers: Servers, database_name: str, tmp_path: Path
) -> None:
    ingest = IngestProcess(servers.kafka.bootstrap, servers.mongo.uri, database_name, tmp_path)
    told = [event for sample in SAMPLES for event in sample["events"]]
    accounts = {event["entry"].partition("|")[0] for event in told}  # the topics are everybody's

    def held(client: MongoClient[Any]) -> dict[str, Any]:
        log = client[database_name]
        entries = {entry["_id"]: entry for entry in log.log_entries.find({"account": {"$in": list(accounts)}})}
        stored = [attempt for attempt in log.attempts.find() if attempt["_id"].partition("|")[0] in accounts]
        attempts = {attempt["_id"]: attempt for attempt in stored}
        return {"entries": entries, "attempts": whole_history(attempts, entries)}

    with MongoClient[Any](servers.mongo.uri) as client, ingest.running():
        publish_samples(servers.kafka.bootstrap)
        ingest.caught_up()
        first = held(client)
        publish_samples(servers.kafka.bootstrap)
        ingest.caught_up()
        second = held(client)

    assert set(first["entries"]) == {event["entry"] for event in told}
    assert set(first["attempts"]) == {attempt_id(event["entry"], event["source"], event["id"]) for event in told}
    assert sum(entry["attempts"] for entry in first["entries"].values()) == len(first["attempts"])
    assert second == first
