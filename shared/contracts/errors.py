"""The error tree. An error is named after what is true, its branch tells what to do next.

PonteError
├── Invalid                the input is at fault; trying again cannot help
│   ├── InvalidEvent       → dead letter, go on
│   ├── InvalidField       → 422 with the field, the reason and the allowed values
│   │   ├── InvalidCommand → dead letter, go on; over HTTP as above
│   │   └── InvalidFilter  → as above
│   └── InvalidCursor      → 400
├── Refused                a rule says no
│   ├── NotPermitted       → 403
│   ├── NotFound           → 404
│   ├── NotEligible        → 409
│   ├── Stale              → 412
│   ├── PreconditionMissing → 428
│   └── LimitExceeded      → 429
├── Transient              the same thing may work later → pause, commit nothing, back off; 503 over HTTP
│   ├── StoreUnavailable
│   │   └── TooBroad       the question takes too long as it is: 503 that says what to narrow
│   ├── BrokerUnavailable
│   └── OutcomeUnknown     it may have happened: only an idempotent repeat is allowed
├── LeaseLost              another worker has taken over → leave what is left to it
└── Defect                 our mistake, or a bad deploy → stop loudly, commit nothing
    └── DeadLetterLimitReached

`shared/runtime/disposition.py` reads the tree on the taking-in side, `STATUS_OF` in `services/query/entrypoints/problems.py` on the
asking side.
"""

from collections.abc import Sequence

from shared.contracts.letter_classes import EventFault


class PonteError(Exception):
    """Root of everything that Ponte raises on purpose."""


class Invalid(PonteError):
    """The input is at fault; the same input will fail again."""


class InvalidEvent(Invalid):
    """A record is not an event. `error_class` is the short name that travels in the dead letter's header."""

    def __init__(self, error_class: EventFault, message: str) -> None:
        super().__init__(message)
        self.error_class: EventFault = error_class


class InvalidField(Invalid):
    """One field of a request is at fault: its name as the caller wrote it, why, and what would be right."""

    def __init__(self, field: str, reason: str, allowed: Sequence[str] | None = None) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason
        self.allowed = allowed


class InvalidCommand(InvalidField):
    """A command cannot be carried out as written."""


class InvalidFilter(InvalidField):
    """A filter names an unknown field, or a value that no entry can have."""


class InvalidCursor(Invalid):
    """A cursor was altered, belongs to another filter, or comes from another version."""


class Refused(PonteError):
    """A rule says no."""


class NotPermitted(Refused):
    """The credential lacks the scope, or names another account."""


class NotFound(Refused):
    """Absent, or another account's: the answer is the same on purpose."""


class NotEligible(Refused):
    """The thing exists, but not in a state that allows this."""


class Stale(Refused):
    """Someone changed the thing since the caller read it."""


class PreconditionMissing(Refused):
    """The caller does not say which state of the thing it means to change."""


class LimitExceeded(Refused):
    """Too much at once."""


class Transient(PonteError):
    """The same thing may work later."""


class StoreUnavailable(Transient):
    """MongoDB did not answer, or not in time."""


class TooBroad(StoreUnavailable):
    """MongoDB gave a question up at its time limit. The message tells the caller what to narrow."""


class BrokerUnavailable(Transient):
    """Kafka did not answer, or not in time; nothing was sent."""


class OutcomeUnknown(Transient):
    """It may have happened. Only an idempotent repeat is allowed."""


class LeaseLost(PonteError):
    """Another worker has taken over: what is left to do is its."""


class Defect(PonteError):
    """Our own mistake, or a bad deploy: stop loudly, commit nothing."""


class DeadLetterLimitReached(Defect):
    """So many records in a row are unusable that the code must be wrong and not the data."""
