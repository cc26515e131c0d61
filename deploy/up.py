"""`ponte up`: real servers, the four services and, if asked, the demo shop, watched until Ctrl-C.

Order: port and settings → servers → topics and indexes → services side by side → demo. Stopped the other way round. Every child
dies with this process, whatever kills it (`deploy/local/process.py`). Who dies is started again (`deploy/watch.py`).
"""

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Final, TypeVar

from confluent_kafka import KafkaException
from pymongo.errors import InvalidName, PyMongoError

from deploy.addresses import LOOPBACK, local_url
from deploy.api import asking
from deploy.demo.settings import DemoSettings
from deploy.errors import CommandError
from deploy.instance import (
    Instance,
    forget_instance,
    hold_port,
    http_port,
    start_of,
    state_folder,
    wanted_account,
    wanted_database,
)
from deploy.kept_key import account_of, kept_key, new_key
from deploy.local.ports import choose_port
from deploy.local.process import UNHURRIED, ChildProcess, stop_together
from deploy.local.servers import Servers, start_servers
from deploy.parts import SERVICES
from deploy.provision import provision
from deploy.watch import Watch, Watched, says_it_lives
from shared.client import NotNow, Ponte, Unreachable
from shared.contracts.events import NAME
from shared.contracts.names import KINDS
from shared.contracts.stored_secrets import LEAST_KEY_LENGTH, is_sendable
from shared.mongo.errors import in_short
from shared.runtime.listening import listen
from shared.runtime.settings import read_settings

ASKED_BY_PEOPLE: Final = "query"
READY_WITHIN_SECONDS: Final = 60.0
HISTORY_WITHIN_SECONDS: Final = 30.0
STOP_WITHIN_SECONDS: Final = 2.0
WATCH_EVERY_SECONDS: Final = 0.2

T = TypeVar("T")


class Stopped(KeyboardInterrupt):
    """We were asked to stop before everything ran. No `Exception`: nobody on its way up may take it for a failure of his own."""


