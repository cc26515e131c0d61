"""A worker is a Faust app: Faust starts, drains and stops it, and runs its agents on the low-rate command topics.

The recipe around Faust's traps (decision 0001): raw bytes only; `noack_take` iterated directly, acknowledged by hand after the
handler returned; nothing may escape from the loop, since Faust would go on acknowledging what nobody handled; one agent at least;
no web site of Faust's own, it would bind every address.
"""

import asyncio
import faulthandler
import io
import os
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import faust
from mode import Service

from shared.contracts.errors import InvalidEvent, PonteError
from shared.contracts.names import consumer_group
from shared.contracts.records import Address, DeadLetter, Record
from shared.kafka.address import parse_address
from shared.kafka.dead_letters import KafkaDeadLetters
from shared.kafka.faust_transport import FaustTransport, faust_log
from shared.kafka.unreadable_headers import bear_unreadable_headers
from shared.runtime.disposition import disposition_of
from shared.runtime.ending import end_tasks, heed
from shared.runtime.faust_credentials import credentials_of
from shared.runtime.health import Alarm, Check, Health, HealthServer
from shared.runtime.listening import listen_for_health
from shared.runtime.logging import configure_logging, get_logger, log_ended_threads
from shared.runtime.retry import until_done
from shared.runtime.settings import Settings
from shared.runtime.start import EXIT_DEFECT, EXIT_STOPPED_LATE
from shared.runtime.watchdog import LAST_WORDS_SECONDS, Watchdog, leave_stuck
from shared.runtime.whereabouts import whereabouts

log = get_logger(__name__)

SESSION_SECONDS = 8.0
COMMANDS_AT_ONCE = 50
COMMAND_LINGER_SECONDS = 0.02
TIDY_SECONDS = 5.0
"""A loop that was cancelled gives back what it holds within them; then it is cancelled once more, since the cancel may have been lost."""

Handle = Callable[[Record], Awaitable[None]]
Main = Callable[[], Coroutine[Any, Any, None]]


class Worker:
    """Plugs a service into Faust. Give it agents, main loops, checks and what to close; then `run`.

    `group` is the consumer group of its agents; by default the service's own.
    """

    def __init__(self, service: str, settings: Settings, *, group: str | None = None) -> None:
        configure_logging(service, settings.log_level)
        bear_unreadable_headers()
        self.service = service
        cluster = parse_address(settings.kafka_bootstrap)
        self._settings = settings
        self._checks: dict[str, Check] = {}
        self._mains: list[tuple[str, Main, Callable[[], None] | None]] = []
        self._drained: list[str] = []
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self._notes: dict[str, Alarm] = {}
        self._watch: tuple[Callable[[], Collection[str]], float] | None = None
        self._watchdog: Watchdog | None = None
        self.app = _App(
            self,
            group or consumer_group(service),
            broker=[f"kafka://{server}" for server in cluster.servers.split(",")],
            broker_credentials=credentials_of(cluster),
            value_serializer="raw",
            key_serializer="raw",
            broker_commit_interval=1.0,
            broker_max_poll_records=500,
            # A worker that was killed holds its partitions until its session ends: Faust's 60 s would keep commands waiting.
            broker_session_timeout=SESSION_SECONDS,
            broker_heartbeat_interval=SESSION_SECONDS / 4,
            # With an instance id the same worker, restarted, takes its own place back at once.
            consumer_group_instance_id=settings.instance_id or None,
            stream_wait_empty=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
            table_standby_replicas=0,
            producer_request_timeout=30.0,
            # Faust makes this folder though we keep nothing in it; by default it would stand where the worker was started.
            datadir=Path(tempfile.gettempdir()) / f"ponte-{os.getuid()}-{service}",
            web_enabled=False,
            web_tables_enabled=False,
            web_router_enabled=False,
        )
        self.app.transport = FaustTransport(self.app.conf.broker_consumer, self.app)

    def take_commands(self, topic: str, handle: Handle, dead_letters: KafkaDeadLetters) -> None:
        """Hand every record of `topic` to `handle`, one after the other; what it refuses becomes a dead letter."""
        source = self.app.topic(topic, value_type=bytes, value_serializer="raw", key_serializer="raw")

        async def settle(record: Record) -> None:
            try:
                await until_done(lambda: handle(record), what=f"command at {record.address}")
            except PonteError as error:
                if disposition_of(error) != "dead letter":
                    raise
                letter = DeadLetter(record, _class_of(error), str(error))
                log.warning(
                    "command.dead_lettered", extra={"facts": {"address": str(record.address), "why": str(error)}}
                )
                await until_done(lambda: dead_letters.put([letter]), what="dead letter of a command")

        async def agent(stream: Any) -> None:
            async for events in stream.noack_take(COMMANDS_AT_ONCE, within=COMMAND_LINGER_SECONDS):
                try:
                    for event in events:
                        await settle(_record_of(event))
                        heed()
                    for event in events:
                        await stream.ack(event)
                except asyncio.CancelledError:
                    raise
                except BaseException as error:  # noqa: BLE001  # whatever escaped would be acknowledged by Faust unseen
                    leave_loudly("command.failed", error)

        agent.__name__ = f"take_{topic.replace('.', '_')}"
        self.app.agent(source, concurrency=1, name=f"{self.service}.{topic}")(agent)

    def add_main(self, name: str, main: Main, *, stop: Callable[[], None] | None = None) -> None:
        """Run `main` for the worker's life; `stop` asks it to end by itself, otherwise it is cancelled."""
        self._mains.append((name, main, stop))

    def add_check(self, name: str, check: Check) -> None:
        """Ask `check` every few seconds for the readiness answer."""
        self._checks[name] = check

    def add_note(self, name: str, note: Alarm) -> None:
        """Have the readiness answer tell what `note` returns, ready or not; None is nothing. It is called in another thread."""
        self._notes[name] = note

    def watch(self, look: Callable[[], Collection[str]], *, seconds: float) -> None:
        """End the worker when a sentence of `look` stands unchanged for so long; `look` is called in another thread."""
        self._watch = look, seconds

    def on_close(self, closer: Callable[[], Awaitable[None]]) -> None:
        """Call `closer` when the worker stops, last added first."""
        self._closers.append(closer)

    def run(self) -> NoReturn:
        """Run until SIGTERM or SIGINT; exits the process. Raise Defect when the health port is taken."""
        faulthandler.enable()
        log_ended_threads()
        self._listener = listen_for_health(self._settings)
        log.info("worker.started", extra={"facts": {"settings": self._settings.summary()}})
        worker: Any = faust.Worker(
            self.app, loglevel="WARN", override_logging=False, redirect_stdouts=False, quiet=True, stdout=io.StringIO()
        )
        threading.Thread(
            target=_leave_in_time,
            args=(worker, self._settings.stop_seconds),
            name="deadline",
            daemon=True,
        ).start()
        worker.execute_from_commandline()
        sys.exit(0)

    async def live(self) -> Sequence["asyncio.Task[None]"]:
        """Start health and mains; return their tasks."""
        alarms = {}
        if self._watch is not None:
            look, seconds = self._watch
            self._watchdog = Watchdog(look, seconds=seconds, bark=partial(leave_stuck, asyncio.get_running_loop()))
            self._watchdog.start()
            alarms["progress"] = self._watchdog.alarm
        health = Health(self._checks, alarms=alarms, notes=self._notes)
        server = HealthServer(health, self._listener)
        self._closers.append(_async(server.stop))
        log.info("health.listening", extra={"facts": {"port": server.port}})
        return [
            asyncio.create_task(health.watch(), name="health"),
            *(asyncio.create_task(_guard(name, main), name=name) for name, main, _ in self._mains),
        ]

    async def end(self, tasks: Sequence["asyncio.Task[None]"]) -> None:
        """Ask the mains to end, wait for them, cancel what only turns."""
        if self._watchdog is not None:
            self._watchdog.stop()
        stops: Mapping[str, Callable[[], None] | None] = {name: stop for name, _, stop in self._mains}
        draining = [task for task in tasks if stops.get(task.get_name()) is not None]
        self._drained = [task.get_name() for task in draining]
        for stop in filter(None, stops.values()):
            stop()
        await asyncio.gather(
            end_tasks(set(tasks) - set(draining), again_seconds=TIDY_SECONDS),
            asyncio.gather(*draining, return_exceptions=True),
        )

    async def close(self) -> None:
        """Close what the mains and the agents were plugged into; none of them may run any more."""
        for closer in reversed(self._closers):
            await closer()
        log.info("worker.stopped", extra={"facts": {"drained": self._drained}})


