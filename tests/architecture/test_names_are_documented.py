"""A name that an operator meets stands on a page. A failing test prints the lines that the page wants."""

import importlib
import re
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from pydantic_core import PydanticUndefined

from deploy.demo.settings import DemoSettings
from shared.contracts import names
from shared.contracts.names import COLLECTIONS, DAY_MS, KIB, TOPICS, CollectionSpec, IndexSpec, TopicSpec
from shared.runtime import metrics
from shared.runtime.settings import Settings

HOUSE = Path(__file__).parents[2]
NAMES_PAGE = HOUSE / "shared/decisions/0007-names.md"
ENVIRONMENT_PAGE = HOUSE / "README.md"
METRICS_PAGE = HOUSE / "deploy/README.md"
SERVICES = ["ingest", "query", "reprocessor", "exporter"]
MINUS = "\N{MINUS SIGN}"


def topic_row(topic: TopicSpec) -> str:
    """Return a topic's line: name, partitions, days kept, largest message, time of the broker or of the sender, purpose."""
    days = "for ever" if topic.retention_ms < 0 else f"{topic.retention_ms // DAY_MS} days"
    time = "broker" if topic.log_append_time else "sender"
    return f"| `{topic.name}` | {topic.partitions} | {days} | {topic.max_message_bytes // KIB} KiB | {time} | {topic.purpose} |"


def collection_row(collection: CollectionSpec) -> str:
    """Return a collection's line: name, writer, purpose."""
    purpose = collection.purpose.replace("|", r"\|")
    return f"| `{collection.name}` | {collection.writer} | {purpose} |"


def index_row(collection: CollectionSpec, index: IndexSpec) -> str:
    """Return an index's line: collection, name, fields (a minus is descending), kind, purpose."""
    fields = ", ".join(f"{MINUS if order < 0 else ''}{name}" for name, order in index.keys)
    kinds = [
        *(["unique"] if index.unique else []),
        *([f"expires after {index.expire_after_seconds} s"] if index.expire_after_seconds is not None else []),
        *(["partial"] if index.partial is not None else []),
    ]
    return f"| `{collection.name}` | `{index.name}` | {fields} | {', '.join(kinds)} | {index.purpose} |"


def names_rows() -> list[str]:
    """Return every line that the page of names wants."""
    return [
        *map(topic_row, TOPICS),
        *map(collection_row, COLLECTIONS),
        *(index_row(collection, index) for collection in COLLECTIONS for index in collection.indexes),
        *(f"| `{value}` |" for name, value in vars(names).items() if name.startswith("HEADER_")),
    ]


def environment_rows() -> list[str]:
    """Return the line of every setting: variable, default, meaning; first those that all services share."""
    rows: dict[str, str] = {}
    services = [importlib.import_module(f"services.{name}.settings").Settings for name in SERVICES]
    for model in (Settings, *services, DemoSettings):
        for name, field in model.model_fields.items():
            rows.setdefault(name, f"| `PONTE_{name.upper()}` | {default_of(field.default)} | {field.description} |")
    return list(rows.values())


def default_of(value: object) -> str:
    """Return a default as a person would write it into the environment; durations are seconds."""
    if value is PydanticUndefined:
        return "required"
    if value is None or value == "":
        return "none"
    if isinstance(value, tuple):
        return f"`{','.join(f'{one.total_seconds():g}' for one in value)}`"
    return f"`{value.total_seconds():g}` s" if isinstance(value, timedelta) else f"`{value}`"


def metrics_rows() -> list[str]:
    """Return the line of every metric: the name that Prometheus reads, meaning and remedy."""
    declared = {id(metric) for metric in vars(metrics).values() if hasattr(metric, "collect")}
    families = [
        (collector, family)
        for collector in {id(one): one for one in REGISTRY._names_to_collectors.values()}.values()
        if id(collector) in declared
        for family in collector.describe()
    ]
    return [
        f"| `{family.name}{'_total' if family.type == 'counter' else ''}` | {family.type} | {family.documentation} |"
        for _, family in families
    ]


def tables_of(page: Path) -> set[str]:
    """Return the lines of a page's tables, blanks evened out."""
    lines = page.read_text(encoding="utf-8").splitlines()
    return {evened(line) for line in lines if line.startswith("|")}


def evened(line: str) -> str:
    """Return a table's line with single blanks."""
    return re.sub(r" +", " ", line).strip()


@pytest.mark.parametrize(
    ("page", "rows"),
    [(NAMES_PAGE, names_rows), (ENVIRONMENT_PAGE, environment_rows), (METRICS_PAGE, metrics_rows)],
    ids=["names", "environment", "metrics"],
)
def test_every_name_stands_on_its_page(page: Path, rows) -> None:
    written = tables_of(page)

    missing = [row for row in rows() if not any(line.startswith(evened(row)) for line in written)]

    assert not missing, f"{page.relative_to(HOUSE)} lacks\n" + "\n".join(missing)


def test_the_page_of_names_lists_nothing_that_is_gone() -> None:
    known = {topic.name for topic in TOPICS} | {one.name for one in COLLECTIONS}
    known |= {index.name for one in COLLECTIONS for index in one.indexes}
    known |= {value for name, value in vars(names).items() if name.startswith("HEADER_")}

    listed = {cell for line in tables_of(NAMES_PAGE) for cell in re.findall(r"^\| `([^`]+)`", line)}

    assert listed - known == set()


def test_every_environment_variable_on_the_page_exists() -> None:
    known = {row.split("`")[1] for row in environment_rows()}

    assert listed_variables() - known - read_by_deploy() == set()


def test_what_deploy_reads_from_the_environment_stands_on_the_page() -> None:
    assert {"PONTE_DATA", "PONTE_KAFKA_LOG_LEVEL"} <= read_by_deploy()
    assert read_by_deploy() - listed_variables() == set()


def listed_variables() -> set[str]:
    """Return the environment variables of the page's tables."""
    return {name for line in tables_of(ENVIRONMENT_PAGE) for name in re.findall(r"^\| `(PONTE_\w+)`", line)}


def read_by_deploy() -> set[str]:
    """Return the variables that deploy takes from the environment by itself: `environ.get("PONTE_…")`, `environ["PONTE_…"]`."""
    reading = re.compile(r"""(?:\.get\(|environ\[)\s*"(PONTE_\w+)\"""")
    return {name for path in (HOUSE / "deploy").rglob("*.py") for name in reading.findall(path.read_text("utf-8"))}
