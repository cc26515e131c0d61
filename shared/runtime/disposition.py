"""The one table on the taking-in side: error → what becomes of the record.

| raised          | disposition   | meaning                                                          |
|-----------------|---------------|------------------------------------------------------------------|
| nothing         | commit        | go on                                                            |
| Invalid         | dead letter   | put the record aside, whole, and go on                           |
| Refused         | dead letter   | a command that no rule will ever let pass                        |
| Transient       | pause         | commit nothing, back off, the same record again, for ever        |
| anything else   | stop          | our defect: commit nothing, leave loudly, the supervisor restarts |
"""

from typing import Literal

from shared.contracts.errors import Invalid, Refused, Transient

Disposition = Literal["commit", "dead letter", "pause", "stop"]


def disposition_of(error: BaseException | None) -> Disposition:
    """Return what becomes of the record whose handling raised `error`."""
    if error is None:
        return "commit"
    if isinstance(error, (Invalid, Refused)):
        return "dead letter"
    if isinstance(error, Transient):
        return "pause"
    return "stop"
