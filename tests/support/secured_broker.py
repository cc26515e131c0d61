"""A Kafka that encrypts and asks for a password, as at a provider: SASL_SSL beside the open listener that its own start needs."""

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.broker import Broker, choose_ports_apart

HOST: Final = "127.0.0.1"
USER: Final = "ponte"
PASSWORD: Final = "s3gr:do/@%"
LISTENER: Final = "listener.name.sasl_ssl"


@dataclass(frozen=True)
class SecuredBroker:
    """`server`: host:port of the secured listener; `ca_file` proves it; `broker` is reached openly."""

    broker: Broker
    server: str
    ca_file: Path


@contextmanager
def secured_broker(folder: Path) -> Iterator[SecuredBroker]:
    """Run a broker for the block that lets USER in, by PLAIN and by SCRAM."""
    port, controller_port, secured_port = choose_ports_apart(3)
    certificate, key = _make_certificate()
    ca_file = folder / "ca.pem"
    ca_file.write_text(certificate)
    properties = {
        "listeners": f"PLAINTEXT://{HOST}:{port},SASL_SSL://{HOST}:{secured_port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port},SASL_SSL://{HOST}:{secured_port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL",
        f"{LISTENER}.ssl.keystore.type": "PEM",
        f"{LISTENER}.ssl.keystore.certificate.chain": certificate.replace("\n", "\\n"),
        f"{LISTENER}.ssl.keystore.key": key.replace("\n", "\\n"),
        f"{LISTENER}.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        f"{LISTENER}.plain.sasl.jaas.config": (
            f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
        ),
        f"{LISTENER}.scram-sha-512.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
    }
    broker = Broker(folder, ports=(port, controller_port), properties=properties)
    try:
        broker.start()
        _add_user(broker.bootstrap)
        yield SecuredBroker(broker, f"{HOST}:{secured_port}", ca_file)
    finally:
        broker.kill()


def _make_certificate() -> tuple[str, str]:
    """Return a certificate that signs itself, and its key, both as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test broker")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return made.public_bytes(encoding).decode(), private.decode()


def _add_user(bootstrap: str) -> None:
    credential = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    wish = UserScramCredentialUpsertion(USER, credential, PASSWORD.encode())
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for answer in admin.alter_user_scram_credentials([wish]).values():
        answer.result(10)
