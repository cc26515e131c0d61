"""What one report is: whose rows, which, in which words, in which time zone, in which format."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from services.exporter.core.labels import WORDS, Words
from shared.contracts.commands import ExportCommand, Format, Language, parse_command
from shared.contracts.filters import LogFilter

CONTENT_TYPES: Final[Mapping[Format, str]] = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A checked export command, begun at `made_at` (aware). `marketplaces` maps affiliates to the names people know."""

    account: str
    rows: LogFilter
    format: Format
    language: Language
    zone: ZoneInfo
    made_at: datetime
    marketplaces: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> Words:
        """The report's language."""
        return WORDS[self.language]

    @property
    def file_name(self) -> str:
        """Name for the person's disk, in ASCII: what, whose, when."""
        kinds = "-".join(self.rows.kind) if len(self.rows.kind) == 1 else ""
        made_at = self.made_at.astimezone(self.zone)
        parts = (self.words.file_stem, kinds, self.account, f"{made_at:%Y%m%d-%H%M%S}")
        return f"{'-'.join(part for part in parts if part)}.{self.format}"

    @property
    def content_type(self) -> str:
        """Media type of the finished file."""
        return CONTENT_TYPES[self.format]


def report_of(raw: Mapping[str, Any], *, made_at: datetime, marketplaces: Mapping[str, str]) -> Report:
    """Return the report that a stored command asks for. Raise InvalidCommand naming the first field at fault."""
    command = parse_command(ExportCommand, raw)
    return Report(
        account=command.account,
        rows=command.log_filter(),
        format=command.format,
        language=command.language,
        zone=ZoneInfo(command.time_zone),
        made_at=made_at,
        marketplaces=marketplaces,
    )
