"""What librdkafka is told for a member of a consumer group."""

from typing import Literal

from shared.kafka.producer import RECONNECT_MAX_MS

Assignor = Literal["range", "uniform"]
"""How a broker shares partitions out: the same part of each topic for every member, none for more members than a topic has
partitions; or the same number for each, whichever topics they are of.
"""


def member_settings(bootstrap: str, group: str, client_id: str, assignor: Assignor = "range") -> dict[str, object]:
    """Return the settings of one member. Whoever joins adds what it wants to hear (member.py)."""
    return {
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "client.id": client_id,
        "group.protocol": "consumer",
        "group.remote.assignor": assignor,
        # A broker that was restarted is found again within a second: librdkafka's own limit is ten.
        "reconnect.backoff.max.ms": RECONNECT_MAX_MS,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        # Where to begin is decided by shared/kafka/beginnings.py; an offset that is not there is an error to us.
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
        # A broker answers as soon as there is anything. Waiting short costs it 1 ms for each question, and idle lanes ask all day.
        "fetch.wait.max.ms": 500,
        # What is fetched is compressed, what is queued is not: tenfold, where events are much alike. These bound a lane's memory.
        "fetch.message.max.bytes": 256 * 1024,
        "fetch.max.bytes": 1024 * 1024,
        "queued.max.messages.kbytes": 4 * 1024,
        # One fetch is under way at a time: a partition with so many queued is left out of it, and waits for news of the others, 500 ms at most.
        "queued.min.messages": 5_000,
        "fetch.queue.backoff.ms": 20,
        "check.crcs": True,
        "log_level": 3,
    }
