"""Saved views as JSON, in and out."""

from typing import Annotated, Any, Final

from fastapi import Path
from pydantic import AfterValidator, ConfigDict, Field

from services.query.core.preconditions import tag_of
from services.query.core.sorting import DEFAULT_SORT, Sort
from services.query.core.view import MAX_FILTER_LENGTH, MAX_NAME_LENGTH, View, tidy_name
from services.query.entrypoints.parameters import Body
from services.query.entrypoints.schemas.base import Answer, Instant
from shared.contracts.names import Kind
from shared.contracts.said import A_NAME, visible_name
from shared.contracts.times import format_instant

ViewPath = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="the view's id", examples=["4f1c0f6e2d0b4b39"])]
ViewName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_NAME_LENGTH,
        json_schema_extra=A_NAME,
        description="no other view of the account has it, whatever its case; spaces around it and double ones are left out",
        examples=["Orders without SLA"],
    ),
    AfterValidator(visible_name),
    AfterValidator(tidy_name),
]
FilterText = Annotated[
    str,
    Field(
        max_length=MAX_FILTER_LENGTH,
        description="the filter of the lists as a query string, without `kind`; empty for the whole tab",
        examples=["status=error&error_code=ORD-SLA"],
        json_schema_extra={"format": "log-filter"},
    ),
]
EXAMPLE: Final[dict[str, Any]] = {
    "name": "Orders without SLA",
    "kind": "order",
    "filter": "status=error&error_code=ORD-SLA",
}


class ViewBody(Body):
    """A view as a whole: what is not said is the default."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})
    name: ViewName
    kind: Kind
    filter: FilterText = ""
    sort: Sort = DEFAULT_SORT


class ViewPatch(Body):
    """Some fields of a view. Also as `application/merge-patch+json`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Late orders"}, {"sort": "-attempts"}]})
    name: ViewName | None = None
    kind: Kind | None = None
    filter: FilterText | None = None
    sort: Sort | None = None

    def changes(self) -> dict[str, Any]:
        """Return what was said, by field; a null says nothing."""
        return self.model_dump(exclude_none=True)


class ViewAnswer(Answer):
    """A filter of one kind and its order, under a name."""

    id: str = Field(examples=["4f1c0f6e2d0b4b39"])
    name: str = Field(examples=["Orders without SLA"])
    kind: Kind
    filter: str = Field(
        description="as the API writes it, whatever way it was written: add it to `/v1/logs/{kind}?`",
        examples=["status=error&error_code=ORD-SLA"],
    )
    sort: Sort
    address: str = Field(
        description="of the panel's page", examples=["/logs/order?status=error&error_code=ORD-SLA&sort=-attempts"]
    )
    created_by: str = Field(description="name of the key, or of the person", examples=["first"])
    created_at: Instant
    updated_at: Instant
    etag: str = Field(description="what `If-Match` wants to hear", examples=['"3-5f0c1a9be2d4"'])


class ViewList(Answer):
    """Views by name."""

    items: list[ViewAnswer]


def view_json(view: View) -> dict[str, Any]:
    """Return a view as JSON."""
    shown = {
        "id": view.id,
        "name": view.name,
        "kind": view.kind,
        "filter": view.filter,
        "sort": view.sort,
        "address": view.address,
        "created_by": view.created_by,
        "created_at": format_instant(view.created_at),
        "updated_at": format_instant(view.updated_at),
    }
    return {**shown, "etag": tag_of(view.revision, shown)}
