"""Why a record could not be used, in one word: it travels in the dead letter's header, and dead letters are counted and filtered by it."""

from typing import Final, Literal, get_args

EventFault = Literal[
    "ByteOrderMark",
    "Empty",
    "InvalidEnvelope",
    "InvalidField",
    "InvalidJson",
    "NotAnObject",
    "NotUtf8",
    "NulInKey",
    "NumberTooLarge",
    "TooDeep",
    "TooLarge",
    "Tombstone",
    "UnknownAccount",
    "UnknownType",
    "WrongTopic",
]
"""What is wrong with a record that is no event."""

IngestFault = Literal["Undecodable", "Unstorable"]
CommandFault = Literal["Invalid", "InvalidCommand", "NotEligible"]
"""Why a command was refused: the error that its taker raises."""

UNKNOWN: Final = "Unknown"
"""Of a record that somebody else put on the dead-letter topic, and of a class that this version does not know."""

ERROR_CLASSES: Final[tuple[str, ...]] = (
    *get_args(EventFault),
    *get_args(IngestFault),
    *get_args(CommandFault),
    UNKNOWN,
)
