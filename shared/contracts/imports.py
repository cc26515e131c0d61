"""An edited report that comes back: the command, the file that it is about, and the preview that its worker writes.

The uploaded file stands in a bucket, the preview's rows in a collection. The ids of both begin with the account's and the job's, so a command can name no file but its own.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import AfterValidator, Field

from shared.contracts.commands import Command, job_document_id
from shared.contracts.said import ONE_LINE, one_line

RowState = Literal["eligible", "never", "not_found", "not_failed", "in_progress", "paused", "repeated", "unreadable"]
"""What a reprocess would do with a row. `eligible` is sent; `never` too where it is named, though its causes say that it cannot help."""

ROW_STATES: Final[tuple[RowState, ...]] = get_args(RowState)

RowFault = Literal["kind", "affiliate", "code", "formula", "rounded"]
"""Why a row cannot be read: which of its cells says nothing that there could be, holds a formula, or a number that a spreadsheet rounded."""

SENDABLE: Final = frozenset({"eligible", "never"})

LONGEST_FILE_NAME: Final = 200

FileName = Annotated[str, Field(max_length=LONGEST_FILE_NAME, json_schema_extra=ONE_LINE), AfterValidator(one_line)]

UPLOAD: Final = "upload"
"""Last part of an uploaded file's id; that of a preview is the token of the lease under which it was written."""


class ImportCommand(Command):
    """Read the report that was uploaded for this job, and write down what a reprocess of its rows would do."""

    operation: Literal["import"] = "import"
    file_name: FileName = ""
    bytes: Annotated[int, Field(ge=0)] = 0
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""


def is_import(raw: Mapping[str, Any]) -> bool:
    """Say whether a command of the topic of exports asks for an import."""
    return raw.get("operation") == "import"


def upload_id(account: str, job_id: str) -> str:
    """Return the id of the file that was uploaded for a job."""
    return f"{job_document_id(account, job_id)}|{UPLOAD}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    """A chosen row of the file. `number` counts them from 1; `sheet` and `row`, from 1, say where it stands.

    `kind`, `affiliate` and `code` are what it names, or, of an unreadable one, what stands in its cells, cut short; `fault` says what is wrong there.
    """

    number: int
    sheet: str
    row: int
    kind: str
    affiliate: str
    code: str
    state: RowState
    fault: RowFault | None = None


def row_document(file_id: str, account: str, row: ImportRow) -> dict[str, Any]:
    """Return a row of the preview `file_id` as it is stored."""
    return {"_id": f"{file_id}|{row.number}", "file_id": file_id, "account": account, **asdict(row)}


def row_from_document(document: Mapping[str, Any]) -> ImportRow:
    """Return the row that a document holds."""
    return ImportRow(**{one.name: document[one.name] for one in fields(ImportRow)})
