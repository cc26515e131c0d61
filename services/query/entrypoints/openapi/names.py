"""What generated clients call our closed lists of values, and what each group of operations is about."""

from typing import Final, get_args

from services.query.core.diff import ChangeKind
from services.query.core.freshness import Freshness
from services.query.core.integration import Standing
from services.query.core.keys import KeyState
from services.query.core.letters import Encoding
from services.query.core.permissions import Scope
from services.query.core.sorting import Sort
from services.query.handlers.comparing import Basis, Incomparable
from services.query.handlers.insights import Bucket
from services.query.handlers.reading import Relation
from services.query.handlers.stream.ports import ClosingReason, ResyncReason
from shared.contracts.catalogue.model import RetryAdvice
from shared.contracts.commands import Format, JobState, Language
from shared.contracts.dead_letters import LetterState
from shared.contracts.entries import ReprocessState
from shared.contracts.events import Status
from shared.contracts.filters import DateAxis
from shared.contracts.imports import RowFault, RowState
from shared.contracts.names import Kind

ENUMERATIONS: Final[dict[str, tuple[str, ...]]] = {
    "Kind": get_args(Kind),
    "Status": get_args(Status),
    "RetryAdvice": get_args(RetryAdvice),
    "DateAxis": get_args(DateAxis),
    "Sort": get_args(Sort),
    "Relation": get_args(Relation),
    "Bucket": get_args(Bucket),
    "Basis": get_args(Basis),
    "Incomparable": get_args(Incomparable),
    "ChangeKind": get_args(ChangeKind),
    "JobState": get_args(JobState),
    "ReprocessState": get_args(ReprocessState),
    "ReportFormat": get_args(Format),
    "Language": get_args(Language),
    "ImportRowState": get_args(RowState),
    "ImportRowFault": get_args(RowFault),
    "LetterState": get_args(LetterState),
    "ContentEncoding": get_args(Encoding),
    "IntegrationState": get_args(Standing),
    "Freshness": get_args(Freshness),
    "KeyState": get_args(KeyState),
    "Scope": get_args(Scope),
    "ResyncReason": get_args(ResyncReason),
    "ClosingReason": get_args(ClosingReason),
}

TAGS: Final = {
    "logs": "What happened to each item: lists, one item, its history, what changed since it last worked.",
    "stories": "One item across kinds and affiliates.",
    "summary": "Counts and a time series, by the filter of the lists.",
    "groups": "Root causes: what failed, by what its causes say.",
    "stream": "The same rows as they change.",
    "reprocess": "Failed items sent to their connectors again.",
    "exports": "Reports made in the background.",
    "imports": "Edited reports that come back: what a reprocess of their rows would do, then that reprocess.",
    "dead letters": "Records that could not be used, and their way back.",
    "integrations": "The registered connections to marketplaces, and how they do.",
    "views": "Filters of the lists under a name, which the whole account sees.",
    "errors": "What can go wrong, and what to do about it.",
    "sign-in": "The way into the panel.",
    "keys": "Who may ask.",
    "audit": "Who changed or saw what.",
    "health": "Probes.",
}
