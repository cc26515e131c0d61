import gc
import weakref
from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaError, KafkaException

from shared.kafka import beginnings
from shared.kafka.beginnings import Beginnings


class Client:
    """Stands for one of librdkafka's, with its threads and its connections."""


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Ingest has Python collect seldom."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
def test_a_client_that_asked_in_vain_is_gone_when_another_was_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    clients: list[weakref.ref[Client]] = []

    def look_up(*_: object) -> list[object]:
        client = Client()
        clients.append(weakref.ref(client))
        if len(clients) == 1:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return []

    monkeypatch.setattr(beginnings, "look_up", look_up)

    Beginnings(lambda _: (0, 0), {}, reach={}, group="group").find([("topic", 0)])

    assert [client() for client in clients] == [None, None]
