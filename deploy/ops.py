"""`ponte reprocess`, `ponte export`, `ponte topics`: what ops do from a terminal."""

import asyncio
import json
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from deploy.api import asking
from deploy.errors import CommandError
from deploy.instance import account_name, get_instance, kafka_bootstrap
from shared.contracts.commands import ReprocessCommand, job_document_id, parse_command
from shared.contracts.errors import InvalidCommand
from shared.contracts.filters import ONCE, PARAMETERS
from shared.contracts.names import REPROCESS_TOPIC, TOPICS
from shared.kafka.producer import OutMessage, Publisher

POLL_SECONDS: Final = 0.3
PATIENCE_SECONDS: Final = 24 * 3600
"""A report is waited for until the person gives up."""


def reprocess(arguments: Namespace) -> str:
    """Put a command on `integration.reprocess`, straight through the topic; return what was asked."""
    wanted: dict[str, Any] = {
        "account": account_name(),
        "kind": arguments.kind,
        "reason": arguments.reason,
        "requested_by": "ponte cli",
    }
    if arguments.codes:
        if not arguments.affiliate:
            raise CommandError("items are named by affiliate and code: add --affiliate")
        if arguments.filter:
            raise CommandError("give codes or --filter, not both: named items are sent whatever a filter says")
        wanted["items"] = [{"affiliate": arguments.affiliate, "code": code} for code in arguments.codes]
    else:
        wanted["filter"] = filter_of(arguments.filter)
        if arguments.affiliate and "affiliate" in wanted["filter"]:
            raise CommandError("give --affiliate or --filter affiliate=…, not both")
        if arguments.affiliate:
            wanted["filter"]["affiliate"] = [arguments.affiliate]
    if arguments.max_per_second is not None:
        wanted["max_per_second"] = arguments.max_per_second
    try:
        command = parse_command(ReprocessCommand, wanted)
    except InvalidCommand as error:
        raise CommandError(str(error)) from error
    asyncio.run(_publish(command))
    return (
        f"asked: job {command.id}; it stands at /reprocess/{command.id} in the panel and under /v1/reprocess in the API"
    )


def filter_of(pairs: Sequence[str]) -> dict[str, list[str] | str]:
    """Return NAME=VALUE texts as a LogFilter's JSON; a name given twice means either value."""
    wanted: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or name not in PARAMETERS:
            raise CommandError(f"--filter {pair!r}: write NAME=VALUE, NAME one of {', '.join(PARAMETERS)}")
        if name in ONCE:
            wanted[name] = value
        else:
            wanted.setdefault(name, []).append(value)
    return wanted


def export(arguments: Namespace) -> str:
    """Ask for a report, wait for it, store it; return a sentence."""
    rows = filter_of(arguments.filter)
    target = Path(arguments.output) if arguments.output else None
    if target is not None and not target.parent.is_dir():
        raise CommandError(f"{target.parent} is no folder: --output must name a file in one that exists")
    with asking(get_instance().api) as ponte:
        asked = ponte.exports.request(rows, kinds=arguments.kind or None, format=arguments.format)
        job = ponte.exports.wait(asked.id, within_seconds=PATIENCE_SECONDS, every_seconds=POLL_SECONDS)
        if job.state != "done":
            raise CommandError(f"the export ended as {job.state}: {job.error or 'no reason given'}")
        target = target or Path(f"ponte-{job.id}.{arguments.format}")
        try:
            ponte.exports.download(job.id, target)
        except OSError as error:
            raise CommandError(f"{target} cannot be written: {error.strerror or error}") from error
    return f"{target}: {job.rows} rows"


def topics(arguments: Namespace) -> str:
    """Return a table (or JSON) of our topics: partitions, messages, what they are for."""
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(bootstrap_servers=kafka_bootstrap())
    try:
        rows = []
        for topic in TOPICS:
            places = [TopicPartition(topic.name, number) for number in consumer.partitions_for_topic(topic.name) or ()]
            ends = consumer.end_offsets(places) if places else {}
            starts = consumer.beginning_offsets(places) if places else {}
            rows.append(
                {
                    "topic": topic.name,
                    "partitions": len(places),
                    "messages": sum(ends.values()) - sum(starts.values()),
                    "purpose": topic.purpose,
                }
            )
    finally:
        consumer.close()
    if arguments.json:
        return json.dumps(rows, indent=2)
    return "\n".join(
        f"{row['topic']:30} {row['partitions']:3} partitions {row['messages']:9,} messages   {row['purpose']}"
        for row in rows
    )


async def _publish(command: ReprocessCommand) -> None:
    publisher = Publisher(kafka_bootstrap(), service="cli")
    key = job_document_id(command.account, command.id)
    value = command.model_dump_json(exclude_none=True).encode()
    await publisher.publish(OutMessage(REPROCESS_TOPIC, key.encode(), value))
    await publisher.close()
