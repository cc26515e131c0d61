"""The Docker rung of the ladder. Needs an engine: run with PONTE_TEST_DOCKER=1."""

from pymongo import MongoClient

from deploy.local.kafka_wire import answers
from deploy.local.servers import start_servers


def test_both_servers_run_in_containers_and_take_transactions():
    with start_servers(None, environ={}) as servers:
        assert servers.kafka.origin == servers.mongo.origin == "docker"
        host, port = servers.kafka.bootstrap.split(":")
        assert answers(host, int(port))
        with MongoClient(servers.mongo.uri) as client, client.start_session() as session:
            client.test.create_collection("things")
            session.with_transaction(lambda own: client.test.things.insert_one({"_id": 1}, session=own))
