import re
from pathlib import Path

import pytest

from shared.kafka.address import Cluster, librdkafka, parse_address, reach_of, shown_servers
from shared.runtime.settings import Settings, read_settings


def test_bare_servers_are_an_open_cluster() -> None:
    assert parse_address("kafka:9092") == Cluster("kafka:9092")
    assert librdkafka(" a:1 , [::1]:2,") == {"bootstrap.servers": "a:1,[::1]:2"}
    assert librdkafka("plaintext://a:1") == {"bootstrap.servers": "a:1"}


def test_a_password_and_files_are_told_to_the_client(tmp_path: Path) -> None:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).touch()
    ca, cert, key = (f"{tmp_path}/{name}.pem" for name in ("ca", "cert", "key"))
    assert librdkafka(f"sasl_ssl://ana:s%3A%40%2F%25@a:1,b:2/?mechanism=SCRAM-SHA-256&ca_file={ca}") == {
        "bootstrap.servers": "a:1,b:2",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-256",
        "sasl.username": "ana",
        "sasl.password": "s:@/%",
        "ssl.ca.location": ca,
    }
    assert librdkafka(f"ssl://a:1?cert_file={cert}&key_file={key}") == {
        "bootstrap.servers": "a:1",
        "security.protocol": "SSL",
        "ssl.certificate.location": cert,
        "ssl.key.location": key,
    }
    assert librdkafka("sasl_plaintext://ana:s@a:1")["sasl.mechanism"] == "SCRAM-SHA-512"


def test_another_client_reaches_the_same_cluster() -> None:
    told = librdkafka("sasl_plaintext://ana:s@a:1")
    assert reach_of({**told, "group.id": "g", "linger.ms": 2}) == told


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "must be host:port"),
        ("kafka", "'kafka', which must be host:port"),
        ("a:1,b", "'b', which must be host:port"),
        ("a:99999", "'a:99999', which must be host:port"),
        (",", "names no server"),
        ("https://a:1", "plaintext://, ssl://, sasl_plaintext://, sasl_ssl://"),
        ("sasl_ssl://a:1", "needs user:password@"),
        ("ssl://ana:secret@a:1", "takes no user:password@"),
        ("ana:secret@a:1", "takes no user:password@"),
        ("sasl_ssl://ana:secret@a:1?mechanism=GSSAPI", "SCRAM-SHA-512, SCRAM-SHA-256, PLAIN"),
        ("sasl_ssl://ana:secret@a:1?ca=x", "'ca'; sasl_ssl:// knows mechanism, ca_file, cert_file, key_file"),
        ("a:1?ca_file=x", "plaintext:// knows none"),
        ("ssl://a:1?ca_file=/nowhere/ca.pem", "where no file is"),
        ("ssl://a:1?cert_file=pyproject.toml", "cert_file and key_file together"),
    ],
)
def test_what_cannot_be_is_told_without_the_password(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)) as caught:
        parse_address(text)
    assert "secret" not in str(caught.value)


def test_no_log_line_holds_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PONTE_KAFKA_BOOTSTRAP", "sasl_ssl://ana:secret@a:1,b:2?mechanism=PLAIN")
    monkeypatch.setenv("PONTE_MONGO_URI", "mongodb://nowhere")
    settings = read_settings(Settings)
    assert settings.summary()["kafka_bootstrap"] == "a:1,b:2"
    assert "secret" not in repr(settings) + repr(parse_address(settings.kafka_bootstrap))
    assert shown_servers("a:1,b:2") == "a:1,b:2"
