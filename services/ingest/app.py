"""What is plugged into what."""

import asyncio
import gc
import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from datetime import datetime, timedelta
from typing import NoReturn

from services.ingest.adapters.kafka_replay import KafkaDeadLetterShelf, KafkaTopics
from services.ingest.adapters.mongo_entry_log import MongoEntryLog
from services.ingest.adapters.mongo_gap_book import MongoGapBook
from services.ingest.adapters.mongo_integrations import MongoIntegrations
from services.ingest.adapters.mongo_letter_book import MongoLetterBook
from services.ingest.adapters.mongo_log_store import MongoLogStore
from services.ingest.adapters.mongo_old_content import MongoOldContent
from services.ingest.adapters.mongo_rollups import MongoRollupBook
from services.ingest.core.counted import Counted
from services.ingest.core.decode import shapes
from services.ingest.core.keeping import ContentLimits
from services.ingest.core.limit import DeadLetterLimit
from services.ingest.core.shapes import Shape
from services.ingest.core.shapes.by_integration import change_notice_by
from services.ingest.entrypoints.commands import replay_commands
from services.ingest.entrypoints.events import EventsEntryPoint
from services.ingest.entrypoints.gaps import GapsEntryPoint
from services.ingest.entrypoints.lanes import LanesEntryPoint
from services.ingest.entrypoints.letters import LettersEntryPoint
from services.ingest.entrypoints.replays import replay_loop
from services.ingest.entrypoints.rollups import Backlog, Manners, Rollups
from services.ingest.entrypoints.timers import Housekeeping, LetterCount
from services.ingest.handlers.housekeeping import KeepDays
from services.ingest.handlers.ingesting import Ingest
from services.ingest.handlers.ports import DeadLetters, LogStore
from services.ingest.handlers.replaying import ReplayPlugs
from services.ingest.handlers.writing import for_ever
from services.ingest.settings import Settings
from shared.contracts.errors import BrokerUnavailable
from shared.contracts.events import ITEM_CHANGED_TYPE
from shared.contracts.names import DEAD_LETTER_TOPIC, EVENTS_TOPICS, REPLAY_REQUESTS, REPLAY_TOPIC
from shared.contracts.records import BatchOutcome, Place
from shared.kafka.address import librdkafka
from shared.kafka.beginnings import Commit
from shared.kafka.dead_letters import KafkaDeadLetters
from shared.kafka.holds import PutAside
from shared.kafka.intake import Intake
from shared.kafka.lag import Ends, Lags
from shared.kafka.probe import Probe
from shared.kafka.producer import Publisher
from shared.kafka.pulse import Pulse
from shared.kafka.standstill import Standstill
from shared.mongo.client import Database, connect
from shared.runtime import clock
from shared.runtime.health import Check
from shared.runtime.job_loop import Bell, name_worker
from shared.runtime.job_watch import CountedJobs, JobWatch
from shared.runtime.retry import delay_before
from shared.runtime.settings import read_settings
from shared.runtime.start import start
from shared.runtime.worker import Worker

LETTER_SECONDS = 5.0
"""How long a batch waits for its dead letters to be taken. Those that are not then hold their partitions, and the batch is done."""


