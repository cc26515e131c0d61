"""What PONTE_KAFKA_BOOTSTRAP says: where Kafka is, and how to be let in.

    host:9092,host:9092                                                          open, for a private network
    ssl://host:9093?ca_file=ca.pem                                               encrypted; `cert_file` and `key_file` prove who asks
    sasl_ssl://user:password@host:9093,host:9093?mechanism=SCRAM-SHA-256         encrypted, with a password

The scheme is Kafka's `security.protocol`. A user or password with `:`, `/`, `@`, `?` or `%` has them percent-encoded, as in MongoDB's strings.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote

PROTOCOLS: Final = ("plaintext", "ssl", "sasl_plaintext", "sasl_ssl")
MECHANISMS: Final = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")
FILES: Final = ("ca_file", "cert_file", "key_file")

_WHOLE: Final = re.compile(
    r"(?:(?P<protocol>[a-z_]+)://)?(?:(?P<user>[^:@/?]+):(?P<password>[^@/?]+)@)?(?P<servers>[^@/?]+)/?(?:\?(?P<options>.*))?"
)
_SERVER: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\s\[\]]+):([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster. `servers`: host:port, comma separated. `files`: paths by their names among FILES."""

    servers: str
    protocol: str = "plaintext"
    mechanism: str = ""
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_encrypted(self) -> bool:
        """Say whether what is sent is encrypted."""
        return self.protocol.endswith("ssl")

    @property
    def has_password(self) -> bool:
        """Say whether a user and a password are asked for."""
        return self.protocol.startswith("sasl_")


def parse_address(text: str) -> Cluster:
    """Return the address that `text` is. Raise ValueError that says what is wrong, without the password."""
    found = _WHOLE.fullmatch(text.strip())
    if found is None:
        msg = "must be host:port, several separated by commas, or such as sasl_ssl://user:password@host:port"
        raise ValueError(msg)
    protocol = found["protocol"] or "plaintext"
    if protocol not in PROTOCOLS:
        msg = f"begins with {protocol}://, which must be one of {', '.join(f'{one}://' for one in PROTOCOLS)}"
        raise ValueError(msg)
    options = dict(parse_qsl(found["options"] or "", keep_blank_values=True))
    address = Cluster(
        _servers(found["servers"]),
        protocol,
        user=unquote(found["user"] or ""),
        password=unquote(found["password"] or ""),
    )
    if address.has_password:
        address = replace(address, mechanism=options.pop("mechanism", MECHANISMS[0]))
    if address.is_encrypted:
        address = replace(address, files={name: options.pop(name) for name in FILES if name in options})
    _check(address, options)
    return address


def librdkafka(bootstrap: str) -> dict[str, object]:
    """Return how a client of librdkafka reaches the cluster at `bootstrap`, PONTE_KAFKA_BOOTSTRAP's text. Raise ValueError as `parse_address`."""
    address = parse_address(bootstrap)
    if address.protocol == "plaintext":
        return {"bootstrap.servers": address.servers}
    told = {
        "sasl.mechanism": address.mechanism,
        "sasl.username": address.user,
        "sasl.password": address.password,
        "ssl.ca.location": address.files.get("ca_file", ""),
        "ssl.certificate.location": address.files.get("cert_file", ""),
        "ssl.key.location": address.files.get("key_file", ""),
    }
    return {
        "bootstrap.servers": address.servers,
        "security.protocol": address.protocol.upper(),
        **{name: value for name, value in told.items() if value},
    }


def reach_of(settings: Mapping[str, object]) -> dict[str, object]:
    """Return those settings of a client by which another one reaches the same cluster."""
    return {
        name: value for name, value in settings.items() if name.startswith(("bootstrap.", "security.", "sasl.", "ssl."))
    }


def shown_servers(bootstrap: str) -> str:
    """Return host and port of the servers, for messages and logs: a password never stands in one."""
    return bootstrap.rpartition("@")[2].rpartition("://")[2].partition("?")[0]


def _servers(text: str) -> str:
    servers = [part.strip() for part in text.split(",") if part.strip()]
    for server in servers:
        found = _SERVER.fullmatch(server)
        if found is None or not 0 < int(found[2]) < 65536:  # noqa: PLR2004  # the range of ports
            msg = f"names {server!r}, which must be host:port"
            raise ValueError(msg)
    if not servers:
        msg = "names no server: write host:port"
        raise ValueError(msg)
    return ",".join(servers)


def _check(address: Cluster, unknown: Mapping[str, str]) -> None:
    if unknown:
        known = (("mechanism",) if address.has_password else ()) + (FILES if address.is_encrypted else ())
        msg = f"has the option {next(iter(unknown))!r}; {address.protocol}:// knows {', '.join(known) or 'none'}"
        raise ValueError(msg)
    if address.has_password != bool(address.user and address.password):
        wish = "needs" if address.has_password else "takes no"
        msg = f"{address.protocol}:// {wish} user:password@ before the servers"
        raise ValueError(msg)
    if address.mechanism and address.mechanism not in MECHANISMS:
        msg = f"has the mechanism {address.mechanism!r}, which must be one of {', '.join(MECHANISMS)}"
        raise ValueError(msg)
    for name, path in address.files.items():
        if not Path(path).is_file():
            msg = f"has {name}={path}, where no file is"
            raise ValueError(msg)
    if ("cert_file" in address.files) != ("key_file" in address.files):
        msg = "needs cert_file and key_file together"
        raise ValueError(msg)
