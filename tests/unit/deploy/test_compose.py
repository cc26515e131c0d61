"""docker-compose.yml, as far as it can be held without a container engine."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.mongod import SNAPSHOT_SECONDS, STORAGE
from deploy.local.process import UNHURRIED_SHARES
from tests.support.service_settings import settings_of

HOUSE = Path(__file__).parents[3]
TEXT = (HOUSE / "docker-compose.yml").read_text(encoding="utf-8")
SERVICES: dict[str, Any] = yaml.safe_load(TEXT)["services"]
OURS = ["ingest", "query", "reprocessor", "exporter"]
SERVERS = ["kafka", "mongo"]
OFFERED = set(re.findall(r"^#?(PONTE_\w+)=", (HOUSE / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))
FIXED = {
    *("PONTE_KAFKA_BOOTSTRAP", "PONTE_MONGO_URI", "PONTE_API_URL", "PONTE_EXPORTER_TEMP_FOLDER"),
    *("PONTE_HEALTH_HOST", "PONTE_HEALTH_PORT", "PONTE_QUERY_HOST", "PONTE_HTTP_PORT"),
}
"""What only the compose file knows; on one machine without containers other values are right."""
READ_BY_PROVISION = {"PONTE_KAFKA_BOOTSTRAP", "PONTE_MONGO_URI"}


def test_every_service_of_the_house_is_there() -> None:
    rooms = {path.parent.name for path in (HOUSE / "services").glob("*/__init__.py")}

    assert rooms == set(OURS)
    assert set(SERVICES) == {*OURS, *SERVERS, "provision", "demo"}


@pytest.mark.parametrize("name", OURS)
def test_a_service_starts_after_provision_and_says_when_it_is_ready(name: str) -> None:
    service = SERVICES[name]

    assert service["depends_on"] == {"provision": {"condition": "service_completed_successfully"}}
    assert "/health/ready" in service["healthcheck"]["test"][-1]
    assert service["build"]["args"] == {"SERVICE": name}


def test_provision_waits_for_healthy_servers() -> None:
    assert SERVICES["provision"]["depends_on"] == {name: {"condition": "service_healthy"} for name in SERVERS}
    assert all("healthcheck" in SERVICES[name] for name in SERVERS)


def test_mongod_writes_its_pages_as_without_a_container() -> None:
    command = SERVICES["mongo"]["command"]

    assert {option: command[command.index(option) + 1] for option in STORAGE} == STORAGE
    assert f"minSnapshotHistoryWindowInSeconds={SNAPSHOT_SECONDS}" in command


def test_whom_people_wait_for_goes_first() -> None:
    shares = {name: service.get("cpu_shares") for name, service in SERVICES.items()}

    assert [name for name, share in shares.items() if share is None] == ["mongo", "provision", "query"]
    assert set(shares.values()) == {None, UNHURRIED_SHARES}


def test_the_demo_comes_only_when_asked_for() -> None:
    assert [name for name, service in SERVICES.items() if "profiles" in service] == ["demo"]


def test_only_the_panel_is_published_and_only_to_this_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}

    assert published == {"query": ["127.0.0.1:8080:8080"]}
    assert not any("network_mode" in service for service in SERVICES.values())


@pytest.mark.parametrize("name", [*OURS, "demo"])
def test_every_variable_is_one_that_the_service_reads(name: str) -> None:
    given = {name for name, value in SERVICES[name]["environment"].items() if name.startswith("PONTE_") and value}

    assert given - settings_of(name) == set()


@pytest.mark.parametrize("name", [*OURS, "provision", "demo"])
def test_every_setting_may_stand_in_the_environment_file(name: str) -> None:
    assert SERVICES[name]["env_file"] == [{"path": ".env", "required": False}]


@pytest.mark.parametrize("name", [*OURS, "provision", "demo"])
def test_what_the_containers_need_goes_before_the_environment_file(name: str) -> None:
    read = READ_BY_PROVISION if name == "provision" else settings_of(name)

    assert FIXED & read - {variable for variable, value in SERVICES[name]["environment"].items() if value} == set()


def test_the_key_reaches_only_those_who_need_it() -> None:
    keys = {name: SERVICES[name]["environment"]["PONTE_API_KEY"] for name in [*OURS, "provision", "demo"]}

    assert {name for name, key in keys.items() if key} == {"query", "demo"}


def test_the_example_environment_names_only_what_is_read() -> None:
    known = set().union(*map(settings_of, OURS))

    assert OFFERED
    assert OFFERED - known == set()


@pytest.mark.parametrize("name", [*OURS, "demo"])
def test_what_the_example_environment_offers_reaches_whoever_reads_it(name: str) -> None:
    assert (OFFERED - {"PONTE_API_KEY"}) & settings_of(name) - set(SERVICES[name]["environment"]) == set()


def test_reports_in_the_making_stand_on_a_disk_and_not_in_memory() -> None:
    exporter = SERVICES["exporter"]
    folder = exporter["environment"]["PONTE_EXPORTER_TEMP_FOLDER"]

    assert exporter["volumes"] == [f"spool:{folder}"]
    assert "spool" in yaml.safe_load(TEXT)["volumes"]
    # A new volume takes the owner of the folder that the image has there; nobody else could write to it.
    recipe = (HOUSE / "deploy/Dockerfile").read_text(encoding="utf-8")
    assert f"install --directory --owner=ponte --mode=700 {folder}\n" in recipe


def test_the_key_is_never_in_the_file() -> None:
    assert SERVICES["query"]["environment"]["PONTE_API_KEY"].startswith("${PONTE_API_KEY:?")


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_container_has_more_rights_or_memory_than_it_needs(name: str) -> None:
    service = SERVICES[name]

    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service.get("read_only") is (None if name == "kafka" else True)


def test_images_of_others_are_pinned() -> None:
    assert all(re.search(r":\d", SERVICES[name]["image"]) for name in SERVERS)
