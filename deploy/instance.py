"""What runs here: one small file per `ponte up`, by its HTTP port, so that other commands find its addresses and its key.

It holds an API key, so only its owner can read it. A file whose supervisor is gone counts as none.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from deploy.errors import CommandError
from deploy.local.given import takes_connections
from deploy.local.lock import hold, holder, let_go
from deploy.private_file import write_private
from shared.kafka.address import shown_servers

DEFAULT_HTTP_PORT: Final = 8080
CLOCK_MOVED_SECONDS: Final = 60.0
"""The system tells a start by its clock, which may be set right meanwhile; the same number is not given again so soon."""


@dataclass
class Instance:
    """Addresses, the key and the process ids of one running Ponte. `status` prints it as it stands.

    What has a default is missing in files of older versions.
    """

    pid: int
    api: dict[str, Any]
    kafka: dict[str, Any]
    mongo: dict[str, Any]
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    account: str = ""
    database: str = ""
    started_at: float | None = None

    def to_json(self) -> str:
        """Return the form of `ponte status --json`."""
        return json.dumps(asdict(self), indent=2)

    def write(self, port: int) -> None:
        """Store it for `find_instance`, atomically. Raise CommandError where that cannot be."""
        with _told_of_the_folder():
            write_private(_path(port), self.to_json())


@contextmanager
def hold_port(port: int) -> Iterator[None]:
    """Be the one `ponte up` of this user for that port while the block runs, and so the one whose file `find_instance` reads.

    Raise LocalServerError that names who is, CommandError where the state folder cannot be written.
    """
    path = state_folder() / f"up-{port}.lock"
    with _told_of_the_folder():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock_fd = hold(
            path,
            lambda: f"Ponte runs already on port {port} (process {holder(path)}): stop it, or set PONTE_HTTP_PORT",
        )
    try:
        yield
    finally:
        let_go(path, lock_fd)


def find_instance(port: int) -> Instance | None:
    """Return the Ponte whose API listens on `port`, or None when none of this user runs there."""
    try:
        instance = Instance(**json.loads(_path(port).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    if _is_alive(instance):
        return instance
    forget_instance(port)  # a killed one could not: its key must not lie about
    return None


def start_of(pid: int) -> float | None:
    """Return when the process began, in seconds since 1970; None when there is none."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def _is_alive(instance: Instance) -> bool:
    """Say whether its process is there, and is not another one that got the same number, as after a restart of the machine."""
    if instance.started_at is None:
        return psutil.pid_exists(instance.pid)
    began = start_of(instance.pid)
    return began is not None and abs(began - instance.started_at) < CLOCK_MOVED_SECONDS


def get_instance(environ: Mapping[str, str] | None = None) -> Instance:
    """Return the Ponte on PONTE_HTTP_PORT. Raise CommandError that says how to start one."""
    port = http_port(environ)
    if (instance := find_instance(port)) is None:
        msg = f"nothing of Ponte runs on port {port}: start it with `ponte up`, or set PONTE_HTTP_PORT to where it runs"
        raise CommandError(msg)
    return instance


def forget_instance(port: int) -> None:
    """Remove the file; nothing happens when there is none. Raise CommandError where that cannot be."""
    with _told_of_the_folder():
        _path(port).unlink(missing_ok=True)


def http_port(environ: Mapping[str, str] | None = None) -> int:
    """Return PONTE_HTTP_PORT as a number. Raise CommandError when it is none."""
    text = (os.environ if environ is None else environ).get("PONTE_HTTP_PORT", "") or str(DEFAULT_HTTP_PORT)
    if not text.isdecimal() or not 0 < int(text) < 65536:  # noqa: PLR2004  # the range of ports
        msg = f"PONTE_HTTP_PORT is {text!r}: it must be a port, 1 to 65535"
        raise CommandError(msg)
    return int(text)


def kafka_bootstrap() -> str:
    """Return Kafka's address: PONTE_KAFKA_BOOTSTRAP, else that of the Ponte that runs here."""
    return os.environ.get("PONTE_KAFKA_BOOTSTRAP") or str(get_instance().kafka["bootstrap"])


def reach_kafka() -> str:
    """Return Kafka's address as `kafka_bootstrap` does. Raise CommandError at once when nobody listens there."""
    bootstrap = kafka_bootstrap()
    if not takes_connections(bootstrap):
        raise silent_kafka(bootstrap, "nobody listens there")
    return bootstrap


def silent_kafka(bootstrap: str, why: object) -> CommandError:
    """Return what to say when Kafka does not answer."""
    return CommandError(
        f"Kafka at {shown_servers(bootstrap)} does not answer ({why}): `ponte doctor` looks at what runs here, "
        "PONTE_KAFKA_BOOTSTRAP names another one"
    )


def mongo_uri() -> str:
    """Return MongoDB's connection string: PONTE_MONGO_URI, else that of the Ponte that runs here."""
    return os.environ.get("PONTE_MONGO_URI") or str(get_instance().mongo["uri"])


def database_name() -> str:
    """Return PONTE_MONGO_DATABASE, else the database of the Ponte that runs here, else what a new one would take."""
    return os.environ.get("PONTE_MONGO_DATABASE") or _said_of_the_running("database") or wanted_database()


def account_name() -> str:
    """Return PONTE_ACCOUNT, else the account of the Ponte that runs here, else what a new one would take."""
    return os.environ.get("PONTE_ACCOUNT") or _said_of_the_running("account") or wanted_account()


def wanted_database() -> str:
    """Return the database that `ponte up` is to use: PONTE_MONGO_DATABASE, `ponte` when it is not set."""
    return os.environ.get("PONTE_MONGO_DATABASE") or "ponte"


def wanted_account() -> str:
    """Return the account that `ponte up` is to use: PONTE_ACCOUNT, `loja` when it is not set."""
    return os.environ.get("PONTE_ACCOUNT") or "loja"


def _said_of_the_running(what: str) -> str:
    """Return what the Ponte here says of itself; nothing where the environment names other servers than its."""
    try:
        instance = find_instance(http_port())
    except CommandError:
        return ""  # whoever needs the port says that it is none
    if instance is None:
        return ""
    its = {"PONTE_KAFKA_BOOTSTRAP": instance.kafka.get("bootstrap"), "PONTE_MONGO_URI": instance.mongo.get("uri")}
    is_meant = all(os.environ.get(name) in {None, "", address} for name, address in its.items())
    return str(getattr(instance, what)) if is_meant else ""


def data_folder() -> Path:
    """Return where `ponte up` keeps its data unless it is told otherwise: PONTE_DATA, `.ponte` when it is not set."""
    return Path(os.environ.get("PONTE_DATA") or ".ponte")


def state_folder() -> Path:
    """Return where this user's files about what runs here stand."""
    root = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(root) / "ponte"


@contextmanager
def _told_of_the_folder() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CommandError(
            f"{state_folder()} cannot be written ({error.strerror or error}): change its owner, or set XDG_STATE_HOME to a folder of yours"
        ) from error


def _path(port: int) -> Path:
    return state_folder() / f"instance-{port}.json"
