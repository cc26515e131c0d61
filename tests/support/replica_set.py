"""MongoDB on a machine of its own, and three of them as a replica set: to be stopped, killed, frozen, slowed and healed."""

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from deploy.local.mongod import REPLICA_SET, Mongod
from deploy.local.ports import HOST, choose_port
from tests.support.eventually import eventually

CACHE_GB = 0.25  # the least that mongod takes
ELECTION_MS = 2000
HEAL_SECONDS = 90
STOP_SECONDS = 10
PARAMETERS = {"enableTestCommands": "1"}


class Member:
    """One mongod, on the same folder and port for as often as it is started."""

    def __init__(self, folder: Path, port: int, cache_gb: float) -> None:
        self.address = f"{HOST}:{port}"
        self._mongod = Mongod(folder, port, folder.with_suffix(".log"), parameters=PARAMETERS, cache_gb=cache_gb)

    @property
    def is_running(self) -> bool:
        return self._mongod.process.is_running()

    def start(self) -> None:
        self._mongod.start()

    def stop(self) -> None:
        """Ask it to stop, as a person would who restarts it."""
        self._mongod.process.stop(STOP_SECONDS)

    def kill(self) -> None:
        self._mongod.process.kill()

    def abort(self) -> None:
        """End as mongod ends itself when it cannot write, on a full disk for instance."""
        os.kill(self._mongod.process.pid, signal.SIGABRT)
        self._mongod.process.wait(STOP_SECONDS)

    def freeze(self) -> None:
        """Connections stay open and nobody answers."""
        os.kill(self._mongod.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._mongod.process.pid, signal.SIGCONT)

    def command(self, name: str, value: Any = 1, **rest: Any) -> dict[str, Any]:
        with MongoClient[dict[str, Any]](
            self.address, directConnection=True, serverSelectionTimeoutMS=2_000, socketTimeoutMS=10_000
        ) as client:
            return client.admin.command(name, value, **rest)

    def hello(self) -> dict[str, Any]:
        """Return what it says of itself; nothing while it does not answer."""
        try:
            return self.command("hello")
        except PyMongoError:
            return {}


class ReplicaSet:
    """Members that elect a new primary within a few seconds."""

    def __init__(self, folder: Path, members: int, cache_gb: float) -> None:
        ports: list[int] = []
        for _ in range(members):
            ports.append(choose_port(ports))
        self.members = [Member(folder / f"mongo-{number}", port, cache_gb) for number, port in enumerate(ports)]

    @property
    def uri(self) -> str:
        return f"mongodb://{','.join(member.address for member in self.members)}/?replicaSet={REPLICA_SET}"

    def client(self) -> MongoClient[dict[str, Any]]:
        """Return a client that leaves a frozen member within a few seconds: by default that takes half a minute."""
        return MongoClient(self.uri, heartbeatFrequencyMS=1_000, connectTimeoutMS=1_000, serverSelectionTimeoutMS=5_000)

    def start(self) -> None:
        for member in self.members:
            member.start()
        for member in self.members:
            eventually(lambda member=member: _answers(member))
        hosts = [{"_id": number, "host": member.address} for number, member in enumerate(self.members)]
        settings = {"electionTimeoutMillis": ELECTION_MS, "heartbeatIntervalMillis": 500}
        self.members[0].command("replSetInitiate", {"_id": REPLICA_SET, "members": hosts, "settings": settings})
        self.heal()

    def primary(self) -> Member:
        """Return the member that takes writes now, waiting for it."""
        found = eventually(self.primaries, bool, within=HEAL_SECONDS)
        return found[0]

    def primaries(self) -> list[Member]:
        return [member for member in self.members if member.is_running and member.hello().get("isWritablePrimary")]

    def secondaries(self) -> list[Member]:
        primary = self.primary()
        return [member for member in self.members if member is not primary]

    def step_down(self) -> Member:
        """Let the primary hand over, and return the one that took over."""
        before = self.primary()
        before.command("replSetStepDown", 20, force=True)
        return eventually(lambda: [m for m in self.primaries() if m is not before], bool, within=HEAL_SECONDS)[0]

    def heal(self) -> None:
        """Return when every member runs, answers and has caught up with the others; no fault is left."""
        for member in self.members:
            if member.is_running:
                member.thaw()
            else:
                member.start()
        eventually(self._states, lambda seen: sorted(seen) == self._whole(), within=HEAL_SECONDS)
        self.unfail()

    def _states(self) -> list[str]:
        try:
            status = self.primary().command("replSetGetStatus")
        except PyMongoError as error:
            return [str(error)]
        return [member["stateStr"] for member in status["members"]]

    def _whole(self) -> list[str]:
        return ["PRIMARY", *["SECONDARY"] * (len(self.members) - 1)]

    def fail(self, commands: Sequence[str], *, service: str, mode: Any = "alwaysOn", **how: Any) -> None:
        """Let `commands` of a service fail on every member (see MongoDB's failCommand)."""
        data = {"failCommands": list(commands), "appName": f"ponte.{service}", **how}
        for member in self.members:
            member.command("configureFailPoint", "failCommand", mode=mode, data=data)

    def unfail(self) -> None:
        for member in self.members:
            member.command("configureFailPoint", "failCommand", mode="off")

    def fail_point(self, name: str, mode: Mapping[str, Any] | str) -> None:
        """Set any other failpoint on every member."""
        for member in self.members:
            member.command("configureFailPoint", name, mode=mode)

    def end(self) -> None:
        for member in self.members:
            member.kill()


@contextmanager
def own_replica_set(folder: Path, members: int = 3, *, cache_gb: float = CACHE_GB) -> Iterator[ReplicaSet]:
    """Run a replica set for the block; its data stays in `folder`."""
    replica_set = ReplicaSet(folder, members, cache_gb)
    try:
        replica_set.start()
        yield replica_set
    finally:
        replica_set.end()


def _answers(member: Member) -> bool:
    assert member.is_running, f"mongod at {member.address} ended"
    return bool(member.hello())
