"""`ponte reprocess`, `ponte export`, `ponte topics`: what ops do from a terminal."""

import asyncio
import contextlib
import json
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, get_args

from deploy.api import asking
from deploy.errors import CommandError
from deploy.instance import account_name, get_instance, reach_kafka, silent_kafka
from shared.client.errors import with_allowed
from shared.contracts.commands import Format, ReprocessCommand, job_document_id, parse_command
from shared.contracts.errors import InvalidCommand, OutcomeUnknown, Transient
from shared.contracts.filters import ONCE, PARAMETERS
from shared.contracts.names import REPROCESS_TOPIC, TOPICS
from shared.kafka.address import parse_address, shown_servers
from shared.kafka.producer import OutMessage, Publisher

POLL_SECONDS: Final = 0.3
PATIENCE_SECONDS: Final = 24 * 3600
"""A report is waited for until the person gives up."""

PREVIEW_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 5.0


def reprocess(arguments: Namespace) -> str:
    """Put a command on `integration.reprocess`, straight through the topic; return what was asked. Raise CommandError.

    With `--dry-run` nothing is sent; the API is asked how many would be. Every failed item of a kind goes only if `--all` says so.
    """
    wanted: dict[str, Any] = {
        "account": account_name(),
        "kind": arguments.kind,
        "reason": arguments.reason,
        "requested_by": "ponte cli",
        **_chosen(arguments),
    }
    if arguments.max_per_second is not None:
        wanted["max_per_second"] = arguments.max_per_second
    try:
        command = parse_command(ReprocessCommand, wanted)
    except InvalidCommand as error:
        raise CommandError(with_allowed(str(error), error.allowed)) from error
    if arguments.dry_run:
        return _preview(command)
    rows = command.log_filter()
    if rows is not None and replace(rows, kind=()).is_empty() and not arguments.all:
        raise CommandError(
            f"this would send every failed {command.kind} to its connector again{_how_many(command)}: "
            "narrow it with --filter or --affiliate, or say --all"
        )
    asyncio.run(_publish(command, reach_kafka()))
    return (
        f"asked: job {command.id}; it stands at /reprocess/{command.id} in the panel and under /v1/reprocess in the API"
    )


def _chosen(arguments: Namespace) -> dict[str, Any]:
    """Return the `items` or the `filter` of a command. Raise CommandError where two wishes contradict each other."""
    if arguments.codes:
        if not arguments.affiliate:
            raise CommandError("items are named by affiliate and code: add --affiliate")
        if arguments.filter or arguments.all:
            raise CommandError(
                "give codes, --filter or --all, one of them: named items are sent whatever a filter says"
            )
        return {"items": [{"affiliate": arguments.affiliate, "code": code} for code in arguments.codes]}
    rows = filter_of(arguments.filter)
    if arguments.affiliate:
        if "affiliate" in rows:
            raise CommandError("give --affiliate or --filter affiliate=…, not both")
        rows["affiliate"] = [arguments.affiliate]
    if arguments.all and rows:
        raise CommandError("give --all or what narrows it, not both")
    return {"filter": rows}


def _preview(command: ReprocessCommand) -> str:
    """Return what the command would do, as the API says. Raise CommandError when it does not answer."""
    items = None if command.items is None else [(item.affiliate, item.code) for item in command.items]
    with asking(get_instance().api, attempts=1, timeout_seconds=PREVIEW_SECONDS) as ponte:
        would = ponte.reprocesses.preview(command.kind, items=items, rows=command.filter)
    left_out = ", ".join(f"{count} {reason}" for reason, count in would.skipped.items())
    return f"would send {would.eligible} of {would.matched}" + (f"; left out: {left_out}" if left_out else "")


def _how_many(command: ReprocessCommand) -> str:
    with contextlib.suppress(CommandError):  # Ponte may run elsewhere; that it would be all is told anyway
        return f" ({_preview(command)})"
    return ""


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
    if target is not None and target.is_dir():
        raise CommandError(f"{target} is a folder: --output must name a file")
    written_as = arguments.format or _format_of(target)
    with asking(get_instance().api) as ponte:
        asked = ponte.exports.request(rows, kinds=arguments.kind or None, format=written_as)
        job = ponte.exports.wait(asked.id, within_seconds=PATIENCE_SECONDS, every_seconds=POLL_SECONDS)
        if job.state != "done":
            raise CommandError(f"the export ended as {job.state}: {job.error or 'no reason given'}")
        target = target or Path(f"ponte-{job.id}.{written_as}")
        try:
            ponte.exports.download(job.id, target)
        except OSError as error:
            raise CommandError(f"{target} cannot be written: {error.strerror or error}") from error
    return f"{target}: {job.rows} rows"


def _format_of(target: Path | None) -> Format:
    """Return the format that the file's name asks for, a workbook where it asks for none."""
    ending = target.suffix.lower().removeprefix(".") if target else ""
    return next((one for one in get_args(Format) if one == ending), "xlsx")


def topics(arguments: Namespace) -> str:
    """Return a table (or JSON) of our topics: partitions, messages, what they are for. Raise CommandError."""
    from kafka.errors import KafkaError

    bootstrap = reach_kafka()
    try:
        rows = _look_at_topics(bootstrap)
    except KafkaError as error:
        raise silent_kafka(bootstrap, error) from error
    if arguments.json:
        return json.dumps(rows, indent=2)
    return "\n".join(
        f"{row['topic']:30} {row['partitions']:3} partitions {row['messages']:9,} messages   {row['purpose']}"
        for row in rows
    )


def _look_at_topics(bootstrap: str) -> list[dict[str, Any]]:
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(**_reach(bootstrap), bootstrap_timeout_ms=int(ANSWER_SECONDS * 1000))
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
    return rows


def _reach(bootstrap: str) -> dict[str, Any]:
    """Return how a client of kafka-python reaches the cluster at `bootstrap`."""
    cluster = parse_address(bootstrap)
    told: dict[str, Any] = {"bootstrap_servers": cluster.servers, "security_protocol": cluster.protocol.upper()}
    if cluster.has_password:
        told |= {
            "sasl_mechanism": cluster.mechanism,
            "sasl_plain_username": cluster.user,
            "sasl_plain_password": cluster.password,
        }
    return told | {f"ssl_{name.replace('_', '')}": path for name, path in cluster.files.items()}


async def _publish(command: ReprocessCommand, bootstrap: str) -> None:
    publisher = Publisher(bootstrap, service="cli")
    key = job_document_id(command.account, command.id)
    value = command.model_dump_json(exclude_none=True).encode()
    try:
        await publisher.publish(OutMessage(REPROCESS_TOPIC, key.encode(), value))
    except OutcomeUnknown as error:
        raise CommandError(
            f"Kafka at {shown_servers(bootstrap)} did not say in time that it has the command ({error}): "
            f"look for the job {command.id} before you ask again"
        ) from error
    except Transient as error:
        raise silent_kafka(bootstrap, error) from error
    finally:
        await publisher.close()
