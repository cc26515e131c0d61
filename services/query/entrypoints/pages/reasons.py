"""Why something was refused, in the visitor's language.

Faults of filters, of events and of jobs are sentences of a closed set, in English because programs read them too. Here those are told in three
languages, what stands in them as it came. Any other sentence, such as a parser's, stays as it is.
"""

import re
from typing import Final

from services.query.entrypoints.pages.language import Words

_JSON: Final = r"(?:an object|an array|a text|a boolean|true or false|a number|null|something else)"
_PLACE: Final = r"at line (?P<line>\d+), column (?P<column>\d+)"
REASONS: Final[dict[str, str]] = {
    "reason.missing": r"is missing",
    "reason.missing.data": r"is missing; it must be an object with the event's fields",
    "reason.type": rf"must be (?P<wanted>{_JSON}), this is (?P<found>{_JSON})",
    "reason.type.data": rf"must be an object with the event's fields, this is (?P<found>{_JSON})",
    "reason.type.like": rf"must be an object such as (?P<example>\{{.*\}}), this is (?P<found>{_JSON})",
    "reason.whole": r"must be a whole number, not quoted and without decimals",
    "reason.number": r"must be a whole number",
    "reason.between": r"must be a whole number from (?P<least>\d+) to (?P<most>\d+)",
    "reason.least": r"must be (?P<least>-?[\d.]+) or more",
    "reason.most": r"must be (?P<most>-?[\d.]+) or less",
    "reason.one_of": r"must be (?P<allowed>'\w+'(?:, '\w+')*) or (?P<last>'\w+')",
    "reason.name": r"must be 1 to 64 letters without accents, digits, '\.', '_' or '-'",
    "reason.affiliate": r"must be 1 to 64 letters, digits, `_`, `\.` or `-`",
    "reason.code": r"must be 1 to 300 characters, none of them a control character",
    "reason.instant": r"must be a date and time, such as (?P<example>\S+)",
    "reason.instant.zone": r"must be an RFC 3339 date and time with a zone, such as (?P<example>\S+)",
    "reason.instant.years": r"lies outside the years 1 to 9999 in UTC",
    "reason.order": r"must be after `from`; `from` is inclusive, `to` exclusive",
    "reason.unknown": r"(?P<value>'.*'|\".*\") is unknown",
    "reason.once": r"may be given once",
    "reason.long": r"is longer than (?P<most>\d+) characters",
    "reason.control": r"holds a control character",
    "reason.nothing": r"holds nothing to search for: write a code, the beginning of one, or words",
    "reason.retry": r"with `retry`, only what failed can pass",
    "reason.causeless": r"an item in `processing` has no causes, so no `(?P<name>\w+)`",
    "reason.stale": r"must be after `from`: what was processed from then on is not stale",
    "reason.values": r"takes at most (?P<most>\d+) values",
    "reason.unwanted": r"is not known here",
    "reason.values.least": r"must hold at least 1 value",
    "reason.values.most": r"must hold at most (?P<most>\d+) values",
    "reason.letters.none": r"must not be empty",
    "reason.letters.most": r"must have at most (?P<most>\d+) characters",
    "reason.less": r"must be less than (?P<limit>\d+)",
    "reason.job.id": r"must be 1 to 128 letters without accents, digits, '\.', '_', ':' or '-'",
    "reason.choice": r"give exactly one of (?P<one>`\w+`) and (?P<other>`\w+`)",
    "reason.blank": r"is empty; name a value, or leave the field out",
    "reason.no_filter": r"is not a filter",
    "reason.time_zone": r"(?P<value>'.*') is no time zone; write one such as America/Sao_Paulo or UTC",
    "reason.job.restarts": r"given up: the worker died (?P<times>\d+) times while it wrote this file; ask for fewer rows",
    "reason.job.disk": r"the temporary file could not be written: (?P<why>.+); free space on the exporter's disk",
    "reason.job.folder": r"the temporary file could not be written: (?P<why>.+); look at PONTE_EXPORTER_TEMP_FOLDER",
    "reason.job.defect": r"a defect of the exporter: (?P<fault>.+)",
    "reason.job.stalled": r"nothing could be sent for (?P<time>.+?): (?P<why>.+)",
    "reason.import.restarts": r"given up: the worker died (?P<times>\d+) times while it read this file; send fewer rows",
    "reason.import.columns": r"no sheet has the columns of the kind, the affiliate and the code in its first row: send a report as it was exported, rows removed or marked",
    "reason.import.rows": r"the file has more than (?P<most>\d+) rows: remove some, or reprocess by a filter",
    "reason.import.chosen": r"more than (?P<most>\d+) rows are chosen: remove or mark fewer, or reprocess by a filter",
    "reason.import.text": r"the file is neither an \.xlsx workbook nor CSV text",
    "reason.import.damaged": r"the workbook is damaged: (?P<why>.+)",
    "reason.import.large": r"the workbook unpacks to more than (?P<most>\d+) MiB: remove rows, or the sheets that are not the report's",
    "reason.import.gone": r"the file that came back is not there any more: send it again",
    "reason.group": r"must be 16 hex digits, as the `group` of a cause has them",
    "reason.tombstone": r"the record has no value; an event is never a deletion",
    "reason.large": r"the value has (?P<bytes>\d+) bytes, at most (?P<most>\d+) are taken",
    "reason.empty": r"the value is empty: send the event as a JSON object",
    "reason.mark": r"the value begins with a byte order mark of (?P<encoding>\S+): send UTF-8 without one",
    "reason.frame": r"the value begins with the five bytes that a schema registry's serializer writes: send the JSON alone",
    "reason.bytes": r"byte (?P<at>\d+) of the value, (?P<byte>0x\w+), is not UTF-8: send the text as UTF-8, not as Latin-1 or another encoding",
    "reason.wide": r"the value is not UTF-8 but looks like UTF-16: send UTF-8",
    "reason.no_json": rf"the value is not JSON: (?P<fault>.+) {_PLACE}",
    "reason.no_number": rf"(?P<word>NaN|-?Infinity) {_PLACE} is not JSON: send null or a text in its place",
    "reason.object": r"an event is a JSON object",
    "reason.object.not": rf"an event is a JSON object, this is (?P<found>{_JSON})",
    "reason.integer": r"the integer (?P<digits>\S+) needs more than 64 bit; send it as a text",
    "reason.double": r"the number (?P<digits>\S+) is beyond a double; send it as a text",
    "reason.double.at": rf"the number {_PLACE} is beyond a double; send it as a text",
    "reason.deep.at": rf"objects and arrays are nested too deeply {_PLACE}: send a flatter payload",
    "reason.deep": r"nested more than (?P<most>\d+) levels deep",
    "reason.nul": r"the name of a field holds U\+0000",
    "reason.header": r"the header (?P<name>\S+) is not UTF-8",
    "reason.headers": r"the name of a header is not UTF-8: none of its headers can be read or kept",
    "reason.version": r"specversion must be (?P<version>'.*')",
    "reason.attribute": r"the CloudEvents attribute (?P<name>'.*') must be a non-empty text",
    "reason.message_type": r"nothing here reads messages of type (?P<type>'.*'|\".*\")",
    "reason.account": r"(?P<value>'.*') is not one of PONTE_ACCOUNTS",
    "reason.topic": r"(?P<value>'.*') does not belong on (?P<topic>\S+)",
    "reason.kind": r"(?P<value>'.*') stands in a message of type (?P<type>'.*')",
}
"""Key of the words → the sentence as it is written where the fault is found."""

