"""What is plugged into what: the Faust worker, the command agent, the runners, the rescue, MongoDB and Kafka."""

import asyncio

from services.reprocessor.adapters.kafka_retry_topics import KafkaRetryTopics
from services.reprocessor.adapters.kafka_status_topic import KafkaStatusTopic
from services.reprocessor.adapters.mongo_entry_store import MongoEntryStore
from services.reprocessor.adapters.mongo_failed_entries import MongoFailedEntries
from services.reprocessor.adapters.mongo_integrations import MongoIntegrations
from services.reprocessor.adapters.mongo_pending_entries import MongoPendingEntries
from services.reprocessor.core.progress import Tally
from services.reprocessor.entrypoints.commands import command_taker
from services.reprocessor.entrypoints.runner import reprocess_loop
from services.reprocessor.entrypoints.timers import RescueTimer, RetryTimer
from services.reprocessor.handlers.ports import Limits, Plugs
from services.reprocessor.handlers.retrying import RetryPlugs
from services.reprocessor.settings import Settings
from shared.contracts.names import REPROCESS_REQUESTS, REPROCESS_TOPIC
from shared.kafka.dead_letters import KafkaDeadLetters
from shared.kafka.producer import Publisher
from shared.mongo.client import Database, connect
from shared.mongo.errors import translated
from shared.mongo.jobs import Jobs
from shared.runtime.clock import Clock, now
from shared.runtime.health import Check
from shared.runtime.job_loop import Bell, name_worker
from shared.runtime.job_watch import CountedJobs, JobWatch
from shared.runtime.metrics import REPROCESS_ITEMS
from shared.runtime.settings import read_settings
from shared.runtime.start import start
from shared.runtime.worker import Worker

SERVICE = "reprocessor"


def build(settings: Settings, *, clock: Clock = now) -> Worker:
    """Return the worker, plugged together and not started."""
    worker = Worker(SERVICE, settings, group=settings.reprocessor_group)
    client = connect(settings.mongo_uri.get_secret_value(), service=SERVICE)
    database = client[settings.mongo_database]
    timeout = settings.reprocessor_publish_timeout.total_seconds()
    publisher = Publisher(settings.kafka_bootstrap, service=SERVICE, timeout_seconds=timeout)
    jobs = CountedJobs(database, REPROCESS_REQUESTS, service=SERVICE)
    plugs = plug(database, publisher, jobs, limits_of(settings), clock)
    bell = Bell()
    rescue = RescueTimer(
        MongoPendingEntries(database), jobs, clock, plugs.limits, every=settings.reprocessor_rescue_every
    )
    found = RetryPlugs(MongoFailedEntries(database), jobs, plugs.integrations, clock, plugs.limits)
    retries = RetryTimer(found, bell.wake, every=settings.reprocessor_retry_every)
    worker.take_commands(REPROCESS_TOPIC, command_taker(jobs, clock, bell.wake), KafkaDeadLetters(publisher))
    for number in range(settings.reprocessor_runners):
        loop = reprocess_loop(name_worker(), plugs, bell, idle=settings.reprocessor_idle)
        worker.add_main(f"runner {number}", loop.run, stop=bell.stop)
    worker.add_main("rescue", rescue.run)
    worker.add_main("automatic retries", retries.run)
    worker.add_main("job watch", JobWatch(jobs, clock=clock).run)
    worker.add_check("kafka", publisher.check)
    worker.add_check("mongo", _mongo_check(database))
    worker.on_close(client.close)
    worker.on_close(publisher.close)
    return worker


def plug(database: Database, publisher: Publisher, jobs: Jobs, limits: Limits, clock: Clock) -> Plugs:
    """Return what a slice is plugged into, on real servers."""
    return Plugs(
        entries=MongoEntryStore(database),
        topics=KafkaRetryTopics(publisher),
        jobs=jobs,
        integrations=MongoIntegrations(database),
        status=KafkaStatusTopic(publisher),
        clock=clock,
        sleep=asyncio.sleep,
        limits=limits,
        observe=observe,
    )


def limits_of(settings: Settings) -> Limits:
    """Return the settings that the stories know."""
    return Limits(
        batch_size=settings.reprocessor_batch_size,
        slice=settings.reprocessor_slice,
        lease=settings.reprocessor_lease,
        publish_timeout=settings.reprocessor_publish_timeout,
        give_up_after=settings.reprocessor_give_up_after,
        rescue_after=settings.reprocessor_rescue_after,
        answer_timeout=settings.reprocessor_answer_timeout,
        retry_delays=settings.retry_delays,
        retries_per_second=settings.reprocessor_retries_per_second,
    )


def observe(tally: Tally) -> None:
    """Count a batch's items in the metrics."""
    REPROCESS_ITEMS.labels("sent").inc(tally.sent)
    REPROCESS_ITEMS.labels("skipped").inc(tally.skipped.total())
    REPROCESS_ITEMS.labels("failed").inc(len(tally.failures))


def main() -> None:
    """Run the worker of the environment's settings; exits the process."""
    start(lambda: build(read_settings(Settings)).run())


def _mongo_check(database: Database) -> Check:
    async def check() -> None:
        with translated():
            await database.command("ping")

    return check