def leave_loudly(event: str, error: BaseException) -> NoReturn:
    """Log `error` and end the process at once, so that nothing is acknowledged that was not done."""
    try:
        log.critical(event, exc_info=error)
        sys.stderr.flush()
    finally:  # there may be no memory left to say it with
        os._exit(EXIT_DEFECT)


def _leave_in_time(worker: Any, within_seconds: float) -> None:
    # Faust and what stands below it may wait without end for a server that is gone.
    while not worker.should_stop:
        time.sleep(0.2)
    time.sleep(within_seconds)
    faulthandler.dump_traceback_later(LAST_WORDS_SECONDS, exit=True)
    facts = {"after_seconds": within_seconds, **whereabouts(worker.loop)}
    log.error("worker.gave_up_stopping", extra={"facts": facts})
    sys.stderr.flush()
    os._exit(EXIT_STOPPED_LATE)


class _Life(Service):  # type: ignore[misc]  # mode has no types
    logger = faust_log

    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self._worker = worker

    async def on_start(self) -> None:
        self._living = await self._worker.live()

    async def on_stop(self) -> None:
        await self._worker.end(self._living)


class _App(faust.App):  # type: ignore[misc]  # Faust has no types
    """Faust's app with the life of a worker in it, which begins before Kafka has answered, and ends before all else.

    What the agents use is closed after them: a group that settles late hands them commands while their worker stops.
    """

    logger = faust_log

    def __init__(self, worker: Worker, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._worker = worker

    async def on_start(self) -> None:
        await super().on_start()
        await self.add_runtime_dependency(_Life(self._worker))

    async def on_shutdown(self) -> None:
        await super().on_shutdown()
        await self._worker.close()


async def _guard(name: str, main: Main) -> None:
    try:
        await main()
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001  # a main that ends by an error ends the worker, whatever the error
        leave_loudly(f"{name}.failed", error)


def _async(function: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def call() -> None:
        await asyncio.to_thread(function)

    return call


def _class_of(error: PonteError) -> str:
    return error.error_class if isinstance(error, InvalidEvent) else type(error).__name__


def _record_of(event: Any) -> Record:
    message = event.message
    headers = message.headers.items() if isinstance(message.headers, dict) else message.headers or ()
    return Record(
        address=Address(message.topic, message.partition, message.offset),
        key=message.key,
        value=message.value,
        headers=list(headers),
        timestamp=datetime.fromtimestamp(max(message.timestamp or 0, 0), UTC),
    )
