"""What the audit calls what was done: `<what>.<done>`."""

from typing import Final, Literal, get_args

Revealed = Literal["attempts.revealed", "dead_letter.revealed", "diff.revealed", "entry.revealed"]
"""Personal data was seen."""

JobAction = Literal[
    "export.cancelled",
    "export.requested",
    "import.cancelled",
    "import.requested",
    "replay.cancelled",
    "replay.requested",
    "reprocess.cancelled",
    "reprocess.requested",
]
IntegrationAction = Literal[
    "integration.changed",
    "integration.created",
    "integration.paused",
    "integration.removed",
    "integration.resumed",
]
ViewAction = Literal["view.changed", "view.created", "view.removed"]
AccessAction = Literal["key.created", "key.revoked", "key.rotated", "session.opened", "sign_in_code.created"]

Action = Revealed | JobAction | IntegrationAction | ViewAction | AccessAction
ACTIONS: Final[tuple[str, ...]] = tuple(name for group in get_args(Action) for name in get_args(group))
