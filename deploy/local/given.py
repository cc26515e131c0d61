"""Servers that somebody else runs: are they there, and are they what we need?"""

import socket
from collections.abc import Sequence
from typing import Any

from deploy.local.errors import LocalServerError
from shared.kafka.address import parse_address, shown_servers

_PATIENCE_SECONDS = 5.0


def check_kafka(bootstrap: str) -> None:
    """Raises LocalServerError unless one of the addresses (`host:port`, separated by commas) takes connections.

    Nothing is asked there: a cluster may want TLS and a password, which are the clients' business.
    """
    if not takes_connections(bootstrap):
        raise LocalServerError(
            f"No Kafka broker answers at PONTE_KAFKA_BOOTSTRAP ({shown_servers(bootstrap)}): start it, correct the address, "
            "or unset the variable to have one started here."
        )


def takes_connections(bootstrap: str) -> bool:
    """Say whether somebody listens at one of the addresses. Raises LocalServerError when one of them is none."""
    try:
        servers = parse_address(bootstrap).servers.split(",")
    except ValueError as error:
        raise LocalServerError(f"PONTE_KAFKA_BOOTSTRAP {error}: correct it.") from error
    return _any_answers([(host.strip("[]"), int(port)) for host, _, port in (one.rpartition(":") for one in servers)])


def check_mongo(uri: str) -> None:
    """Raises LocalServerError unless `uri` leads to a replica set or a sharded cluster. The text hides passwords."""
    from pymongo import MongoClient
    from pymongo.errors import OperationFailure, PyMongoError

    from shared.mongo.errors import in_short

    try:
        with MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=int(_PATIENCE_SECONDS * 1000)) as client:
            hello = client.admin.command("hello")
    except OperationFailure as error:
        raise LocalServerError(
            f"The MongoDB at PONTE_MONGO_URI ({_without_password(uri)}) lets nobody in ({in_short(error)}): correct user, password and authSource."
        ) from error
    except (PyMongoError, ValueError) as error:
        raise LocalServerError(
            f"No MongoDB answers at PONTE_MONGO_URI ({_without_password(uri)}; {type(error).__name__}): start it, "
            "correct the address, or unset the variable to have one started here."
        ) from error
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise LocalServerError(
            f"The MongoDB at PONTE_MONGO_URI ({_without_password(uri)}) is a single server: start it with --replSet "
            "and run rs.initiate(), because change streams and transactions need a replica set."
        )


def _any_answers(addresses: Sequence[tuple[str, int]]) -> bool:
    for address in addresses:
        try:
            socket.create_connection(address, timeout=_PATIENCE_SECONDS / len(addresses)).close()
        except OSError:
            continue
        return True
    return False


def _without_password(uri: str) -> str:
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"
