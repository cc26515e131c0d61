"""What is plugged into what."""

import gc
import time
from typing import NoReturn

from services.ingest.adapters.kafka_replay import KafkaDeadLetterShelf, KafkaTopics
from services.ingest.adapters.mongo_log_store import MongoLogStore
from services.ingest.core.limit import DeadLetterLimit
from services.ingest.entrypoints.commands import replay_commands
from services.ingest.entrypoints.events import EventsEntryPoint
from services.ingest.handlers.ingesting import Ingest
from services.ingest.settings import Settings
from shared.contracts.names import EVENTS_TOPICS, REPLAY_TOPIC
from shared.kafka.dead_letters import KafkaDeadLetters
from shared.kafka.intake import Intake
from shared.kafka.producer import Publisher
from shared.mongo.client import connect
from shared.runtime.settings import read_settings
from shared.runtime.worker import Worker


def build(settings: Settings) -> Worker:
    """Return the worker, ready to run: the intake as its main loop, one agent for replays."""
    # The agents need a group of their own: Faust speaks the classic protocol, the intake the one of KIP-848.
    worker = Worker("ingest", settings, group=f"{settings.ingest_group}.commands")
    client = connect(settings.mongo_uri.get_secret_value(), service="ingest")
    log = MongoLogStore(client[settings.mongo_database])
    publisher = Publisher(settings.kafka_bootstrap, service="ingest")
    dead_letters = KafkaDeadLetters(publisher)
    events = EventsEntryPoint(
        Ingest(log, dead_letters, limit=_limit(settings), accounts=settings.allowed_accounts), seconds=time.monotonic
    )
    intake = Intake(
        bootstrap=settings.kafka_bootstrap,
        group=settings.ingest_group,
        topics=EVENTS_TOPICS,
        handle=events.on_batch,
        observe=events.observe,
        batch_size=settings.ingest_batch_size,
        linger_seconds=settings.ingest_linger_ms / 1000,
        client_id="ponte.ingest",
    )
    worker.add_main("intake", intake.run, stop=intake.stop)
    worker.add_check("kafka", intake.check)
    worker.add_check("mongo", log.ping)
    shelf = KafkaDeadLetterShelf(settings.kafka_bootstrap)
    worker.take_commands(REPLAY_TOPIC, replay_commands(shelf, KafkaTopics(publisher)), dead_letters)
    worker.on_close(client.close)
    worker.on_close(publisher.close)
    return worker


OBJECTS_BETWEEN_COLLECTIONS = 100_000
"""A batch makes some 60,000 objects and hardly a cycle among them; Python's default of 700 costs a fifth of the whole CPU time."""


def main() -> NoReturn:
    """Run ingest until it is told to stop; exits the process."""
    worker = build(read_settings(Settings))
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, 20, 20)
    worker.run()


def _limit(settings: Settings) -> DeadLetterLimit:
    return DeadLetterLimit(
        settings.ingest_dead_letter_run, settings.ingest_dead_letter_ratio, settings.ingest_dead_letter_window
    )
