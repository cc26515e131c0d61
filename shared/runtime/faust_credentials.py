"""How Faust is let in at a cluster: what PONTE_KAFKA_BOOTSTRAP says (shared/kafka/address.py), as Faust takes it."""

import ssl

from faust import SASLCredentials, SSLCredentials
from faust.types.auth import CredentialsT

from shared.kafka.address import Cluster


def credentials_of(cluster: Cluster) -> CredentialsT | None:
    """Return the credentials, None for an open cluster. Raise OSError or ssl.SSLError for files that hold no certificate or key."""
    context = _context_of(cluster) if cluster.is_encrypted else None
    if cluster.has_password:
        return SASLCredentials(
            username=cluster.user, password=cluster.password, mechanism=cluster.mechanism, ssl_context=context
        )
    return None if context is None else SSLCredentials(context)


def _context_of(cluster: Cluster) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=cluster.files.get("ca_file"))
    if cert_file := cluster.files.get("cert_file"):
        context.load_cert_chain(cert_file, cluster.files.get("key_file"))
    return context
