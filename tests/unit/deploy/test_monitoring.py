"""deploy/monitoring: what rules and dashboard ask for is what the processes tell, and every alert says what to do."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.ingest.settings import Settings as IngestSettings
from services.query.settings import Settings as QuerySettings
from tests.support.told_metrics import SCRAPED, labels_by_series

HOUSE = Path(__file__).parents[3]
FOLDER = HOUSE / "deploy/monitoring"
SERVICES = sorted(path.parent.name for path in (HOUSE / "services").glob("*/__init__.py"))
TOLD = labels_by_series()
GROUPS: list[dict[str, Any]] = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))["groups"]
ALERTS: dict[str, dict[str, Any]] = {rule["alert"]: rule for group in GROUPS for rule in group["rules"]}
CASES: list[dict[str, Any]] = yaml.safe_load((FOLDER / "alerts_test.yml").read_text(encoding="utf-8"))["tests"]
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
PANELS: dict[str, dict[str, Any]] = {
    f"{panel['id']} {panel['title']}": panel for panel in DASHBOARD["panels"] if panel["type"] != "row"
}
SCRAPES = (FOLDER / "prometheus.yml").read_text(encoding="utf-8")

WORD = r"[a-zA-Z_]\w*"
SELECTOR = re.compile(r"\b((?:ponte_|process_)\w+|up)\b(?:\{([^}]*)\})?")
MATCHER = re.compile(rf'({WORD})\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
GROUPING = re.compile(r"\b(?:by|without|on|ignoring) \(([^)]*)\)")
UNITS = {"short", "s", "bytes", "percentunit", "cps", "reqps"}


def expressions() -> dict[str, str]:
    """Return every expression of rules and dashboard by where it stands."""
    of_panels = {
        f"{title} {target['refId']}": target["expr"] for title, panel in PANELS.items() for target in panel["targets"]
    }
    return {**{name: rule["expr"] for name, rule in ALERTS.items()}, **of_panels}


def asked(expression: str) -> list[tuple[str, dict[str, str]]]:
    """Return the series that an expression asks for, each with its matchers."""
    return [(name, dict(MATCHER.findall(matchers))) for name, matchers in SELECTOR.findall(expression)]


def kept(expression: str) -> set[str]:
    """Return the labels by which an expression gathers."""
    return {label.strip() for labels in GROUPING.findall(expression) for label in labels.split(",") if label.strip()}


def labels_of(expression: str) -> set[str]:
    """Return the labels that the series of an expression have in all."""
    return {label for name, _ in asked(expression) for label in TOLD.get(name, ())}


EXPRESSIONS = expressions()


@pytest.mark.parametrize("place", EXPRESSIONS)
def test_what_is_asked_for_is_told(place: str) -> None:
    found = asked(EXPRESSIONS[place])

    assert found
    assert {name for name, _ in found} - TOLD.keys() == set()
    assert {(name, label) for name, matchers in found for label in matchers if label not in TOLD[name]} == set()
    assert kept(EXPRESSIONS[place]) - labels_of(EXPRESSIONS[place]) == set()


def test_every_metric_of_ours_is_on_the_dashboard() -> None:
    shown = {name for panel in PANELS.values() for target in panel["targets"] for name, _ in asked(target["expr"])}
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in TOLD if name.startswith("ponte_")}

    assert {family for family in families if not any(name.startswith(family) for name in shown)} == set()


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_grave_it_is_what_it_means_and_what_to_do(name: str) -> None:
    rule = ALERTS[name]

    assert re.fullmatch(r"[1-9]\d*[mh]", rule["for"])
    assert rule["labels"].keys() == {"severity"}
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"].keys() == {"summary", "description", "action"}
    assert all(len(text) > 30 for text in rule["annotations"].values())


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_names_only_labels_that_it_has(name: str) -> None:
    rule = ALERTS[name]
    named = set(re.findall(rf"\$labels\.({WORD})", rule["annotations"]["summary"]))
    gathers = bool(re.search(r"\b(sum|max|min|avg|histogram_quantile)\b", rule["expr"]))

    assert named - (kept(rule["expr"]) if gathers else labels_of(rule["expr"])) == set()


@pytest.mark.parametrize("name", ALERTS)
def test_a_setting_that_an_alert_names_is_one(name: str) -> None:
    known = (HOUSE / "README.md").read_text(encoding="utf-8")
    texts = " ".join(ALERTS[name]["annotations"].values())

    assert [one for one in re.findall(r"PONTE_\w+", texts) if f"| `{one}` |" not in known] == []


def test_every_alert_is_shown_to_come_and_none_comes_when_all_is_well() -> None:
    steps = [step for case in CASES for step in case["promql_expr_test"]]
    shown = {
        name for step in steps if step.get("exp_samples") for name in re.findall(r'alertname="(\w+)"', step["expr"])
    }

    assert shown == ALERTS.keys()
    assert {"eval_time": "115m", "expr": 'ALERTS{alertstate="firing"}'} in steps


def test_the_page_names_every_alert_and_no_other() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")

    assert set(re.findall(r"`(Ponte\w+)`", page)) == ALERTS.keys()


def test_a_check_that_an_alert_names_is_one_that_a_service_makes() -> None:
    code = " ".join(path.read_text(encoding="utf-8") for path in (HOUSE / "services").glob("*/app.py"))
    made = set(re.findall(r'add_check\("([^"]+)"', code)) | set(re.findall(r'Health\(\{"([^"]+)"', code))
    named = {
        name
        for expression in EXPRESSIONS.values()
        for _, matchers in asked(expression)
        for name in matchers.get("check", "").split("|")
        if name
    }

    assert named
    assert named <= made


def test_all_services_are_missed_and_called_as_prometheus_calls_them() -> None:
    missed = {matchers["job"] for _, matchers in asked(ALERTS["PonteServiceGone"]["expr"])} - {"ponte-.*"}

    assert missed == {f"ponte-{service}" for service in SERVICES}
    assert "target_label: job\n        replacement: ponte-$1\n" in SCRAPES
    assert yaml.safe_load(SCRAPES)["rule_files"] == ["alerts.yml"]


def test_what_alerts_measure_against_lies_below_the_bounds_of_the_code() -> None:
    days, streams = (
        re.findall(r"> (\d+)", ALERTS[name]["expr"])[0] for name in ("PonteDeadLettersExpire", "PonteStreamsFull")
    )

    assert int(days) < IngestSettings.model_fields["ingest_dead_letter_keep_days"].default
    assert int(streams) < QuerySettings.model_fields["query_streams"].default


def test_memory_is_told_of_before_the_least_container_is_full() -> None:
    (mebibytes,) = re.findall(r"> (\d+) \* 1024 \* 1024", ALERTS["PonteMemoryHigh"]["expr"])
    manifests = [
        document
        for path in (HOUSE / "deploy/kubernetes/base").glob("*.yaml")
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
        if document and document["kind"] == "Deployment"
    ]
    limits = [
        container["resources"]["limits"]["memory"]
        for document in manifests
        for container in document["spec"]["template"]["spec"]["containers"]
    ]

    assert len(limits) == len(SERVICES)
    assert int(mebibytes) < min(int(limit.removesuffix("Mi")) for limit in limits)


@pytest.mark.parametrize("title", PANELS)
def test_a_panel_has_a_unit_and_its_names_are_labels(title: str) -> None:
    panel = PANELS[title]

    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    for target in panel["targets"]:
        named = set(re.findall(rf"\{{\{{({WORD})\}}\}}", target["legendFormat"]))
        assert named - (kept(target["expr"]) or set(SCRAPED)) == set()
        assert target["datasource"]["uid"] == "${datasource}"


def test_no_two_panels_lie_on_one_another() -> None:
    taken = [
        (column, line)
        for panel in DASHBOARD["panels"]
        for column in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for line in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]

    assert len(taken) == len(set(taken))
    assert max(column for column, _ in taken) < 24
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