class Up:
    """One running Ponte. `run` returns when it was asked to stop and everything is gone."""

    def __init__(self, *, data: Path | None, demo: bool, say: Callable[[str], None]) -> None:
        self._data = data and data.absolute()  # what we write down is read from other folders
        self._demo = demo
        self._history = 0
        self._say = say
        self._port = http_port()
        self._host = os.environ.get("PONTE_QUERY_HOST", LOOPBACK)
        self._url = local_url(self._host, self._port)
        # No Event: a second signal that comes within its `set` would wait for ever for its lock.
        self._is_asked_to_stop = False
        self._waits_for_servers = False
        self._watch = Watch(say, self._write_instance, self._after_the_end_of_a_server())

    def run(self) -> None:
        """Start, watch, stop. Raise CommandError, LocalServerError or Defect with one sentence for the person at the terminal."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        self._refuse_wrong_settings()
        with hold_port(self._port):
            self._refuse_a_taken_port()
            try:
                self._run_until_asked_to_stop()
            except Stopped:
                self._say("stopped before everything ran")
            if self._data is None:  # nothing is kept of a run that ended well; of any other the logs tell why
                shutil.rmtree(self._log_folder(), ignore_errors=True)

    def _run_until_asked_to_stop(self) -> None:
        began = time.monotonic()
        with ExitStack() as undo:
            with self._a_stop_interrupts():
                servers = undo.enter_context(start_servers(self._data, report=self._say))
                key = os.environ.get("PONTE_API_KEY") or (kept_key(self._data) if self._data else new_key())
                _provision(servers, key)
            undo.callback(self._stop_children)
            undo.callback(forget_instance, self._port)
            self._start_services(servers, key)
            api = undo.enter_context(asking(self._instance.api, attempts=1))  # it is asked again until it is ready
            self._wait_for("the API", api.is_ready)
            self._say(f"the panel answers after {time.monotonic() - began:.1f} s")
            if self._demo:
                self._start_demo(api)
            self._greet(api)
            self._watch_until_asked_to_stop()
            self._say("stopping …")

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        is_first = not self._is_asked_to_stop
        self._is_asked_to_stop = True
        if is_first and self._waits_for_servers:  # a second one must not interrupt the stopping
            raise Stopped

    @contextmanager
    def _a_stop_interrupts(self) -> Iterator[None]:
        """Have a stop raise Stopped at once, wherever we are: servers may take a minute, in calls that look at no event of ours."""
        self._waits_for_servers = True
        try:
            if self._is_asked_to_stop:
                raise Stopped
            yield
        finally:
            self._waits_for_servers = False

    def _refuse_wrong_settings(self) -> None:
        if not NAME.fullmatch(wanted_account()):
            msg = f"PONTE_ACCOUNT is {wanted_account()!r}: it must be 1 to 64 letters, digits, `_`, `.` or `-`"
            raise CommandError(msg)
        key = os.environ.get("PONTE_API_KEY", "")
        if key and len(key) < LEAST_KEY_LENGTH:
            msg = f"PONTE_API_KEY has {len(key)} characters: it must have {LEAST_KEY_LENGTH} or more; unset it to get one made"
            raise CommandError(msg)
        if not is_sendable(key):
            msg = "PONTE_API_KEY has blanks at its ends or characters beyond ASCII, which no request can carry; unset it to get one made"
            raise CommandError(msg)
        if self._demo:
            self._history = read_settings(DemoSettings, {"kafka_bootstrap": "known later"}).demo_history

    def _refuse_a_taken_port(self) -> None:
        listen(self._host, self._port, settings=("PONTE_QUERY_HOST", "PONTE_HTTP_PORT")).close()
        listen(_health_host(), 0, settings=("PONTE_HEALTH_HOST", "PONTE_HEALTH_PORT")).close()

    def _start_services(self, servers: Servers, key: str) -> None:
        self._environment = self._environment_of(servers, key)
        self._instance = Instance(
            pid=os.getpid(),
            api={"url": self._url, "key": key},
            kafka=asdict(servers.kafka),
            mongo=asdict(servers.mongo),
            account=wanted_account(),
            database=wanted_database(),
            started_at=start_of(os.getpid()),
        )
        for name, server, facts in (
            ("Kafka", servers.own_kafka, self._instance.kafka),
            ("MongoDB", servers.own_mongod, self._instance.mongo),
        ):
            if server is not None:
                self._watch.add(name, Watched(server.process, server.start, facts, server))
        for service in SERVICES:
            self._start(service, f"services.{service}")

    def _environment_of(self, servers: Servers, key: str) -> dict[str, str]:
        return {
            **os.environ,
            "PONTE_KAFKA_BOOTSTRAP": servers.kafka.bootstrap,
            "PONTE_MONGO_URI": servers.mongo.uri,
            "PONTE_HTTP_PORT": str(self._port),
            "PONTE_MONGO_DATABASE": wanted_database(),
            "PONTE_ACCOUNT": wanted_account(),
            "PONTE_API_KEY": key,
            "PONTE_API_URL": self._url,
            "PONTE_INSTANCE_ID": os.environ.get("PONTE_INSTANCE_ID") or f"up-{self._port}",
            "PYTHONUNBUFFERED": "1",
        }

    def _start(self, name: str, module: str) -> None:
        environment, health, is_live = self._environment, dict[str, Any](), None
        if name in SERVICES:  # the demo has no port of its own
            health["health_port"] = choose_port([entry["health_port"] for entry in self._instance.services.values()])
            health["health_host"] = _health_host()
            environment = {**environment, "PONTE_HEALTH_PORT": str(health["health_port"])}
            is_live = partial(says_it_lives, local_url(health["health_host"], health["health_port"]))
        process = ChildProcess(
            name,
            [sys.executable, "-m", module],
            environment,
            self._log_folder() / f"{name}.log",
            niceness=0 if name == ASKED_BY_PEOPLE else UNHURRIED,
        )
        try:
            process.start()
        except OSError as error:
            raise CommandError(f"{name} cannot be started, or its log not be written: {error}") from error
        facts = {"pid": process.pid, **health, "log": str(process.log_path)}
        self._watch.add(name, Watched(process, process.start, facts, is_live=is_live))
        self._instance.services[name] = facts
        self._write_instance()

    def _write_instance(self) -> None:
        self._instance.write(self._port)

    def _log_folder(self) -> Path:
        return self._data / "logs" if self._data else state_folder() / f"logs-{self._port}"

    def _wait_for(self, what: str, ask: Callable[[], T | None]) -> T:
        """Return the first answer of `ask` that is something; meanwhile who ends is started again."""
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        while not (answer := ask()):
            self._watch.look()
            if self._is_asked_to_stop:
                raise Stopped
            if time.monotonic() > deadline:
                logs = self._log_folder()
                raise CommandError(f"{what} is not there after {READY_WITHIN_SECONDS:.0f} s: see the logs in {logs}")
            time.sleep(0.05)
        return answer

    def _start_demo(self, api: Ponte) -> None:
        self._say("the demo shop opens: a history for each tab, then a steady stream")
        self._start("demo", "deploy.demo")
        self._wait_for("a row in each of the five tabs", lambda: all(_counts(api).get(kind) for kind in KINDS))
        deadline = time.monotonic() + HISTORY_WITHIN_SECONDS
        self._wait_for(
            "the history",
            lambda: (
                sum(sum(kind.values()) for kind in _counts(api).values()) >= self._history
                or time.monotonic() > deadline
            ),
        )

    def _greet(self, api: Ponte) -> None:
        link = self._wait_for("a link to sign in", lambda: _sign_in_link(api))
        self._say(f"API key     {self._instance.api['key']}")
        self._say(f"API         {self._instance.api['url']}/openapi.json")
        self._say(f"sign in     {link}   (works once, for 10 minutes; `ponte status` makes another)")
        self._say("Ctrl-C stops everything")

    def _watch_until_asked_to_stop(self) -> None:
        while not self._is_asked_to_stop:
            self._watch.look()
            time.sleep(WATCH_EVERY_SECONDS)

    def _after_the_end_of_a_server(self) -> str:
        if self._data is None:
            return "its last words stand above, and the data was ephemeral; start again with `ponte up`"
        return f"its log is in {self._data}; start again with `ponte up`, what was acknowledged is still there"

    def _stop_children(self) -> None:
        order = [process for name in ("demo", *SERVICES) if (process := self._watch.find(name))]
        stop_together(order, STOP_WITHIN_SECONDS)


def _health_host() -> str:
    return os.environ.get("PONTE_HEALTH_HOST", LOOPBACK)


def _provision(servers: Servers, key: str) -> None:
    """Make topics and indexes. Raise CommandError that says which setting to look at: a server refuses, or the key is another account's."""
    try:
        provision(servers.kafka.bootstrap, servers.mongo.uri, wanted_database())
        account = account_of(key, servers.mongo.uri, wanted_database())
    except KafkaException as error:
        raise CommandError(
            f"Kafka refuses the topics ({error}): look at what it allows, or at PONTE_KAFKA_BOOTSTRAP"
        ) from error
    except InvalidName as error:
        raise CommandError(f"PONTE_MONGO_DATABASE is {wanted_database()!r}: {error}") from error
    except PyMongoError as error:
        raise CommandError(
            f"MongoDB refuses the collections ({in_short(error)}): look at PONTE_MONGO_URI, and at PONTE_MONGO_DATABASE ({wanted_database()})"
        ) from error
    if account not in {None, wanted_account()}:
        raise CommandError(
            f"the API key is of the account {account}, and PONTE_ACCOUNT is {wanted_account()}: set PONTE_ACCOUNT to {account}, "
            "or choose another data folder, or another PONTE_API_KEY"
        )


def _counts(api: Ponte) -> Mapping[str, Mapping[str, int]]:
    """Return the entries of each kind by status; none while nobody can say, for a server that ended is started again."""
    try:
        counts: Mapping[str, Mapping[str, int]] = api.logs.summary().by_kind
    except (Unreachable, NotNow):
        return {}
    return counts


def _sign_in_link(api: Ponte) -> str | None:
    """Return a new one, or None while nobody can make it."""
    try:
        return api.create_sign_in_code().link
    except (Unreachable, NotNow):
        return None
