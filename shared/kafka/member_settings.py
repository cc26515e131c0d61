"""What librdkafka is told for a member of a consumer group."""

from typing import Literal

from shared.kafka.address import librdkafka
from shared.kafka.reconnecting import RECONNECT

Assignor = Literal["range", "uniform"]
"""How a broker shares partitions out: the same part of each topic for every member, none for more members than a topic has
partitions; or the same number for each, whichever topics they are of.
"""


def member_settings(bootstrap: str, group: str, client_id: str, assignor: Assignor = "range") -> dict[str, object]:
    """Return the settings of one member. Whoever joins adds what it wants to hear (member.py)."""
    return {
        **librdkafka(bootstrap),
        "group.id": group,
        "client.id": client_id,
        "group.protocol": "consumer",
        "group.remote.assignor": assignor,
        **RECONNECT,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        # Where to begin is decided by shared/kafka/beginnings.py; an offset that is not there is an error to us.
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
        # A partition of which anything is queued is left out of a fetch and rests: else each record that trickles in is a fetch of its
        # own, which costs a broker as much as the record does MongoDB; a longer rest makes a busy stream late (decision 0014). One fetch is
        # under way at a time: what was left out waits for news of the other partitions, so long at most.
        "queued.min.messages": 1,
        "fetch.queue.backoff.ms": 5,
        "fetch.wait.max.ms": 50,
        # What is fetched is compressed, what is queued is not: tenfold, where events are much alike. These bound a lane's memory.
        "fetch.message.max.bytes": 256 * 1024,
        "fetch.max.bytes": 1024 * 1024,
        "queued.max.messages.kbytes": 4 * 1024,
        "check.crcs": True,
        "log_level": 3,
    }
