"""Makes topics, collections and indexes from the one list of names. Safe to repeat; run before any service starts.

python -m deploy.provision        (reads PONTE_KAFKA_BOOTSTRAP, PONTE_MONGO_URI, PONTE_MONGO_DATABASE)
"""

import contextlib
import os
import sys
from collections.abc import Container, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic
from pymongo import IndexModel, MongoClient
from pymongo.collection import Collection
from pymongo.errors import CollectionInvalid, PyMongoError

from shared.contracts.names import COLLECTIONS, TOPICS, CollectionSpec, TopicSpec
from shared.kafka.address import librdkafka

ADMIN_TIMEOUT_SECONDS = 30
ZSTD = {"wiredTiger": {"configString": "block_compressor=zstd"}}


def provision(bootstrap: str, mongo_uri: str, database: str) -> None:
    """Make what is missing, on both servers at once. Raise KafkaException or PyMongoError when a server refuses."""
    with ThreadPoolExecutor(2) as both:
        for made in [
            both.submit(provision_topics, bootstrap, TOPICS),
            both.submit(provision_collections, mongo_uri, database, COLLECTIONS),
        ]:
            made.result()


def provision_topics(bootstrap: str, topics: Sequence[TopicSpec], *, replicas: int = -1) -> None:
    """Create the missing topics; `replicas` -1 takes the broker's default. Existing topics get our configuration."""
    admin = AdminClient({**librdkafka(bootstrap), "log_level": 3})
    existing = admin.list_topics(timeout=ADMIN_TIMEOUT_SECONDS).topics
    missing = [topic for topic in topics if topic.name not in existing]
    new = [
        NewTopic(topic.name, num_partitions=topic.partitions, replication_factor=replicas, config=_config(topic))
        for topic in missing
    ]
    if new:
        for name, created in admin.create_topics(new, request_timeout=ADMIN_TIMEOUT_SECONDS).items():
            _settle(name, created)
    _configure(admin, [topic for topic in topics if topic.name in existing])


def provision_collections(mongo_uri: str, database: str, collections: Sequence[CollectionSpec]) -> None:
    """Create the missing collections, compressed with zstd, and the missing indexes; drop those that are retired."""
    with MongoClient[dict[str, Any]](mongo_uri, appname="ponte.provision", serverSelectionTimeoutMS=10_000) as client:
        existing = set(client[database].list_collection_names())
        for spec in collections:
            if spec.name not in existing:
                with contextlib.suppress(CollectionInvalid):  # someone else was faster
                    client[database].create_collection(spec.name, storageEngine=ZSTD)
            if missing := _indexes(spec, _timed(client[database][spec.name])):
                client[database][spec.name].create_indexes(missing)
            _retire(client[database][spec.name], spec.retired)


def _retire(collection: Collection[dict[str, Any]], names: Sequence[str]) -> None:
    """Drop indexes that nobody reads any more, after what takes their place is there."""
    for name in {index["name"] for index in collection.list_indexes()} & set(names):
        collection.drop_index(name)


def _timed(collection: Collection[dict[str, Any]]) -> set[str]:
    """Return the names of indexes that expire: their time may have been changed by a setting, and that stays."""
    return {index["name"] for index in collection.list_indexes() if "expireAfterSeconds" in index}


def _indexes(spec: CollectionSpec, but: Container[str]) -> list[IndexModel]:
    return [
        IndexModel(
            list(index.keys),
            name=index.name,
            unique=index.unique,
            **({} if index.expire_after_seconds is None else {"expireAfterSeconds": index.expire_after_seconds}),
            **({} if index.partial is None else {"partialFilterExpression": dict(index.partial)}),
        )
        for index in spec.indexes
        if index.name not in but
    ]


def _config(topic: TopicSpec) -> dict[str, str]:
    return {
        "retention.ms": str(topic.retention_ms),
        "max.message.bytes": str(topic.max_message_bytes),
        "message.timestamp.type": "LogAppendTime" if topic.log_append_time else "CreateTime",
    }


def _configure(admin: AdminClient, topics: Sequence[TopicSpec]) -> None:
    resources = [ConfigResource(ConfigResource.Type.TOPIC, topic.name, set_config=_config(topic)) for topic in topics]
    if resources:
        for resource, changed in admin.alter_configs(resources, request_timeout=ADMIN_TIMEOUT_SECONDS).items():
            _settle(resource.name, changed)


def _settle(name: str, future: Any) -> None:
    try:
        future.result()
    except KafkaException as error:
        if error.args[0].name() != "TOPIC_ALREADY_EXISTS":
            raise KafkaException(f"topic {name}: {error}") from error


def main() -> int:
    """Provision what the environment points at; return the exit code."""
    try:
        provision(
            os.environ["PONTE_KAFKA_BOOTSTRAP"],
            os.environ["PONTE_MONGO_URI"],
            os.environ.get("PONTE_MONGO_DATABASE", "ponte"),
        )
    except KeyError as missing:
        print(f"provision: set {missing.args[0]}", file=sys.stderr)
    except (KafkaException, PyMongoError) as error:
        print(f"provision: {error}", file=sys.stderr)
    else:
        print(f"provision: {len(TOPICS)} topics, {len(COLLECTIONS)} collections are there")
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
