import pytest
from confluent_kafka import KafkaError, KafkaException
from pymongo.errors import InvalidName, InvalidURI, OperationFailure

from deploy import provision


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KafkaException(KafkaError(KafkaError._TRANSPORT, "no broker")), "Kafka: no broker; look at PONTE_KAFKA_"),
        (KafkaException("topic a: not allowed"), "Kafka: topic a: not allowed; look at PONTE_KAFKA_BOOTSTRAP"),
        (OperationFailure("not authorized", 13, {"secret": 1}), "MongoDB: not authorized; look at PONTE_MONGO_URI"),
        (InvalidURI("no host"), "MongoDB: no host; look at PONTE_MONGO_URI"),
        (InvalidName("a b"), "and PONTE_MONGO_DATABASE"),
    ],
)
def test_what_a_server_refuses_is_one_line_with_the_variable_to_look_at(monkeypatch, capsys, error, said) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(provision, "provision", refuse)
    monkeypatch.setenv("PONTE_KAFKA_BOOTSTRAP", "k:1")
    monkeypatch.setenv("PONTE_MONGO_URI", "mongodb://m")

    assert provision.main() == 1
    line = capsys.readouterr().err
    assert line.startswith("provision: ")
    assert said in line
    assert line.count("\n") == 1


@pytest.mark.parametrize(("bootstrap", "said"), [("", "PONTE_KAFKA_BOOTSTRAP must be host:port"), ("k", "names 'k'")])
def test_an_address_that_is_none_is_one_line(monkeypatch, capsys, bootstrap, said) -> None:
    monkeypatch.setenv("PONTE_KAFKA_BOOTSTRAP", bootstrap)
    monkeypatch.setenv("PONTE_MONGO_URI", "mongodb://m")

    assert provision.main() == 1
    assert said in capsys.readouterr().err


def test_an_address_that_is_not_given_is_asked_for(monkeypatch, capsys) -> None:
    monkeypatch.setenv("PONTE_KAFKA_BOOTSTRAP", "k:1")
    monkeypatch.delenv("PONTE_MONGO_URI", raising=False)

    assert provision.main() == 1
    assert capsys.readouterr().err == "provision: set PONTE_MONGO_URI\n"
