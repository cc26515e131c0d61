"""Three brokers that are one cluster, as in production: each partition on all of them, written once two have it. Any one may leave."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, TopicMetadata
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from deploy.local.cache import KafkaParts
from deploy.local.kafka import LOG_FOLDER, copy_formatted
from deploy.local.ports import HOST
from tests.support.broker import KAFKA_FOLDER, Broker, choose_ports_apart
from tests.support.eventually import eventually

BROKERS = 3
PREFERRED = 0
WHOLE_WITHIN_SECONDS = 90
COPIES = {
    "default.replication.factor": "3",
    "min.insync.replicas": "2",
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "share.coordinator.state.topic.replication.factor": "3",
    "share.coordinator.state.topic.min.isr": "2",
}


class Cluster:
    """Brokers with the ids 1, 2 and 3, all of them controllers, too."""

    def __init__(self, folder: Path) -> None:
        ports = choose_ports_apart(2 * BROKERS)
        pairs = list(zip(ports[::2], ports[1::2], strict=True))
        voters = ",".join(f"{number}@{HOST}:{controller}" for number, (_, controller) in enumerate(pairs, 1))
        self.brokers: list[Broker] = []
        cluster_id = ""
        for number, pair in enumerate(pairs, 1):
            place = folder / f"broker-{number}"
            cluster_id = _format(place / KAFKA_FOLDER / LOG_FOLDER, number, cluster_id)
            mine = {"node.id": str(number), "controller.quorum.voters": voters}
            self.brokers.append(Broker(place, ports=pair, properties={**COPIES, **mine}))

    @property
    def bootstrap(self) -> str:
        return ",".join(broker.bootstrap for broker in self.brokers)

    def start(self) -> None:
        for broker in self.brokers:
            broker.launch()
        for broker in self.brokers:
            broker.wait_until_ready()
        eventually(lambda: len(self._admin().list_topics(timeout=10).brokers) == BROKERS, within=WHOLE_WITHIN_SECONDS)

    def end(self) -> None:
        for broker in self.brokers:
            broker.kill()

    def leader_of(self, topic: str, partition: int = 0) -> Broker:
        """Return the broker that takes what is written there."""
        return self.brokers[self._topics()[topic].partitions[partition].leader - 1]

    def wait_until_whole(self) -> None:
        """Return when every broker has caught up with every partition."""
        eventually(self._lagging, lambda found: not found, within=WHOLE_WITHIN_SECONDS)

    def move_leaders(self, topics: Sequence[str]) -> None:
        """Have each partition led by another broker than now."""
        known = self._topics()
        wanted = {
            TopicPartition(topic, number): [*found.replicas[1:], found.replicas[0]]
            for topic in topics
            for number, found in known[topic].partitions.items()
        }
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap.split(","))
        try:
            refused = admin.alter_partition_reassignments(wanted)
            assert {place: error for place, error in refused.items() if error is not None} == {}
            eventually(lambda: not admin.list_partition_reassignments(), within=WHOLE_WITHIN_SECONDS)
            admin.elect_leaders(PREFERRED, {topic: list(known[topic].partitions) for topic in topics})
        finally:
            admin.close()
        eventually(lambda: all(self._leads(place, replicas[0]) for place, replicas in wanted.items()))

    def _leads(self, place: TopicPartition, number: int) -> bool:
        return self._topics()[place.topic].partitions[place.partition].leader == number

    def _lagging(self) -> list[str]:
        try:
            found = self._topics()
        except KafkaException as error:
            return [str(error)]
        return [
            f"{topic}[{number}]"
            for topic, told in found.items()
            for number, partition in told.partitions.items()
            if len(partition.isrs) < BROKERS
        ]

    def _topics(self) -> dict[str, TopicMetadata]:
        return self._admin().list_topics(timeout=10).topics

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})


@contextmanager
def own_cluster(folder: Path) -> Iterator[Cluster]:
    """Run a cluster for the block; its data stays in `folder`."""
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.end()


def _format(log_folder: Path, number: int, cluster_id: str) -> str:
    """Make a formatted folder of broker `number`, and return the id of its cluster: `cluster_id`, or where that is empty a new one."""
    copy_formatted(KafkaParts.in_cache().template, log_folder)
    meta = log_folder / "meta.properties"
    told = dict(line.split("=", 1) for line in meta.read_text().splitlines())
    told |= {"node.id": str(number), "cluster.id": cluster_id or told["cluster.id"]}
    meta.write_text("".join(f"{name}={value}\n" for name, value in told.items()))
    return told["cluster.id"]