_SENTENCES: Final = tuple((key, re.compile(pattern)) for key, pattern in REASONS.items())
_QUOTED: Final = ": send the JSON itself, not as a quoted text"
_NEXT_FIELD: Final = re.compile(r"; (?=[\w.]+: )")
_OF_FIELD: Final = re.compile(r"((?:[\w.]+: )?)(.*)", re.DOTALL)


def reason_told(t: Words, reason: str) -> str:
    """Return a reason, or several with `field: ` before each, in the language of `t`; what is no known sentence as it is."""
    told = []
    for part in _NEXT_FIELD.split(reason):
        field, sentence = _OF_FIELD.fullmatch(part).groups()  # type: ignore[union-attr]  # it matches any text
        told.append(field + _sentence_told(t, sentence))
    return "; ".join(told)


def _sentence_told(t: Words, sentence: str) -> str:
    bare = sentence.removesuffix(_QUOTED)
    for key, pattern in _SENTENCES:
        if found := pattern.fullmatch(bare):
            is_quoted = bare != sentence
            return t(key, **_filled(t, found.groupdict())) + (t("reason.quoted") if is_quoted else "")
    return sentence


def _filled(t: Words, held: dict[str, str]) -> dict[str, str]:
    return {
        name: t(f"reason.json.{text.replace(' ', '_')}") if name in {"wanted", "found"} else text
        for name, text in held.items()
    }