def build(settings: Settings) -> Worker:
    """Return the worker, ready to run: the intake as its main loop, one agent for replays."""
    # The agents need a group of their own: Faust speaks the classic protocol, the intake the one of KIP-848.
    worker = Worker("ingest", settings, group=f"{settings.ingest_group}.commands")
    client = connect(settings.mongo_uri.get_secret_value(), service="ingest")
    writing = connect(settings.mongo_uri.get_secret_value(), service="ingest", repeats_writes=False)
    log = MongoLogStore(writing[settings.mongo_database])
    publisher = Publisher(settings.kafka_bootstrap, service="ingest")
    letters_out = Publisher(settings.kafka_bootstrap, service="ingest", timeout_seconds=LETTER_SECONDS)
    dead_letters = KafkaDeadLetters(letters_out)
    integrations = MongoIntegrations(client[settings.mongo_database])
    gaps = GapsEntryPoint(
        MongoGapBook(client[settings.mongo_database]),
        reads_on=settings.ingest_gap_policy == "continue",
        clock=clock.now,
    )
    known: dict[Place, Commit] = {}
    counted = Counted()
    backlog = Backlog(settings.ingest_batch_size)
    lanes = [
        _lane(settings, log, dead_letters, integrations, gaps, known, counted, backlog, number)
        for number in range(settings.ingest_lanes)
    ]
    for number, lane in enumerate(lanes):
        worker.add_main(f"intake-{number}", lane.run, stop=lane.stop)
    worker.add_check("kafka", publisher.check)
    worker.add_check("partitions", _any_of(lanes))
    worker.add_check("mongo", log.ping)
    worker.add_check("gaps", gaps.check)
    seen = LanesEntryPoint(lanes, Lags(Ends(settings.kafka_bootstrap)), clock.now)
    worker.add_check("dead letters", seen.check)
    worker.add_main("lanes", seen.run)
    letters = _keep_and_replay(worker, settings, client[settings.mongo_database], publisher, gaps)
    _watch(worker, settings, {**{f"intake-{number}": lane for number, lane in enumerate(lanes)}, "letters": letters})
    keep = KeepDays(
        settings.ingest_attempts_keep_days, settings.ingest_success_keep_days, settings.ingest_error_keep_days
    )
    worker.add_main("housekeeping", Housekeeping(MongoOldContent(client[settings.mongo_database]), keep, clock.now).run)
    if settings.ingest_rollups:
        _keep_rollups(worker, settings, client[settings.mongo_database], backlog)
    worker.on_close(client.close)
    worker.on_close(writing.close)
    worker.on_close(publisher.close)
    worker.on_close(letters_out.close)
    return worker


def _lane(
    settings: Settings,
    log: LogStore,
    dead_letters: DeadLetters,
    integrations: MongoIntegrations,
    gaps: GapsEntryPoint,
    known: MutableMapping[Place, Commit],
    counted: Counted,
    backlog: Backlog,
    number: int,
) -> Intake:
    """Return one of the intakes that share the partitions: while one waits for MongoDB, another decodes.

    A partition belongs to one lane, so the order within an entry holds without a word between lanes.
    """
    story = Ingest(
        log,
        dead_letters,
        limit=_limit(settings),
        counted=counted,
        accounts=settings.allowed_accounts,
        known=_shapes(integrations, settings.ingest_minimum_availability),
        integrations=integrations,
        limits=ContentLimits(settings.ingest_max_payload_bytes, settings.ingest_max_evidence_bytes),
        remembered_since=_remembered_since(settings.ingest_attempts_keep_days),
    )
    pulse = Pulse()
    events = EventsEntryPoint(story, seconds=time.monotonic, on_wait=pulse.wait)

    def observe(outcome: BatchOutcome, seconds: float) -> None:
        events.observe(outcome, seconds)
        backlog.observe(outcome)

    return Intake(
        bootstrap=settings.kafka_bootstrap,
        group=settings.ingest_group,
        topics=EVENTS_TOPICS,
        handle=events.on_batch,
        observe=observe,
        batch_size=settings.ingest_batch_size,
        linger_seconds=settings.ingest_linger_ms / 1000,
        client_id=f"ponte.ingest.{number}",
        assignor=settings.ingest_assignor,
        on_gap=lambda gap: gaps.on_gap(gap, pulse.wait),
        put_aside=PutAside(dead_letters.offer, delay_before),
        known=known,
        pulse=pulse,
    )


def _shapes(integrations: MongoIntegrations, minimum_availability: int) -> Mapping[str, Shape]:
    by_integration = change_notice_by(integrations.minimum_availability, otherwise=minimum_availability)
    return {**shapes(minimum_availability=minimum_availability), ITEM_CHANGED_TYPE: by_integration}


def _remembered_since(keep_days: int) -> Callable[[], datetime]:
    """Return since when every attempt is surely still there: the server removes them once a minute, not to the second."""
    if not keep_days:
        return for_ever
    return lambda: clock.now() - timedelta(days=keep_days - 1)


