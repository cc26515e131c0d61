"""A Kafka with TLS and a password: every client of ours is let in by what PONTE_KAFKA_BOOTSTRAP says, and nobody prints the password."""

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import orjson
import pytest

from deploy import ops
from deploy.local.servers import Servers
from deploy.provision import provision
from shared.contracts.names import REPROCESS_TOPIC
from shared.kafka.address import MECHANISMS, librdkafka
from shared.kafka.probe import Probe
from shared.kafka.producer import OutMessage, Publisher
from shared.mongo.client import Database
from tests.support.builders import make_cloudevent
from tests.support.eventually import eventually, eventually_async
from tests.support.secured_broker import PASSWORD, USER, SecuredBroker, secured_broker
from tests.support.worker_process import events, running, stop


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    with secured_broker(tmp_path_factory.mktemp("secured")) as broker:
        yield broker


def address(secured: SecuredBroker, mechanism: str, *, password: str = PASSWORD) -> str:
    user = f"{USER}:{quote(password, safe='')}"
    return f"sasl_ssl://{user}@{secured.server}?mechanism={mechanism}&ca_file={secured.ca_file}"


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
async def test_workers_take_events_and_commands_there_and_ops_see_its_topics(
    mechanism: str,
    secured: SecuredBroker,
    servers: Servers,
    database: Database,
    account: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kafka, mine, job_id = address(secured, mechanism), {"PONTE_MONGO_DATABASE": database.name}, uuid4().hex
    provision(kafka, servers.mongo.uri, database.name)
    publisher = Publisher(kafka, service="test")
    command = {"id": job_id, "account": account, "kind": "order", "requested_by": "ana", "filter": {}}
    await publisher.publish(
        OutMessage("integration.events.order", b"1", orjson.dumps(make_cloudevent(account=account, code="1")))
    )
    await publisher.publish(OutMessage(REPROCESS_TOPIC, None, orjson.dumps(command)))
    await publisher.close()

    logs = {name: tmp_path / name for name in ("ingest", "reprocessor")}
    with (
        running("ingest", kafka, servers.mongo.uri, logs["ingest"], **mine) as ingest,
        running("reprocessor", kafka, servers.mongo.uri, logs["reprocessor"], **mine) as reprocessor,
    ):
        eventually(lambda: events(logs["ingest"]), lambda told: "batch.written" in told)
        await eventually_async(lambda: database.reprocess_requests.find_one({"id": job_id, "state": "done"}))
        assert [stop(worker) for worker in (ingest, reprocessor)] == [0, 0]

    monkeypatch.setenv("PONTE_KAFKA_BOOTSTRAP", kafka)
    assert "integration.events.order" in ops.topics(Namespace(json=True))
    told = "".join(log.read_text() for log in logs.values()) + "".join(capsys.readouterr())
    assert secured.server in told
    assert PASSWORD not in told
    assert quote(PASSWORD, safe="") not in told


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_wrong_password_is_not_let_in(mechanism: str, secured: SecuredBroker) -> None:
    assert not Probe(librdkafka(address(secured, mechanism, password="wrong"))).answers()
