"""What routes say that change things which others may change too: the headers `If-Match` and `ETag`, and the reason of a write."""

from typing import Annotated, Any, Final

from fastapi import Header, Query
from pydantic import BaseModel, ConfigDict

from services.query.entrypoints.schemas.base import PROBLEMS
from shared.contracts.said import Reason

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description='the ETag that was read, such as `"3-5f0c1a9be2d4"`; without it nothing that exists is changed (428)',
    ),
]
IfNoneMatchTag = Annotated[
    str | None, Header(alias="If-None-Match", description="an ETag: 304 if it is still the newest")
]
TAGGED: Final[dict[str, Any]] = {
    "headers": {"ETag": {"schema": {"type": "string"}, "description": "its revision, and how it is shown"}}
}
MADE: Final[dict[str, Any]] = {"headers": {**TAGGED["headers"], "Location": {"schema": {"type": "string"}}}}
READ: Final[dict[int | str, dict[str, Any]]] = {
    200: TAGGED,
    304: {"description": "Still the one of the ETag", **TAGGED},
}
CHANGED: Final[dict[int | str, dict[str, Any]]] = {
    200: TAGGED,
    412: {**PROBLEMS[409], "description": "Someone changed it since it was read"},
    428: {**PROBLEMS[409], "description": "No If-Match"},
}


class ReasonAllowed(BaseModel):
    """A write; its reason is kept in the audit."""

    model_config = ConfigDict(extra="forbid")
    reason: Reason = ""


Why = Annotated[ReasonAllowed, Query()]