def _any_of(lanes: Sequence[Intake]) -> Check:
    async def check() -> None:
        found = await asyncio.gather(*(lane.check() for lane in lanes), return_exceptions=True)
        if None not in found:
            raise BrokerUnavailable(str(found[0]))

    return check


def _watch(worker: Worker, settings: Settings, intakes: Mapping[str, Intake]) -> None:
    """Have the worker end when one of its intakes is stuck."""
    pulses = {name: intake.pulse for name, intake in intakes.items()}
    standstill = Standstill(pulses, Probe(librdkafka(settings.kafka_bootstrap)))
    worker.watch(standstill.look, seconds=settings.ingest_stuck_seconds)


def _keep_and_replay(
    worker: Worker, settings: Settings, database: Database, publisher: Publisher, gaps: GapsEntryPoint
) -> Intake:
    """Plug in the second intake, which keeps dead letters, and what sends them back. Return that intake."""
    book = MongoLetterBook(database)
    keep_for = timedelta(days=settings.ingest_dead_letter_keep_days)
    pulse = Pulse()
    letters = LettersEntryPoint(book, operator=settings.account, clock=clock.now, keep_for=keep_for, on_wait=pulse.wait)
    intake = Intake(
        bootstrap=settings.kafka_bootstrap,
        group=f"{settings.ingest_group}.deadletters",
        topics=[DEAD_LETTER_TOPIC],
        handle=letters.on_batch,
        observe=letters.observe,
        batch_size=settings.ingest_batch_size,
        linger_seconds=settings.ingest_linger_ms / 1000,
        client_id="ponte.ingest.deadletters",
        on_gap=lambda gap: gaps.on_gap(gap, pulse.wait),
        pulse=pulse,
    )
    # No health check: with more workers than partitions some have none of this topic.
    worker.add_main("letters", intake.run, stop=intake.stop)
    worker.add_main("letter-count", LetterCount(book, clock.now).run)
    jobs = CountedJobs(database, REPLAY_REQUESTS, service="ingest")
    worker.add_main("job watch", JobWatch(jobs, clock=clock.now).run)
    plugs = ReplayPlugs(jobs, book, KafkaTopics(publisher), clock.now)
    bell = Bell()
    worker.add_main("replays", replay_loop(name_worker(), plugs, bell).run, stop=bell.stop)
    commands = replay_commands(
        KafkaDeadLetterShelf(settings.kafka_bootstrap), plugs, operator=settings.account, wake=bell.wake
    )
    worker.take_commands(REPLAY_TOPIC, commands, KafkaDeadLetters(publisher))
    return intake


COUNTING_SECONDS = 1800
"""The whole log is counted in one question, half a minute for a million entries on a busy machine."""


def _keep_rollups(worker: Worker, settings: Settings, database: Database, backlog: Backlog) -> None:
    """Plug in what counts entries, if no other worker does. No health check: events are taken in without it."""
    uri = settings.mongo_uri.get_secret_value()
    patient = connect(uri, service="ingest", pool_size=2, answer_seconds=COUNTING_SECONDS)
    entries = MongoEntryLog(database, patient[database.name])
    manners = Manners(
        rest=settings.ingest_rollups_rest_ms / 1000,
        pause=settings.ingest_rollups_pause_seconds,
        is_busy=backlog.is_there,
    )
    rollups = Rollups(name_worker(), MongoRollupBook(database), entries, clock=clock.now, manners=manners)
    worker.add_main("rollups", rollups.run)
    worker.add_note("rollups", rollups.note)
    worker.on_close(patient.close)


OBJECTS_BETWEEN_COLLECTIONS = 100_000
"""A batch makes some 60,000 objects and hardly a cycle among them; Python's default of 700 costs a fifth of the whole CPU time."""


def main() -> None:
    """Run ingest until it is told to stop; exits the process."""
    start(_run)


def _run() -> NoReturn:
    worker = build(read_settings(Settings))
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, 20, 20)
    worker.run()


def _limit(settings: Settings) -> DeadLetterLimit:
    return DeadLetterLimit(
        settings.ingest_dead_letter_run, settings.ingest_dead_letter_ratio, settings.ingest_dead_letter_window
    )
