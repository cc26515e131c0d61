"""Makes topics, collections and indexes from the one list of names. Safe to repeat; run before any service starts.

python -m deploy.provision        (reads PONTE_KAFKA_BOOTSTRAP, PONTE_MONGO_URI, PONTE_MONGO_DATABASE)
"""

import contextlib
import os
import sys
from collections.abc import Container, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewTopic,
)
from pymongo import IndexModel, MongoClient
from pymongo.collection import Collection
from pymongo.errors import CollectionInvalid, PyMongoError

from shared.contracts.names import COLLECTIONS, TOPICS, CollectionSpec, TopicSpec
from shared.kafka.address import librdkafka, parse_address
from shared.kafka.reconnecting import RECONNECT
from shared.mongo.errors import in_short

ADMIN_TIMEOUT_SECONDS = 30
FOR_EVER = -1
AT_LEAST = ("retention.ms", "max.message.bytes")
"""What an operator may have raised: it is never lowered to ours."""

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
    """Create the missing topics; `replicas` -1 takes the broker's default.

    Existing topics get our configuration, but for what an operator raised; their other settings stay. Raise KafkaException.
    """
    admin = AdminClient({**librdkafka(bootstrap), **RECONNECT, "log_level": 3})
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
    """Change setting by setting: to alter a topic's configuration as a whole would reset all that an operator set beside ours."""
    changes = []
    for topic, overrides in _overrides(admin, topics):
        wanted = [
            ConfigEntry(*one, incremental_operation=AlterConfigOpType.SET) for one in _due(topic, overrides).items()
        ]
        if wanted:
            changes.append(ConfigResource(ConfigResource.Type.TOPIC, topic.name, incremental_configs=wanted))
    if changes:
        for resource, done in admin.incremental_alter_configs(changes, request_timeout=ADMIN_TIMEOUT_SECONDS).items():
            _settle(resource.name, done)


def _overrides(admin: AdminClient, topics: Sequence[TopicSpec]) -> list[tuple[TopicSpec, dict[str, str]]]:
    """Return what was set for each topic itself; what comes from the broker is not among it."""
    resources = [ConfigResource(ConfigResource.Type.TOPIC, topic.name) for topic in topics]
    asked = admin.describe_configs(resources, request_timeout=ADMIN_TIMEOUT_SECONDS) if resources else {}
    found = {resource.name: _settle(resource.name, entries) or {} for resource, entries in asked.items()}
    return [
        (topic, {name: entry.value for name, entry in found[topic.name].items() if _is_of_the_topic(entry)})
        for topic in topics
    ]


def _is_of_the_topic(entry: ConfigEntry) -> bool:
    return ConfigSource(entry.source) is ConfigSource.DYNAMIC_TOPIC_CONFIG  # confluent-kafka hands over its number


def _due(topic: TopicSpec, overrides: Mapping[str, str]) -> dict[str, str]:
    """Return what must be set for a topic that has `overrides`."""
    return {
        name: value
        for name, value in _config(topic).items()
        if value != (there := overrides.get(name)) and not (name in AT_LEAST and there and _is_more(there, value))
    }


def _is_more(there: str, ours: str) -> bool:
    return int(there) == FOR_EVER or FOR_EVER != int(ours) < int(there)


def _settle(name: str, future: Any) -> Any:
    """Return the answer of a broker; None for a topic that someone else made meanwhile."""
    try:
        return future.result()
    except KafkaException as error:
        if error.args[0].name() != "TOPIC_ALREADY_EXISTS":
            raise KafkaException(f"topic {name}: {error}") from error
        return None


def main() -> int:
    """Provision what the environment points at; return the exit code. What goes wrong is one line that names the variable to look at."""
    try:
        bootstrap, mongo_uri = os.environ["PONTE_KAFKA_BOOTSTRAP"], os.environ["PONTE_MONGO_URI"]
        parse_address(bootstrap)
    except KeyError as missing:
        return _fail(f"set {missing.args[0]}")
    except ValueError as error:
        return _fail(f"PONTE_KAFKA_BOOTSTRAP {error}")
    try:
        provision(bootstrap, mongo_uri, os.environ.get("PONTE_MONGO_DATABASE", "ponte"))
    except KafkaException as error:
        told = error.args[0]
        return _fail(f"Kafka: {told.str() if isinstance(told, KafkaError) else told}; look at PONTE_KAFKA_BOOTSTRAP")
    except PyMongoError as error:
        return _fail(f"MongoDB: {in_short(error)}; look at PONTE_MONGO_URI and PONTE_MONGO_DATABASE")
    print(f"provision: {len(TOPICS)} topics, {len(COLLECTIONS)} collections are there")
    return 0


def _fail(why: str) -> int:
    print(f"provision: {why}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
