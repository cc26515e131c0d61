"""PyMongo's exceptions → our tree, once. Nobody above the edge sees a driver's exception."""

from collections.abc import Iterator
from contextlib import contextmanager

from dns.exception import DNSException
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    ExecutionTimeout,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
    WTimeoutError,
)

from shared.contracts.errors import Defect, OutcomeUnknown, StoreUnavailable

DUPLICATE_KEY = 11000
# fmt: off
TRANSIENT_CODES = frozenset({
    6, 7, 43, 46, 50, 89, 91, 112, 134, 136, 189, 237, 262, 279, 290, 317, 358, 384,
    9001, 10058, 10107, 11600, 11601, 11602, 13435, 13436, 14031,
})
# fmt: on
"""Not reachable, stepping down, interrupted, write conflict, time limit, disk full: the same command may work later."""

CREDENTIAL_CODES = frozenset({13, 18})
"""Not authorised or wrong password: someone will repair it; retried, loudly, never a poison verdict."""


AGAIN_LABELS = ("TransientTransactionError", "UnknownTransactionCommitResult", "ResumableChangeStreamError")
"""A transaction that met another, or of which nobody knows whether it was committed; a change stream that can be opened again."""


def is_transient(error: PyMongoError) -> bool:
    """Say whether the same operation may work later."""
    if any(error.has_error_label(label) for label in AGAIN_LABELS):
        return True
    if isinstance(error, BulkWriteError):
        codes = {item.get("code") for item in error.details.get("writeErrors", ())}
        concern = error.details.get("writeConcernErrors")
        return bool(concern) or bool(codes & TRANSIENT_CODES)
    if isinstance(error, (ConnectionFailure, AutoReconnect, NetworkTimeout, ExecutionTimeout, WriteConcernError)):
        return True
    if isinstance(error, ConfigurationError):  # the driver's word for a name server that does not answer (mongodb+srv)
        return isinstance(error.__cause__, (DNSException, OSError))
    return isinstance(error, OperationFailure) and error.code in TRANSIENT_CODES | CREDENTIAL_CODES


def in_short(error: PyMongoError) -> str:
    """Return what MongoDB or its driver said, for a sentence to a person: without the reply itself, which may be long and hold secrets."""
    return str(error).partition(", full error")[0].partition(" (configured timeouts")[0].rstrip(".")


@contextmanager
def translated() -> Iterator[None]:
    """Raise our errors for PyMongo's: OutcomeUnknown, StoreUnavailable, or Defect for a command that is itself wrong."""
    try:
        yield
    except (WTimeoutError, WriteConcernError) as error:
        raise OutcomeUnknown(str(error)) from error
    except PyMongoError as error:
        if is_transient(error):
            raise StoreUnavailable(str(error)) from error
        msg = f"MongoDB refused a command of ours: {error}"
        raise Defect(msg) from error
